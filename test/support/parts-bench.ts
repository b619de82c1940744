/** One driver with pools of backing `parts`, each on two disks that a test can break or write to. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { PoolName } from "../../src/core/ids.ts";
import { bytes, KIB, MIB } from "../../src/core/units.ts";
import { layoutParts, type ExtentRole } from "../../src/pool/layout.ts";
import { logFrom, type CommandLog } from "./command-log.ts";
import type { CsiClient } from "./csi-client.ts";
import { startDriver, type RawConfig, type TestDriver } from "./driver.ts";
import { run, takeDown } from "./machine-state.ts";
import { scratchDirectory } from "./scratch.ts";
import { UnderDisk } from "./under-disk.ts";
import { SHARED_DIRECTORIES, VolumeLife } from "./volume-life.ts";

const BLOCK = bytes(64n * KIB);
/** Label, catalog, spare and thin metadata of 4 MiB each. */
const METADATA_MIB = 138;
const METADATA = bytes(4n * MIB);
/** Also of twenty pools at once, each of them made. */
const OPEN_MS = 200_000;

export interface PartsPoolOptions {
  readonly name: string;
  readonly dataMib: number;
  /** Its data takes discards. */
  readonly onLoop?: boolean;
  /** Other keys of the pool's configuration. */
  readonly config?: RawConfig;
}

export class PartsPool {
  readonly name: string;
  readonly data: UnderDisk;
  readonly metadata: UnderDisk;
  readonly life: VolumeLife;
  readonly config: RawConfig;

  private constructor(options: PartsPoolOptions, bench: PartsBench, data: UnderDisk, metadata: UnderDisk) {
    this.name = options.name;
    this.data = data;
    this.metadata = metadata;
    this.config = {
      name: this.name,
      backing: "parts",
      data: data.path,
      metadata: metadata.path,
      metadataSize: "4MiB",
      ...options.config,
    };
    this.life = new VolumeLife({
      csi: () => bench.csi,
      kubeletDirectory: bench.kubeletDirectory,
      pool: this.name,
    });
  }

  static async create(options: PartsPoolOptions, bench: PartsBench): Promise<PartsPool> {
    const { name, dataMib, onLoop } = options;
    const data = await (onLoop === true
      ? UnderDisk.onLoop(`${name}-data`, dataMib)
      : UnderDisk.create(`${name}-data`, dataMib));
    return new PartsPool(options, bench, data, await UnderDisk.create(`${options.name}-meta`, METADATA_MIB));
  }

  get poolDevice(): string {
    return `dmthin-${this.name}-pool`;
  }

  /** For CreateVolume. */
  get here(): { readonly parameters: Readonly<Record<string, string>> } {
    return { parameters: { pool: this.name } };
  }

  /** Where a part of the pool lies on its disks. */
  extent(role: ExtentRole): { readonly disk: UnderDisk; readonly offset: bigint; readonly length: bigint } {
    const size = (disk: UnderDisk) => bytes(BigInt(disk.sectors) * 512n);
    const extents = layoutParts(
      {
        name: this.name as PoolName,
        data: this.data.path,
        metadata: this.metadata.path,
        blockSize: BLOCK,
        metadataSize: METADATA,
      },
      { data: size(this.data), metadata: size(this.metadata) },
    );
    const { offset, length } = extents[role];
    return { disk: role === "data" ? this.data : this.metadata, offset, length };
  }

  /** The part as a device of its own, not of dmthin. The pool must not be active where the kernel minds. */
  async open<T>(role: ExtentRole, work: (path: string) => Promise<T>): Promise<T> {
    const { disk, ...part } = this.extent(role);
    return disk.window(`hand-${this.name}-${role}`, part, work);
  }

  /** The thin-pool under other names, as another machine would have it, while `work` is done. It must not be active. */
  async elsewhere<T>(work: (device: string) => Promise<T>): Promise<T> {
    const name = `hand-${this.name}-pool`;
    const blocks = (this.extent("data").length / BLOCK) * 128n;
    return this.open("meta", (meta) =>
      this.open("data", async (data) => {
        await run("dmsetup", "create", name, "--table", `0 ${blocks} thin-pool ${meta} ${data} 128 0`);
        try {
          return await work(name);
        } finally {
          await run("dmsetup", "remove", "--retry", name);
        }
      }),
    );
  }

  /** Its catalog's directory. The driver must have ended. */
  catalog<T>(work: (directory: string) => Promise<T>): Promise<T> {
    return this.open("catalog", async (path) => {
      const directory = await mkdtemp("/run/hand-catalog-");
      await run("mount", path, directory);
      try {
        return await work(directory);
      } finally {
        await run("umount", directory);
        await rm(directory, { recursive: true });
      }
    });
  }

  /** Takes down its devices; the driver must have ended and no volume be staged. */
  async deactivate(): Promise<void> {
    await takeDown(this.name, []);
  }

  /** Field of `dmsetup status` of the pool: 3 transaction id, 5 used data. */
  async status(field: number): Promise<string> {
    return (await run("dmsetup", "status", "--noflush", this.poolDevice)).split(" ")[field] ?? "";
  }
}

export class PartsBench {
  readonly directory: string;
  readonly pools: readonly PartsPool[];
  #driver: TestDriver | undefined;

  private constructor(directory: string, pools: readonly PartsPool[]) {
    this.directory = directory;
    this.pools = pools;
  }

  static async start(tag: string, options: readonly PartsPoolOptions[]): Promise<PartsBench> {
    const pools: PartsPool[] = [];
    const bench = new PartsBench(await mkdtemp(`${scratchDirectory()}/${tag}-`), pools);
    for (const each of options) pools.push(await PartsPool.create(each, bench));
    for (const each of SHARED_DIRECTORIES)
      await mkdir(`${bench.kubeletDirectory}/${each}`, { recursive: true });
    await bench.restart();
    return bench;
  }

  get kubeletDirectory(): string {
    return join(this.directory, "kubelet");
  }

  get driver(): TestDriver {
    if (this.#driver === undefined) throw new Error("the driver is not running");
    return this.#driver;
  }

  get csi(): CsiClient {
    return this.driver.client;
  }

  pool(name: string): PartsPool {
    const found = this.pools.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no pool ${name}`);
    return found;
  }

  /**
   * A driver on these pools; the one before must have ended. Resolves when each of them is open or has failed. Answers the
   * log from the start on.
   */
  async restart(pools: readonly PartsPool[] = this.pools): Promise<CommandLog> {
    const log = join(this.directory, "driver.log");
    const mark = logFrom(log);
    this.#driver = await startDriver({
      directory: this.directory,
      pools: pools.map((each) => each.config),
      config: pools.length > 1 ? { defaultPool: pools[0]?.name } : {},
      untilListening: true,
    });
    const end = performance.now() + OPEN_MS;
    const ended = (name: string): RegExp => new RegExp(`"pool ${name} (?:is open|could not be opened)`);
    while (!pools.every(({ name }) => ended(name).test(mark.text()))) {
      if (performance.now() > end) throw new Error(`pools are not open:\n${mark.text().slice(-5000)}`);
      await sleep(200);
    }
    const ready = (): Promise<boolean> =>
      this.csi.identity.probe({}).then((answer) => answer.ready?.value === true);
    while (!(await ready())) await sleep(50);
    return mark;
  }

  async end(): Promise<void> {
    try {
      await this.#driver?.stop();
    } finally {
      for (const each of this.pools) {
        await takeDown(each.name, [this.directory]);
        await each.data.remove();
        await each.metadata.remove();
      }
      await rm(this.directory, { recursive: true, force: true });
    }
  }

  /** A place in the driver's log: what came after it. */
  mark(): CommandLog {
    return logFrom(this.driver.log);
  }
}

/** A thin under a name of the test's own, behind the driver's back. */
export async function byHand<T>(
  pool: PartsPool,
  thin: number,
  size: bigint,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const name = `hand-${pool.name}-thin`;
  const table = `0 ${size / 512n} thin /dev/mapper/${pool.poolDevice} ${thin}`;
  await run("dmsetup", "create", name, "--table", table);
  try {
    return await work(`/dev/mapper/${name}`);
  } finally {
    await run("dmsetup", "remove", "--retry", name);
  }
}
