/** A node with several pools whose driver is killed again and again, in one of the ways of `points.ts`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { CsiClient } from "../../support/csi-client.ts";
import { Cgroup } from "../../support/cgroup.ts";
import { loopPool, type RawConfig, startDriver, type TestDriver } from "../../support/driver.ts";
import { linesOf, takeDown } from "../../support/machine-state.ts";
import { hasInRow, processesWith } from "../../support/process-words.ts";
import { scratchDirectory } from "../../support/scratch.ts";
import { outcomeOf } from "../../support/node-bench.ts";
import { SlowTools } from "../../support/slow-tools.ts";
import { SHARED_DIRECTORIES, VolumeLife } from "../../support/volume-life.ts";
import type { Death } from "./points.ts";

const MAIN = join(import.meta.dirname, "../../../src/main.ts");
const REACH_MS = 60_000;
const WAIT_FOR_LOCK_MS = 20_000;

export interface StartOptions {
  /** Only these, instead of all. */
  readonly pools?: readonly RawConfig[];
  readonly untilListening?: boolean;
}

export class KillNode {
  readonly pools: readonly string[];
  readonly tools: SlowTools;
  readonly kubeletDirectory: string;
  readonly #directory: string;
  readonly #scratch: string;
  readonly #faults: string;
  readonly #cgroup = new Cgroup("dmthin-kill");
  /** The guard of another container: it outlives the drivers that can die so. */
  #guard: ChildProcess | undefined;
  #driver: TestDriver | undefined;
  #starting: Promise<TestDriver> | undefined;

  private constructor(pools: readonly string[], directory: string, scratch: string) {
    this.pools = pools;
    this.#directory = directory;
    this.#scratch = scratch;
    this.kubeletDirectory = `${directory}/kubelet`;
    this.#faults = `${directory}/faults`;
    this.tools = new SlowTools(`${directory}/tools`, this.#faults);
  }

  /** Without a driver yet. */
  static async make(pools: readonly string[]): Promise<KillNode> {
    const scratch = await mkdtemp(`${scratchDirectory()}/kill-`);
    const directory = await mkdtemp("/run/dmthin-kill-");
    const node = new KillNode(pools, directory, scratch);
    for (const each of SHARED_DIRECTORIES)
      await mkdir(`${node.kubeletDirectory}/${each}`, { recursive: true });
    return node;
  }

  get driver(): TestDriver {
    if (this.#driver === undefined) throw new Error("the driver is not running");
    return this.#driver;
  }

  get csi(): CsiClient {
    return this.driver.client;
  }

  lifeIn(pool: string): VolumeLife {
    return new VolumeLife({ csi: () => this.csi, kubeletDirectory: this.kubeletDirectory, pool });
  }

  /** A driver that can die so. */
  async start(death: Death, start: StartOptions = {}): Promise<void> {
    await this.#chooseGuard(death);
    this.#starting = startDriver({
      directory: this.#directory,
      pools: start.pools ?? this.pools.map((name) => this.pool(name)),
      untilListening: start.untilListening ?? false,
      config: death === "container" ? { guard: { socket: this.#guardSocket } } : {},
      environment: { DMTHIN_FAULT_FILE: this.#faults },
      ...(death === "process" ? {} : { cgroup: this.#cgroup.directory }),
    });
    this.#driver = await this.#starting;
  }

  /** As in the configuration. */
  pool(name: string, dataSize = "8GiB"): RawConfig {
    return loopPool(this.#scratch, name, dataSize);
  }

  async kill(death: Death): Promise<void> {
    if (death !== "process") await this.#cgroup.kill();
    await this.driver.kill();
    for (const each of ["", ".reached", ".trace"]) await rm(this.#faults + each, { force: true });
  }

  /** The points passed since the last call, in the order of their time. */
  async takeTrace(): Promise<readonly string[]> {
    const lines = this.#lines(".trace");
    await rm(`${this.#faults}.trace`, { force: true });
    return lines;
  }

  /** From now on points that match are passed so (src/fault-point.ts). */
  async rule(how: string, pattern: string): Promise<void> {
    await appendFile(this.#faults, `${how} ${pattern}\n`);
  }

  async noRules(): Promise<void> {
    for (const each of ["", ".reached", ".tools"]) await rm(this.#faults + each, { force: true });
  }

  /** `call` is begun, and gets to the one point that matches. `how`: as in `rule`. Answers the text of the point. */
  async standStill(call: () => Promise<unknown>, how: string, pattern: string): Promise<string> {
    const passed = this.#lines(".reached").length;
    const waiting = this.tools.waiting();
    await this.rule(how, pattern);
    const early = outcomeOf(call()).then(({ code, details }) => {
      throw new Error(`ended before ${pattern}: ${code} ${details}`);
    });
    // The kill ends it later, which is no failure.
    early.catch(() => undefined);
    const line = await Promise.race([early, this.#reach(passed)]);
    if (how !== "still") await Promise.race([early, this.tools.reach(waiting + 1)]);
    return line.replace(/^.* #\d+ /, "");
  }

  async #reach(passed: number): Promise<string> {
    const end = performance.now() + REACH_MS;
    for (;;) {
      const line = this.#lines(".reached")[passed];
      if (line !== undefined) return line;
      if (performance.now() > end) throw new Error("the point was not reached");
      await sleep(10);
    }
  }

  /** For a start that was begun and not awaited. */
  async untilStarted(): Promise<void> {
    await this.#starting;
  }

  /** The next driver; its pools are to wait for tools of the dead one, in that many pools. Answers whether they did. */
  async startBesideOrphans(pools: number, death: Death, start: StartOptions = {}): Promise<boolean> {
    const starting = this.start(death, start);
    starting.catch(() => undefined);
    const waited = await this.#untilLocksAreWaitedFor(pools);
    this.tools.release();
    await starting;
    return waited;
  }

  async #untilLocksAreWaitedFor(pools: number): Promise<boolean> {
    const end = performance.now() + WAIT_FOR_LOCK_MS;
    while (this.#waitingLocks() < pools) {
      if (performance.now() > end) return false;
      await sleep(50);
    }
    return true;
  }

  /** Pools whose lock a starting driver waits for, because a tool of a dead one still runs. */
  #waitingLocks(): number {
    return processesWith(waitsForLock).length;
  }

  /** Of the guard that a driver started, if there is one. */
  get ownGuardPid(): number | undefined {
    const own = ["guard", "--socket", `${this.stateDirectory}/guard.sock`];
    return processesWith((words) => hasInRow(words, ...own))[0];
  }

  /** As kubelet does with a container that ended. */
  async restartGuard(): Promise<void> {
    await this.#endGuard();
    const args = ["guard", "--socket", this.#guardSocket, "--state-directory", this.stateDirectory];
    this.#guard = spawn(process.execPath, [MAIN, ...args], { stdio: "ignore" });
    await untilThere(this.#guardSocket);
  }

  async #endGuard(): Promise<void> {
    const guard = this.#guard;
    this.#guard = undefined;
    if (guard === undefined || guard.exitCode !== null || guard.signalCode !== null) return;
    guard.kill("SIGKILL");
    await once(guard, "exit");
    rmSync(this.#guardSocket, { force: true });
  }

  /** One guard at a time: an earlier one goes on watching what it resumed, and takes a later suspend for a late one. */
  async #chooseGuard(death: Death): Promise<void> {
    const own = this.ownGuardPid;
    if (death !== "process" && own !== undefined) process.kill(own, "SIGKILL");
    if (death !== "container") await this.#endGuard();
    else if (this.#guard === undefined) await this.restartGuard();
  }

  /** A driver whose configuration reads so. Answers its exit code. */
  async startMisconfigured(text: string): Promise<number | null> {
    const path = `${this.#directory}/broken.yaml`;
    writeFileSync(path, text);
    const child = spawn(process.execPath, [MAIN, "all", "--config", path], { stdio: "ignore" });
    await once(child, "exit");
    return child.exitCode;
  }

  /** What drivers have printed. */
  log(): readonly string[] {
    return linesOf(readFileSync(`${this.#directory}/driver.log`, "utf8"));
  }

  get stateDirectory(): string {
    return `${this.#directory}/state`;
  }

  /** Where the files of a pool are. */
  directoryOf(pool: string): string {
    return `${this.#scratch}/${pool}`;
  }

  /** Takes everything down. */
  async stop(): Promise<void> {
    try {
      this.tools.release();
      await this.noRules();
      await this.#driver?.stop();
    } finally {
      await this.#endGuard();
      const places = [this.kubeletDirectory, this.#directory, this.#scratch];
      for (const pool of this.pools)
        await takeDown(pool, pool === this.pools.at(-1) ? places : places.slice(0, 2));
      this.tools.remove();
      for (const each of [this.#directory, this.#scratch]) await rm(each, { recursive: true, force: true });
    }
  }

  get #guardSocket(): string {
    return `${this.#directory}/guard-container.sock`;
  }

  #lines(suffix: string): readonly string[] {
    const path = this.#faults + suffix;
    return existsSync(path) ? linesOf(readFileSync(path, "utf8")) : [];
  }
}

async function untilThere(path: string): Promise<void> {
  const end = performance.now() + REACH_MS;
  while (!existsSync(path)) {
    if (performance.now() > end) throw new Error(`${path} does not come`);
    await sleep(20);
  }
}

/** Patient: the owner's lock is tried for a moment only. */
const waitsForLock = ([program = "", one, two, patience = "0."]: readonly string[]): boolean =>
  program.endsWith("flock") && one === "--exclusive" && two === "--timeout" && !patience.startsWith("0.");

export const quoted = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
