/** The driver as a process of its own: `dmthin all` on a new loop pool, spoken to over its socket. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { DmName, PoolName } from "../src/core/ids.ts";
import { isPoolName, poolDeviceName } from "../src/core/ids.ts";
import type { CsiClient } from "../test/support/csi-client.ts";
import { connectCsi } from "../test/support/csi-client.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const START_MS = 60_000;
const STOP_MS = 30_000;

export class DemoDriver {
  /** Absolute; everything of the demo is below. */
  readonly directory: string;
  readonly pool: PoolName;
  #child: ChildProcess | undefined;
  #client: CsiClient | undefined;

  constructor(directory: string, pool: string) {
    if (!isPoolName(pool)) throw new RangeError(`not a pool name: ${pool}`);
    this.directory = directory;
    this.pool = pool;
  }

  get kubeletDirectory(): string {
    return `${this.directory}/kubelet`;
  }

  get poolDevice(): DmName {
    return poolDeviceName(this.pool, "pool");
  }

  get csi(): CsiClient {
    if (this.#client === undefined) throw new Error("the driver is not running");
    return this.#client;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Writes the configuration: one loop pool of `dataSize`. */
  async configure(dataSize: string): Promise<void> {
    await mkdir(this.kubeletDirectory, { recursive: true });
    const lines = [
      "nodeName: demo",
      `endpoint: unix://${this.#socket}`,
      `kubeletDirectory: ${this.kubeletDirectory}`,
      `stateDirectory: ${this.directory}/state`,
      "pools:",
      `  - name: ${this.pool}`,
      "    backing: loop",
      `    directory: ${this.directory}/pool`,
      `    dataSize: ${dataSize}`,
    ];
    await writeFile(this.#configuration, `${lines.join("\n")}\n`);
  }

  /** Resolves as soon as Probe says ready. */
  async start(): Promise<void> {
    const log = openSync(this.#log, "a");
    // Its own session: Ctrl-C ends the demo, which then ends the driver.
    this.#child = spawn(process.execPath, [MAIN, "all", "--config", this.#configuration], {
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    this.#client = connectCsi(`unix://${this.#socket}`);
    const end = performance.now() + START_MS;
    while (!(await this.#ready())) {
      if (this.#ended) throw new Error(`the driver ended at its start:\n${await this.lastWords()}`);
      if (performance.now() > end) throw new Error(`the driver is not ready:\n${await this.lastWords()}`);
      await sleep(50);
    }
  }

  /** `SIGKILL`: as the kernel's out-of-memory killer would. `SIGTERM`: as Kubernetes ends a pod. Answers when it is gone. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#client?.close();
    this.#client = undefined;
    if (child === undefined || this.#ended) return;
    const gone = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
    });
    child.kill(signal);
    const late = sleep(STOP_MS, "late", { ref: false });
    if ((await Promise.race([gone, late])) === "late") {
      child.kill("SIGKILL");
      await gone;
      throw new Error(`the driver did not end within ${STOP_MS} ms of ${signal}`);
    }
  }

  /** The end of the driver's log. */
  async lastWords(): Promise<string> {
    const text = await readFile(this.#log, "utf8").catch(() => "");
    return text.trim().split("\n").slice(-15).join("\n");
  }

  async #ready(): Promise<boolean> {
    try {
      const { ready } = await this.csi.identity.probe({}, { deadlineMs: 2000 });
      return ready?.value === true;
    } catch {
      // Not listening yet.
      return false;
    }
  }

  get #ended(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get #socket(): string {
    return `${this.directory}/csi.sock`;
  }

  get #configuration(): string {
    return `${this.directory}/dmthin.yaml`;
  }

  get #log(): string {
    return `${this.directory}/driver.log`;
  }
}
