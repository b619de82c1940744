/** The thin-pool device of a pool. */
import type { BlockDevice, DevNumber, PoolTable } from "../core/dm.ts";
import { PoolSetupError } from "../core/errors.ts";
import { poolDeviceName, poolDeviceUuid } from "../core/ids.ts";
import type { DmName, PoolUuid } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import { blocksForBytes, META_BLOCK_BYTES, sectorsFromBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { readBlock, writeBlock } from "../host/block-device.ts";
import type { Dmsetup } from "../host/dmsetup.ts";
import type { Runner } from "../host/run.ts";
import { formatPoolTable, parsePoolTable } from "../host/thin-pool-text.ts";
import { checkMetadata } from "../host/thin-tools.ts";
import type { OnStep, Report } from "./backing.ts";
import { lowWater } from "./layout.ts";
import { createDevice, findOwn, requireActive, requireTable, usable } from "./linear-devices.ts";

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

  /** Active, with the table that it must have. `blank`: the metadata was just blanked. Throws PoolSetupError. */
  async ensure(meta: BlockDevice, data: BlockDevice, blank: boolean): Promise<ActivePool> {
    const { dmsetup, options, uuid, onStep } = this.#context;
    const table = this.#table(meta, data);
    const found = await usable(dmsetup, findOwn(await dmsetup.list(), options.name, uuid, "pool"));
    if (found !== undefined) {
      const actual = parsePoolTable(await dmsetup.table(this.#device));
      this.#verify(actual, table);
      return { number: found.number, zeroesNewBlocks: zeroesNewBlocks(actual) };
    }
    if (!blank) await this.#check(meta);
    await onStep(`create ${this.#device}`);
    await createDevice(dmsetup, this.#device, poolDeviceUuid(uuid, "pool"), formatPoolTable(table));
    return { number: requireActive(this.#device).number, zeroesNewBlocks: zeroesNewBlocks(table) };
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
      lowWater: lowWater(blocksForBytes(data.size, blockSize), blockSize),
      features: poolFeatures(options),
    };
  }

  /** Features and the low water mark follow the configuration only when the pool is next activated. */
  #verify(actual: PoolTable, wanted: PoolTable): void {
    const { features, lowWater: mark } = actual;
    requireTable(
      this.#device,
      formatPoolTable(actual),
      formatPoolTable({ ...wanted, features, lowWater: mark }),
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
    const verdict = await checkMetadata(runner, meta.path, { skipMappings: true });
    if (verdict.kind === "sound") return;
    throw new PoolSetupError(
      `pool ${options.name}: thin_check finds its metadata damaged: ${verdict.report}; repair it with thin_repair onto the spare`,
    );
  }
}
