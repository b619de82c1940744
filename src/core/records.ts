/**
 * What the catalog remembers. The kernel knows only thin id → blocks: names, sizes, owners and intents are here and
 * nowhere else. Records are values; a change makes a new record and is durable before it is acted on.
 */
import type { GroupId, PoolName, PoolUuid, SnapshotId, ThinId, VolumeId } from "./ids.ts";
import type { Bytes } from "./units.ts";

export const FS_TYPES = ["ext4", "xfs", "btrfs"] as const;
export type FsType = (typeof FS_TYPES)[number];
export type AccessType = "mount" | "block";

/**
 * `creating`: intent recorded, not acknowledged, undone by recovery. `ready`: acknowledged.
 * `deleting`: decided, finished by recovery or by the next retry.
 */
export type ObjectState = "creating" | "ready" | "deleting";

/** Where the first content came from. */
export type Source =
  | { readonly kind: "empty" }
  | { readonly kind: "snapshot"; readonly id: SnapshotId }
  | { readonly kind: "volume"; readonly id: VolumeId };

/**
 * The format guard's memory (promise 1).
 * `blank`: an empty thin that dmthin made; only this may be formatted. `formatting`: mkfs may have begun, nothing was
 * ever published; the next stage takes a fresh thin. `formatted`: mkfs ended. `copied`: came from a snapshot or volume that
 * was not blank; never formatted, whatever it reads like. `identifying`: a btrfs copy is getting its own fsid.
 */
export type FormatState = "blank" | "formatting" | "formatted" | "copied" | "identifying";

export interface Format {
  readonly state: FormatState;
  /** The filesystem made or found; absent until known, and on raw block volumes. */
  readonly fsType?: FsType;
}

/** How a volume is staged now; kept so that a second NodeStage can be compared, also after a restart. */
export interface Staging {
  readonly path: string;
  readonly access: AccessType;
  readonly fsType?: FsType;
  readonly mountFlags: readonly string[];
}

export interface VolumeRecord {
  readonly id: VolumeId;
  /** The CSI name (the idempotency key), unique among volumes. */
  readonly name: string;
  readonly state: ObjectState;
  /** The size promised; the table and the filesystem are brought *up to* it, never beyond. Multiple of 4 KiB. */
  readonly size: Bytes;
  readonly thinId: ThinId;
  /** A thin given up by a half-done mkfs, to be deleted; see FormatState `formatting`. */
  readonly retiredThinId?: ThinId;
  readonly source: Source;
  /** Access types asked for at creation. */
  readonly access: readonly AccessType[];
  /** The filesystem asked for at creation; absent for raw block only. */
  readonly fsType?: FsType;
  readonly mkfsOptions: readonly string[];
  readonly format: Format;
  readonly staging?: Staging;
  /** ISO 8601, UTC; set once, with the intent. */
  readonly createdAt: string;
  /** UID of the cluster that asked for it; absent: of none that was known. */
  readonly clusterUid?: string;
}

export interface SnapshotRecord {
  readonly id: SnapshotId;
  readonly name: string;
  readonly state: ObjectState;
  readonly thinId: ThinId;
  readonly sourceVolumeId: VolumeId;
  /** The origin's size at the cut. */
  readonly size: Bytes;
  /** The origin's mapped bytes at the cut: the worst case that this snapshot can hold for itself. 0 while creating. */
  readonly mapped: Bytes;
  readonly format: Format;
  readonly fsType?: FsType;
  readonly mkfsOptions: readonly string[];
  readonly groupId?: GroupId;
  readonly createdAt: string;
  /** As of a volume. */
  readonly clusterUid?: string;
}

export interface GroupRecord {
  readonly id: GroupId;
  readonly name: string;
  readonly state: ObjectState;
  readonly sourceVolumeIds: readonly VolumeId[];
  readonly snapshotIds: readonly SnapshotId[];
  readonly createdAt: string;
}

/** One row for the pool itself. */
export interface PoolRecord {
  readonly uuid: PoolUuid;
  readonly name: PoolName;
  /** What the kernel's transaction id is, or becomes next (fence: kernel = this, or one less after a crash). */
  readonly transactionId: bigint;
  /** Ids below are spent or reserved; the next block starts here. */
  readonly thinIdLimit: number;
}

/** A durable change of the catalog. All changes of one commit are one transaction. */
export type Change =
  | { readonly kind: "put-volume"; readonly record: VolumeRecord }
  | { readonly kind: "drop-volume"; readonly id: VolumeId }
  | { readonly kind: "put-snapshot"; readonly record: SnapshotRecord }
  | { readonly kind: "drop-snapshot"; readonly id: SnapshotId }
  | { readonly kind: "put-group"; readonly record: GroupRecord }
  | { readonly kind: "drop-group"; readonly id: GroupId }
  | { readonly kind: "put-pool"; readonly record: PoolRecord };

/** Everything the catalog holds, as loaded when a pool is opened. */
export interface CatalogContent {
  readonly pool: PoolRecord;
  readonly volumes: readonly VolumeRecord[];
  readonly snapshots: readonly SnapshotRecord[];
  readonly groups: readonly GroupRecord[];
}
