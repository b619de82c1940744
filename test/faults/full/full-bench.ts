/** One driver with small pools that promise more than they have, and what it takes to fill them. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { loopPool, startDriver, type RawConfig, type TestDriver } from "../../support/driver.ts";
import { linesOf, takeDown } from "../../support/machine-state.ts";
import { poolWords, type PoolWords } from "../../support/pool-words.ts";
import { scratchDirectory } from "../../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../../support/volume-life.ts";

export const MIB = 1n << 20n;

export class FullBench {
  readonly directory: string;
  readonly #pools: Map<string, RawConfig>;
  #driver: TestDriver | undefined;
  #driverStarts = 0;

  private constructor(directory: string, pools: Map<string, RawConfig>) {
    this.directory = directory;
    this.#pools = pools;
  }

  /** `pools`: their keys beside name, backing and directory. */
  static async start(name: string, pools: Readonly<Record<string, RawConfig>>): Promise<FullBench> {
    const directory = await mkdtemp(`${scratchDirectory()}/${name}-`);
    const configs = Object.entries(pools).map(
      ([pool, keys]) => [pool, { ...loopPool(directory, pool, "256MiB"), ...keys }] as const,
    );
    const bench = new FullBench(directory, new Map(configs));
    await bench.restart();
    for (const each of SHARED_DIRECTORIES)
      await mkdir(`${bench.driver.kubeletDirectory}/${each}`, { recursive: true });
    return bench;
  }

  get driver(): TestDriver {
    if (this.#driver === undefined) throw new Error("the driver is not running");
    return this.#driver;
  }

  /** With these changes of a pool's configuration. */
  async restart(pool?: string, changes: RawConfig = {}): Promise<void> {
    await this.#driver?.stop();
    this.#driver = undefined;
    if (pool !== undefined) this.#pools.set(pool, { ...this.#pools.get(pool), ...changes });
    const known = this.#driverStarts;
    this.#driver = await startDriver({ directory: this.directory, pools: [...this.#pools.values()] });
    // The driver is ready when one pool is open.
    for (const each of this.#pools.keys())
      await until(`pool ${each} open`, async () => (await this.pool(each).opened()) > known);
    this.#driverStarts += 1;
  }

  /** With DMTHIN_KEEP_LOGS=directory the driver's log is copied there. */
  async stop(): Promise<void> {
    try {
      await this.#driver?.stop();
      const { DMTHIN_KEEP_LOGS: kept } = process.env;
      if (kept !== undefined) await copyFile(this.driver.log, `${kept}/${basename(this.directory)}.log`);
    } finally {
      for (const [pool, { directory }] of this.#pools)
        await takeDown(pool, [this.directory, ...(typeof directory === "string" ? [directory] : [])]);
      await rm(this.directory, { recursive: true });
    }
  }

  pool(name: string): FullPool {
    return new FullPool(this, name);
  }
}

/** One of its pools. */
export class FullPool {
  readonly name: string;
  readonly life: VolumeLife;
  readonly #bench: FullBench;

  constructor(bench: FullBench, name: string) {
    this.#bench = bench;
    this.name = name;
    const { kubeletDirectory } = bench.driver;
    this.life = new VolumeLife({ csi: () => bench.driver.client, kubeletDirectory, pool: name });
  }

  create(
    name: string,
    content: TestVolume["content"],
    size: bigint,
    changes: Parameters<VolumeLife["create"]>[3] = {},
  ): Promise<TestVolume> {
    return this.life.create(name, content, size, { parameters: { pool: this.name }, ...changes });
  }

  status(): Promise<PoolWords> {
    return poolWords(this.name);
  }

  async untilMode(wanted: string): Promise<void> {
    await until(`mode ${wanted}`, async () => (await this.status()).mode === wanted);
  }

  /** As the driver answers the first time it is asked. */
  async available(): Promise<bigint> {
    const { available_capacity } = await this.#bench.driver.client.controller.getCapacity({
      parameters: { pool: this.name },
    });
    return BigInt(available_capacity);
  }

  /** What the driver has logged about this pool so far. */
  async log(): Promise<readonly string[]> {
    const lines = linesOf(await readFile(this.#bench.driver.log, "utf8"));
    return lines.filter((line) => line.includes(`pool ${this.name}`));
  }

  /** How often it has been opened. */
  async opened(): Promise<number> {
    return (await this.log()).filter((line) => line.includes(`pool ${this.name} is open`)).length;
  }

  /** Whether it has logged such a line after the first `known` ones. */
  async hasLogged(pattern: RegExp, known: number): Promise<boolean> {
    return (await this.log()).slice(known).some((line) => pattern.test(line));
  }

  async untilLogged(pattern: RegExp, known: number): Promise<void> {
    await until(`${pattern} in the log`, () => this.hasLogged(pattern, known));
  }
}

const PATIENCE_MS = 45_000;

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await sleep(100);
  }
}

/** A program of a user that writes zeros, past the page cache, from one mebibyte of a file or device on. */
export class Filler {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  running = true;

  constructor(path: string, mebibyte: number, count: number) {
    const place = [`seek=${mebibyte}`, `count=${count}`, "bs=1M"];
    const how = ["oflag=direct", "conv=notrunc,fsync", "status=none"];
    this.#child = spawn("dd", ["if=/dev/zero", `of=${path}`, ...place, ...how], { stdio: "ignore" });
    this.ended = once(this.#child, "exit").then(([code]) => {
      this.running = false;
      return code as number | null;
    });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
