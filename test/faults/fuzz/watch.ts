/** Asks Probe all the time, on a connection of its own, and looks at the driver's memory. */
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { connectCsi, type CsiClient } from "../../support/csi-client.ts";
import type { TestDriver } from "../../support/driver.ts";

const PAUSE_MS = 200;
/** Not a speed: the test kernel has one processor, and the fuzzer shares it. */
const PATIENCE_MS = 10_000;
const MIB = 1024;

export class Watch {
  readonly #client: CsiClient;
  readonly #pid: number;
  readonly #done: Promise<void>;
  readonly #failures: string[] = [];
  #answers = 0;
  #longestMs = 0;
  #stopped = false;

  constructor({ endpoint, pid }: TestDriver) {
    this.#client = connectCsi(endpoint);
    this.#pid = pid;
    this.#done = this.#run();
  }

  get answers(): number {
    return this.#answers;
  }

  /** What went wrong since the last question. */
  takeFailures(): readonly string[] {
    return this.#failures.splice(0);
  }

  get longestMs(): number {
    return Math.round(this.#longestMs);
  }

  /** Mebibytes that are resident now, and at most so far. */
  memory(): { readonly now: number; readonly most: number } {
    const text = readFileSync(`/proc/${this.#pid}/status`, "utf8");
    const field = (name: string): number =>
      Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / MIB);
    return { now: field("VmRSS"), most: field("VmHWM") };
  }

  openFiles(): number {
    return readdirSync(`/proc/${this.#pid}/fd`).length;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    this.#client.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const begin = performance.now();
      try {
        const { ready } = await this.#client.identity.probe({}, { deadlineMs: PATIENCE_MS });
        if (ready?.value === true) this.#answers += 1;
        else this.#failures.push("Probe: not ready");
      } catch (error) {
        this.#failures.push(`Probe: ${String(error)}`);
      }
      this.#longestMs = Math.max(this.#longestMs, performance.now() - begin);
      await sleep(PAUSE_MS);
    }
  }
}
