/** The thin-pool device of a pool. */
import type { BlockDevice, DevNumber, PoolStatus, PoolTable } from "../core/dm.ts";
import { PoolSetupError, ToolError } from "../core/errors.ts";
import { poolDeviceName, poolDeviceUuid } from "../core/ids.ts";
import type { DmName, PoolUuid } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import {
  blocksForBytes,
  bytes,
  bytesFromMetaBlocks,
  bytesFromSectors,
  dataBlocks,
  META_BLOCK_BYTES,
  metaBlocks,
  sectorsFromBytes,
} from "../core/units.ts";
import type { Bytes, DataBlocks } from "../core/units.ts";
import { readBlock, writeBlock } from "../host/block-device.ts";
import type { Dmsetup } from "../host/dmsetup.ts";
import type { Runner } from "../host/run.ts";
import { formatPoolTable, parsePoolTable } from "../host/thin-pool-text.ts";
import { parseThinSuperblock } from "../host/thin-superblock.ts";
import { checkMetadata } from "../host/thin-tools.ts";
import type { OnStep, Report } from "./backing.ts";
import { blocksBetween, metadataForData, usableOf } from "./growth.ts";
import { lengthOf, lowWater } from "./layout.ts";
import type { Extents } from "./layout.ts";
import { createDevice, findOwn, requireActive, requireTable, swapTable, usable } from "./linear-devices.ts";

interface PoolTargetOptions {
  readonly runner: Runner;
  readonly dmsetup: Dmsetup;
  readonly options: PoolOptions;
  readonly uuid: PoolUuid;
  readonly blockSize: Bytes;
  readonly report: Report;
  readonly onStep: OnStep;
}

const SUPERBLOCK = Number(META_BLOCK_BYTES);

/** In the kernel's words. */
function poolFeatures(options: Pick<PoolOptions, "zeroing" | "whenFull" | "discard">): readonly string[] {
  return [
    ...(options.zeroing ? [] : ["skip_block_zeroing"]),
    ...(options.discard ? [] : ["no_discard_passdown"]),
    ...(options.whenFull === "error" ? ["error_if_no_space"] : []),
  ];
}

/** What is true of the pool as it is active, whatever the configuration has come to say since. */
export interface ActivePool {
  readonly number: DevNumber;
  readonly zeroesNewBlocks: boolean;
}

const zeroesNewBlocks = (table: PoolTable): boolean => !table.features.includes("skip_block_zeroing");

export class PoolTarget {
  readonly #context: PoolTargetOptions;
  readonly #device: DmName;

  constructor(context: PoolTargetOptions) {
    this.#context = context;
    this.#device = poolDeviceName(context.options.name, "pool");
  }

  /**
   * Zeroes the first block of the metadata: the kernel takes that as the order to format. Only while the pool's label
   * says `creating`: on a complete pool it would erase everything.
   */
  async blankMetadata(meta: BlockDevice): Promise<void> {
    await writeBlock(meta.path, 0n, new Uint8Array(SUPERBLOCK));
  }

  /**
   * Active, with the table that it must have; as long as data and metadata have become. `blank`: the metadata was just
   * blanked. Throws PoolSetupError.
   */
  async ensure(meta: BlockDevice, data: BlockDevice, blank: boolean): Promise<ActivePool> {
    const { dmsetup, options, uuid, onStep } = this.#context;
    const table = this.#table(meta, data);
    const found = await usable(dmsetup, findOwn(await dmsetup.list(), options.name, uuid, "pool"));
    if (found !== undefined) {
      const actual = parsePoolTable(await dmsetup.table(this.#device));
      this.#verify(actual, table);
      await this.#grow(actual, table, meta);
      return { number: found.number, zeroesNewBlocks: zeroesNewBlocks(actual) };
    }
    if (!blank) await this.#check(meta);
    await onStep(`create ${this.#device}`);
    await createDevice(dmsetup, this.#device, poolDeviceUuid(uuid, "pool"), formatPoolTable(table));
    return { number: requireActive(this.#device).number, zeroesNewBlocks: zeroesNewBlocks(table) };
  }

  /** Why the live pool could not take this growth, before anything is begun. */
  async obstacleTo(now: Extents, then: Extents): Promise<string | undefined> {
    const status = await this.#status();
    const [data, meta] = [lengthOf(then, "data"), lengthOf(then, "meta")];
    const more = blocksBetween(lengthOf(now, "data"), data, this.#context.blockSize);
    if (status.kind === "fail") return obstacleOf(status, more);
    const moreMeta = bytes(meta - lengthOf(now, "meta"));
    const longerMeta = moreMeta > 0n;
    const totalMeta = metaBlocks(status.totalMeta + usableOf(moreMeta));
    // More metadata is what brings a pool back that has run out of it.
    return obstacleOf({ ...status, totalMeta, mode: longerMeta ? "rw" : status.mode }, more);
  }

  /** Whether the kernel has taken it. */
  async isAsLongAs(extents: Extents): Promise<boolean> {
    const status = await this.#status();
    return (
      status.kind === "active" &&
      status.totalData * this.#context.blockSize === lengthOf(extents, "data") &&
      bytesFromMetaBlocks(status.totalMeta) === lengthOf(extents, "meta")
    );
  }

  /** Has the kernel commit its metadata. */
  async flush(): Promise<void> {
    await this.#context.dmsetup.poolStatus(this.#device, { flush: true });
  }

  /** Not there: done. */
  async remove(): Promise<void> {
    const { dmsetup, options, uuid } = this.#context;
    const found = findOwn(await dmsetup.list(), options.name, uuid, "pool");
    if (found !== undefined) await dmsetup.remove(found.name);
  }

  #table(meta: BlockDevice, data: BlockDevice): PoolTable {
    const { options, blockSize } = this.#context;
    return {
      length: sectorsFromBytes(data.size),
      metadata: meta.number,
      data: data.number,
      blockSectors: sectorsFromBytes(blockSize),
      lowWater: lowWater(blocksForBytes(data.size, blockSize)),
      features: poolFeatures(options),
    };
  }

  /**
   * What cannot grow stays as it is and is reported: the pool works with what it has. A reload changes the length and the
   * low water mark that follows it, nothing else. The metadata goes first: longer data costs some, and in one reload the
   * kernel would take the data first.
   */
  async #grow(actual: PoolTable, wanted: PoolTable, meta: BlockDevice): Promise<void> {
    const live = formatPoolTable(actual);
    const before = await this.#status();
    if (before.kind === "fail") return;
    if (bytesFromMetaBlocks(before.totalMeta) < meta.size) await this.#swap("metadata", before, live, live);
    if (actual.length >= wanted.length) return;
    const status = await this.#status();
    const more = blocksBetween(
      bytesFromSectors(actual.length),
      bytesFromSectors(wanted.length),
      this.#context.blockSize,
    );
    const { length, lowWater: mark } = wanted;
    await this.#swap("data", status, live, formatPoolTable({ ...actual, length, lowWater: mark }), more);
  }

  async #swap(
    what: "metadata" | "data",
    status: PoolStatus,
    from: string,
    to: string,
    more = dataBlocks(0),
  ): Promise<void> {
    const { dmsetup, options, onStep, report } = this.#context;
    const obstacle = obstacleOf(status, more);
    if (obstacle !== undefined) {
      report("error", `pool ${options.name}: its ${what} cannot grow to what its labels say: ${obstacle}`);
      return;
    }
    await onStep(`grow ${this.#device} ${what}`);
    try {
      await swapTable(dmsetup, this.#device, { from, to });
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      report("error", `pool ${options.name}: the kernel does not let its ${what} grow: ${error.message}`);
    }
  }

  #status(): Promise<PoolStatus> {
    return this.#context.dmsetup.poolStatus(this.#device, { flush: false });
  }

  /** Features follow the configuration only when the pool is next activated. */
  #verify(actual: PoolTable, wanted: PoolTable): void {
    const { features, lowWater: mark } = actual;
    const length = actual.length < wanted.length ? actual.length : wanted.length;
    requireTable(
      this.#device,
      formatPoolTable(actual),
      formatPoolTable({ ...wanted, features, lowWater: mark, length }),
    );
    if (features.toSorted().join() !== wanted.features.toSorted().join()) {
      this.#context.report(
        "warn",
        `pool ${this.#context.options.name}: is active with "${features.join(" ")}", configured is "${wanted.features.join(" ")}"; that takes effect after the next reboot`,
      );
    }
  }

  async #check(meta: BlockDevice): Promise<void> {
    const { runner, options } = this.#context;
    const superblock = await readBlock(meta.path, 0n, SUPERBLOCK);
    if (superblock.every((byte) => byte === 0)) {
      throw new PoolSetupError(
        `pool ${options.name}: its thin metadata is blank although the pool is complete; activating it would erase all volumes: restore the metadata device`,
      );
    }
    // Before the check: a quick one fails on the flag for no good reason in 1.1.0, and would clear it if told to.
    if (parseThinSuperblock(superblock)?.needsCheck === true) {
      throw new PoolSetupError(
        `pool ${options.name}: its metadata needs a full check (needs_check is set); run dmthin pool repair ${options.name}`,
      );
    }
    const verdict = await checkMetadata(runner, meta.path, { skipMappings: true });
    if (verdict.kind === "sound") return;
    throw new PoolSetupError(
      `pool ${options.name}: thin_check finds its metadata damaged: ${verdict.report}; run dmthin pool repair ${options.name}`,
    );
  }
}

/** Out of metadata in the middle of growing, the kernel would stop the pool and want a check. */
function obstacleOf(status: PoolStatus, more: DataBlocks): string | undefined {
  if (status.kind === "fail") return "the kernel reports the pool as failed";
  if (status.needsCheck) return "its metadata needs a check first (needs_check is set)";
  if (more === 0n) return undefined;
  const [needed, free] = [metadataForData(more), status.totalMeta - status.usedMeta];
  if (status.mode !== "ro" && needed <= free) return undefined;
  return `that takes ${needed} blocks of metadata and ${free} are free; set metadataSize higher`;
}
