/**
 * Capacity, true from the worst case: what has been promised is the sum of all volume sizes plus, for each snapshot,
 * what its origin had mapped at the cut. Nothing that users write can need more. Pure arithmetic on records; no metadata
 * is walked. Why: docs/explanation/capacity.md.
 */
import { CapacityRangeError, NoRoomError } from "../core/errors.ts";
import type { SnapshotRecord, VolumeRecord } from "../core/records.ts";
import {
  KIB,
  GIB,
  MIB,
  bytes,
  bytesFromBlocks,
  blocksForBytes,
  dataBlocks,
  formatBytes,
  roundDown,
  roundUp,
} from "../core/units.ts";
import type { Bytes, DataBlocks } from "../core/units.ts";

/** Volume sizes are multiples of this. */
export const SIZE_STEP = 4n * KIB;
/** What a request without a size gets. */
export const DEFAULT_SIZE = bytes(GIB);
/** The largest table dmthin makes: 2^63 - 1 bytes, rounded down; CSI's int64 allows no more anyway. */
const MAX_SIZE = roundDown(2n ** 63n - 1n, SIZE_STEP);
/** Worst-case metadata for one mapped block: a 16-byte mapping in half-filled nodes, kept by an old and a new tree. */
const META_BYTES_PER_BLOCK = 64n;
/** Worst-case metadata that a thin costs before it maps anything: its details leaf and its own root. */
const META_BYTES_PER_THIN = 8n * KIB;

/** Sizes of CSI's CapacityRange; absent = not given. Both present: required <= limit. */
export interface SizeRange {
  readonly required?: Bytes;
  readonly limit?: Bytes;
}

/**
 * The size a volume gets: at least what is required and what `minimum` (source, filesystem) demands, rounded up to
 * 4 KiB, never past the limit. Throws CapacityRangeError naming the three.
 */
export function chooseSize(range: SizeRange, minimum: Bytes, whyMinimum: string): Bytes {
  const wanted = range.required ?? defaultFor(range.limit, minimum);
  const size = roundUp(wanted > minimum ? wanted : minimum, SIZE_STEP);
  if (size > MAX_SIZE)
    throw new CapacityRangeError(`capacity_range: ${wanted} bytes are more than any volume can have`);
  if (range.limit !== undefined && size > range.limit) {
    const floor = minimum >= wanted ? ` (${whyMinimum} needs ${formatBytes(minimum)})` : "";
    throw new CapacityRangeError(
      `capacity_range: the volume would have ${size} bytes${floor}, sizes being multiples of ${SIZE_STEP}; ` +
        `limit_bytes allows ${range.limit}`,
    );
  }
  return size;
}

function defaultFor(limit: Bytes | undefined, minimum: Bytes): Bytes {
  if (minimum > SIZE_STEP) return minimum;
  return limit !== undefined && limit < DEFAULT_SIZE ? roundDown(limit, SIZE_STEP) : DEFAULT_SIZE;
}

/** What a pool has, as far as promises go. */
export interface Supply {
  readonly blockSize: Bytes;
  readonly totalData: DataBlocks;
  readonly usedData: DataBlocks;
  readonly metadata: Bytes;
  /** Promised bytes allowed for each byte of data that is not held back; 1 means the pool can never fill. */
  readonly overprovision: number;
  /** Loop pools: what the filesystem below can still give, plus what the data file already has. */
  readonly hostBytes?: Bytes;
}

/** What has been promised of it. */
export interface Demand {
  readonly blocks: DataBlocks;
  readonly thins: number;
}

export const volumeDemand = (size: Bytes, blockSize: Bytes): Demand => ({
  blocks: blocksForBytes(size, blockSize),
  thins: 1,
});

export function addDemand(...demands: readonly Demand[]): Demand {
  return {
    blocks: dataBlocks(demands.reduce((sum, each) => sum + each.blocks, 0n)),
    thins: demands.reduce((sum, each) => sum + each.thins, 0),
  };
}

/** Everything promised by these records. A snapshot being created counts once it is cut. */
export function demandOf(
  volumes: Iterable<VolumeRecord>,
  snapshots: Iterable<SnapshotRecord>,
  blockSize: Bytes,
): Demand {
  let blocks = 0n;
  let thins = 0;
  for (const volume of volumes) {
    blocks += blocksForBytes(volume.size, blockSize);
    thins += 1;
  }
  for (const snapshot of snapshots) {
    blocks += blocksForBytes(snapshot.mapped, blockSize);
    thins += 1;
  }
  return { blocks: dataBlocks(blocks), thins };
}

/** Share of data that stays free where a pool promises more than it has. */
const OVERPROVISIONED_RESERVE_PERCENT = 10n;

/** Never promised, a share of the data: within these bounds, and never more than an eighth of a small pool. */
const UNPROMISED_PERCENT = 2n;
const LEAST_UNPROMISED = 64n * MIB;
const MOST_UNPROMISED = 16n * GIB;

/**
 * What is left of `blocks` for promises. Overwriting takes new blocks wherever a snapshot ever was, also one deleted long
 * ago, and what it gives back can be used only after the kernel's next commit, a second later. So a pool that is promised
 * to its last block fails writers although it is not overfull; what is held back is what can be overwritten in a second.
 */
function promisable(blocks: bigint, blockSize: Bytes): bigint {
  const least = LEAST_UNPROMISED / blockSize;
  const most = smaller(MOST_UNPROMISED / blockSize, blocks / 8n);
  const share = (blocks * UNPROMISED_PERCENT) / 100n;
  return blocks - smaller(share > least ? share : least, most);
}

const smaller = (one: bigint, other: bigint): bigint => (one < other ? one : other);

/** Blocks that may be promised in all, by data, by the filesystem below, and by metadata; the least counts. */
function allowance(supply: Supply, demand: Demand): { readonly blocks: bigint; readonly boundBy: string } {
  const milli = BigInt(Math.round(supply.overprovision * 1000));
  const byData = (promisable(supply.totalData, supply.blockSize) * milli) / 1000n;
  const reserve = supply.metadata / 10n < 16n * MIB ? supply.metadata / 10n : 16n * MIB;
  const forMappings = supply.metadata - reserve - BigInt(demand.thins + 1) * META_BYTES_PER_THIN;
  const byMetadata = forMappings > 0n ? forMappings / META_BYTES_PER_BLOCK : 0n;
  const byHost =
    supply.hostBytes === undefined
      ? byData
      : (promisable(supply.hostBytes / supply.blockSize, supply.blockSize) * milli) / 1000n;
  if (byMetadata <= byData && byMetadata <= byHost)
    return { blocks: byMetadata, boundBy: "the pool's metadata" };
  if (byHost < byData) return { blocks: byHost, boundBy: "the filesystem below the pool's data file" };
  return { blocks: byData, boundBy: "the pool's data" };
}

/** Blocks that can still be promised. */
export function headroom(supply: Supply, demand: Demand): DataBlocks {
  const left = allowance(supply, demand).blocks - demand.blocks;
  const free = supply.totalData - supply.usedData;
  const tight = supply.overprovision > 1 && free * 100n < supply.totalData * OVERPROVISIONED_RESERVE_PERCENT;
  return dataBlocks(left < 0n || tight ? 0n : left);
}

/** Promised without those that are to go. */
export const demandWithout = (all: Demand, gone: Demand): Demand => ({
  blocks: dataBlocks(all.blocks - gone.blocks),
  thins: all.thins - gone.thins,
});

const roomBeside = (supply: Supply, demand: Demand, { thins }: Demand): DataBlocks =>
  headroom(supply, addDemand(demand, { blocks: dataBlocks(0), thins }));

export const fits = (supply: Supply, demand: Demand, extra: Demand): boolean =>
  extra.blocks <= roomBeside(supply, demand, extra);

/** Throws NoRoomError, saying what bounds the pool, unless `extra` fits on top of `demand`. */
export function admit(supply: Supply, demand: Demand, extra: Demand, what: string): void {
  if (fits(supply, demand, extra)) return;
  const room = roomBeside(supply, demand, extra);
  const size = (blocks: DataBlocks): string => formatBytes(bytesFromBlocks(blocks, supply.blockSize));
  throw new NoRoomError(
    `${what}: needs ${size(extra.blocks)} in the worst case, ${size(room)} can still be promised ` +
      `(bound by ${allowance(supply, demand).boundBy}, ${size(demand.blocks)} promised); delete volumes or snapshots, or grow the pool`,
  );
}
