/** Device-mapper as values. `host/` turns the kernel's text into these and back. */
import type { DmName, DmUuid, ThinId } from "./ids.ts";
import type { Bytes, DataBlocks, MetaBlocks, Sectors } from "./units.ts";

/** `major:minor`, the only way dmthin refers to a device in a table: it needs no node and cannot be a stale link. */
export type DevNumber = string & { readonly brand: "major:minor" };

const DEV_NUMBER = /^\d{1,4}:\d{1,8}$/;
export const isDevNumber = (text: string): text is DevNumber => DEV_NUMBER.test(text);
/** Throws RangeError for what no kernel gives out. */
export function devNumber(major: number, minor: number): DevNumber {
  const text = `${major}:${minor}`;
  if (!isDevNumber(text)) throw new RangeError(`not a device number: ${text}`);
  return text;
}

export interface LinearSegment {
  readonly length: Sectors;
  readonly device: DevNumber;
  readonly offset: Sectors;
}

export interface PoolTable {
  readonly length: Sectors;
  readonly metadata: DevNumber;
  readonly data: DevNumber;
  readonly blockSectors: Sectors;
  readonly lowWater: DataBlocks;
  /** In the kernel's words; empty means zeroing on, discards passed down, queue when full. */
  readonly features: readonly string[];
}

export interface ThinTable {
  readonly length: Sectors;
  readonly pool: DevNumber;
  readonly thinId: ThinId;
}

export type PoolMode = "rw" | "ro" | "out_of_data_space";

export type PoolStatus =
  | { readonly kind: "fail" }
  | {
      readonly kind: "active";
      readonly transactionId: bigint;
      readonly usedMeta: MetaBlocks;
      readonly totalMeta: MetaBlocks;
      readonly usedData: DataBlocks;
      readonly totalData: DataBlocks;
      /** Block of a metadata snapshot somebody holds. */
      readonly heldRoot?: bigint;
      readonly mode: PoolMode;
      readonly discard: "ignore_discard" | "discard_passdown" | "no_discard_passdown";
      readonly whenFull: "error_if_no_space" | "queue_if_no_space";
      readonly needsCheck: boolean;
      readonly metaLowWater?: MetaBlocks;
    };

export type ThinStatus =
  | { readonly kind: "fail" }
  | { readonly kind: "active"; readonly mapped: Sectors; readonly highestMapped?: Sectors };

/** One dm device as the kernel shows it. */
export interface DmDevice {
  readonly name: DmName;
  readonly uuid: DmUuid;
  readonly number: DevNumber;
  readonly open: number;
  readonly suspended: boolean;
  readonly liveTable: boolean;
  readonly inactiveTable: boolean;
}

/** One thin as the pool's metadata lists it. */
export interface ThinListing {
  readonly thinId: ThinId;
  readonly mapped: DataBlocks;
  /** The pool's transaction id when the thin was made. */
  readonly transaction: bigint;
}

/** What one thin takes of the pool. */
export interface ThinSpace {
  readonly thinId: ThinId;
  readonly mapped: DataBlocks;
  /** Of those, what no other thin has: what the pool gets back when this one is deleted. */
  readonly exclusive: DataBlocks;
}

/** A node to do I/O on, and its size. */
export interface BlockDevice {
  readonly path: string;
  readonly number: DevNumber;
  readonly size: Bytes;
}
