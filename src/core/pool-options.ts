/** What a person configures about one pool: validated by `config.ts`, acted on by `pool/`. */
import type { PoolName } from "./ids.ts";
import type { Bytes } from "./units.ts";

export type BackingKind = "loop" | "parts" | "devices";

/** Of data or metadata in use: the first level that people are warned of, and the one that the kernel has an event for. */
export const FIRST_WARNING_PERCENT = 80;

/** When an open pool grows by itself. */
export interface AutoGrow {
  /** Percent of data or metadata in use. */
  readonly at: number;
  /** Doubles the metadata, where there is room. */
  readonly metadata: boolean;
}

/** A loop pool's data has no device that says how far it may go. */
export interface LoopAutoGrow extends AutoGrow {
  /** Percent of the data, each time. */
  readonly step: number;
  /** The data never gets larger by itself; absent: it does not grow by itself. */
  readonly limit?: Bytes;
}

interface CommonOptions {
  readonly name: PoolName;
  /** Multiple of 64 KiB, 64 KiB to 1 GiB; fixed when the pool is created. */
  readonly blockSize: Bytes;
  /** Size of the thin metadata, and of its spare; absent: by the data's size. Used when the pool is created. */
  readonly metadataSize?: Bytes;
  /** How many bytes may be promised for each byte of data. */
  readonly overprovision: number;
  readonly autoGrow: AutoGrow;
  /** Zero new blocks before use. Off shows old data to new raw block volumes. */
  readonly zeroing: boolean;
  /** What writes meet when the data is full: an error at once, or a wait for space. */
  readonly whenFull: "error" | "queue";
  /** Pass discards down to the data device. A discard frees the pool's block either way. */
  readonly discard: boolean;
  /** Discard what a deleted volume or snapshot has, so that the disk below gets it back. Needs `discard`. */
  readonly discardOnDelete: boolean;
  /** Mounted filesystems are trimmed that often, in milliseconds; undefined: never. */
  readonly trim: { readonly every: number | undefined };
  /** Devices (`parts`, `devices`: paths as configured; `loop`: file names) whose foreign content may be overwritten. */
  readonly force: readonly string[];
}

export interface LoopPoolOptions extends CommonOptions {
  readonly backing: "loop";
  /** Absolute; belongs to the pool alone. */
  readonly directory: string;
  readonly dataSize: Bytes;
  readonly autoGrow: LoopAutoGrow;
}

export interface PartsPoolOptions extends CommonOptions {
  readonly backing: "parts";
  /** Absolute paths of block devices, best by-id or by-partuuid. */
  readonly data: string;
  readonly metadata: string;
  /** Without it the catalog lies on the metadata device. */
  readonly catalog?: string;
}

/** Of each disk. */
export type Reserve = { readonly percent: number } | { readonly bytes: Bytes };

/** Which disks may become the pool's: those to which all that is given applies, and that are empty. */
export interface DiskSelector {
  /** How many disks the pool has: a new one neither fewer nor more. */
  readonly count: number;
  /** Pattern of the model as the kernel tells it; `*` and `?`. */
  readonly model?: string;
  /** Pattern of a name in /dev/disk/by-id. */
  readonly byId?: string;
  readonly minSize?: Bytes;
  readonly maxSize?: Bytes;
}

export interface DevicesPoolOptions extends CommonOptions {
  readonly backing: "devices";
  /** Absolute paths of whole disks; none where they are selected. The first of a new pool also holds catalog, metadata and spare. */
  readonly devices: readonly string[];
  /** In place of `devices`. Says which disks are taken, never which are the pool's: that is on their labels. */
  readonly select?: DiskSelector;
  /** Held back from data until it is set lower. */
  readonly reserve?: Reserve;
}

export type PoolOptions = LoopPoolOptions | PartsPoolOptions | DevicesPoolOptions;

/** What a running driver has of a configured pool. */
export type PoolStanding =
  /** It is open, or was since the driver's start. `disks`: of backing `devices`, those that it is on, as configured. */
  | { readonly kind: "had"; readonly disks: readonly string[] }
  /** It was not open yet, and is being tried. */
  | { readonly kind: "trying" }
  /** It was not open yet, and nothing is under way on it. */
  | { readonly kind: "not-had" };

/** Another configuration, as far as it counts while the driver runs. */
export interface PoolsChange {
  /** Pools that are new, or have other options from now on. */
  readonly pools: readonly PoolOptions[];
  /** All that the configuration does not name any more and that are kept until the driver ends. */
  readonly leftOut: readonly PoolName[];
  /** Those that it does not name any more and of which the driver has nothing. */
  readonly ended: readonly PoolName[];
  /** Absent: the only pool that is named, if there is one. */
  readonly defaultPool?: PoolName;
}

/** Where a pool lies. */
export type PoolPlace =
  | Pick<LoopPoolOptions, "backing" | "directory" | "dataSize">
  | Pick<PartsPoolOptions, "backing" | "metadata" | "data" | "catalog">
  | Pick<DevicesPoolOptions, "backing" | "devices">;

/** The files of a loop pool, inside its directory. */
export const LOOP_FILES = ["metadata.img", "data.img", "spare.img", "catalog.img"] as const;
export type LoopFile = (typeof LOOP_FILES)[number];
