/**
 * What the layers above may ask of pools: a contract. All methods may be repeated. A rejected promise is one of
 * `core/errors.ts`; PoolUnavailableError and OutcomeUnknownError mean "retry"; NoRoomError means nothing was begun.
 * Operations outlive the caller's deadline; the same call made again joins them.
 */
import type { BlockDevice } from "../core/dm.ts";
import type { GroupId, PoolName, PoolUuid, SnapshotId, ThinId, VolumeId } from "../core/ids.ts";
import type { AbsenceTrouble, PoolFigures, TrimNote } from "../core/pool-report.ts";
import type { Format, GroupRecord, SnapshotRecord, Staging, VolumeRecord } from "../core/records.ts";
import type { Bytes, Sectors } from "../core/units.ts";
import type { Runner } from "../host/run.ts";
import type { SizeRange } from "../plan/capacity.ts";
import type { CreateVolumeIntent } from "../plan/volume.ts";

/** Idempotency made visible: did this call make the object, or had an earlier one? */
export interface Outcome<T> {
  readonly kind: "created" | "identity";
  readonly record: T;
}

export interface Capacity {
  /** Bytes that can still be promised. */
  readonly available: Bytes;
  /** The largest single volume now. */
  readonly maximumVolume: Bytes;
  readonly minimumVolume: Bytes;
}

/** Why a pool does not take mutations. */
export type PoolCondition =
  | { readonly kind: "ready" }
  /** `unrecorded`: thins that the fence found in no record, at the opening. */
  | { readonly kind: "read-only"; readonly reason: string; readonly unrecorded?: readonly ThinId[] }
  | { readonly kind: "unusable"; readonly reason: string };

export interface Pool {
  readonly name: PoolName;
  readonly uuid: PoolUuid;
  readonly condition: PoolCondition;
  /** Starts tools that hold the pool's lock while they run: a new driver waits for them. */
  readonly runner: Runner;
  /** New blocks read as zeros. By the live table, not by the configuration. */
  readonly zeroesNewBlocks: boolean;

  /** Records in memory, always answered, also while the disk is stuck. */
  volume(id: VolumeId): VolumeRecord | undefined;
  volumeByName(name: string): VolumeRecord | undefined;
  volumes(): readonly VolumeRecord[];
  snapshot(id: SnapshotId): SnapshotRecord | undefined;
  snapshotByName(name: string): SnapshotRecord | undefined;
  snapshots(): readonly SnapshotRecord[];
  group(id: GroupId): GroupRecord | undefined;
  groupByName(name: string): GroupRecord | undefined;
  groups(): readonly GroupRecord[];
  /** What whoever trims its filesystems has noted, by volume. */
  readonly trims: Map<VolumeId, TrimNote>;
  /** From memory, and the kernel is asked for the next answer; a pool that takes no promises answers 0. */
  capacity(): Capacity;
  /** The same, and nobody is asked. */
  knownCapacity(): Capacity;
  /** The same in full, for people and monitoring. */
  figures(): PoolFigures;
  /**
   * Asks the kernel how the pool is, once for all who ask meanwhile; `figures` know it then. Rejects where the kernel has
   * no answer; with a stuck disk it may never end.
   */
  look(): Promise<void>;
  /** Measures what belongs to each volume and snapshot alone; in `figures` from then on. Seconds for terabytes. */
  measure(): Promise<void>;

  createVolume(intent: CreateVolumeIntent): Promise<Outcome<VolumeRecord>>;
  /** PreconditionError while staged or open. Unknown id: done, but PoolUnavailableError where the catalog may be old. */
  deleteVolume(id: VolumeId): Promise<void>;
  createSnapshot(intent: {
    readonly name: string;
    readonly source: VolumeId;
  }): Promise<Outcome<SnapshotRecord>>;
  /** InvalidRequestError for a member of a group. Unknown id: done. */
  deleteSnapshot(id: SnapshotId): Promise<void>;
  createGroup(intent: {
    readonly name: string;
    readonly sources: readonly VolumeId[];
  }): Promise<Outcome<GroupRecord>>;
  deleteGroup(id: GroupId): Promise<void>;
  /** Persists the new size; table and filesystem follow at stage or NodeExpand. Already that large: the record. */
  expandVolume(id: VolumeId, range: SizeRange): Promise<VolumeRecord>;

  /**
   * Node side: runs `work` as the only operation on the volume (exclusive against create, delete, snapshot, expand).
   * Joins an equal fingerprint, else OperationPendingError. NotFoundError for an unknown or deleted volume.
   */
  withVolume<T>(
    id: VolumeId,
    title: string,
    fingerprint: string,
    work: (volume: OwnedVolume) => Promise<T>,
  ): Promise<T>;
  /** Node side: `work` may run beside snapshots and other shared holders (publish, unpublish, stats). */
  shareVolume<T>(
    id: VolumeId,
    title: string,
    key: string,
    work: (record: VolumeRecord) => Promise<T>,
  ): Promise<T>;
}

/** A volume held exclusively by one node operation. */
export interface OwnedVolume {
  /** The record as of now; follows every change made through this object. */
  readonly record: VolumeRecord;
  /** The active device, or undefined. Reads the kernel, starts no process. */
  device(): Promise<BlockDevice | undefined>;
  /** Activates with the recorded size; an active shorter table is grown to the record. Refused on a pool that is not ready. */
  activate(): Promise<BlockDevice>;
  /** Removes the device; already gone counts. PreconditionError while something has it open. Remembers mapped bytes. */
  deactivate(): Promise<void>;
  /** Flushing status of the active thin (format guard). Throws DamagedVolumeError where the kernel cannot tell. */
  mappedSectors(): Promise<Sectors>;
  /** Durable before it resolves. */
  setFormat(format: Format): Promise<void>;
  /** Durable; undefined forgets the staging. */
  setStaging(staging: Staging | undefined): Promise<void>;
  /**
   * For format state `formatting` only: deactivates, gives the volume a new empty thin and format `blank`, deletes the
   * old thin. Nothing of the volume was ever published in that state.
   */
  renewThin(): Promise<void>;
}

/** All pools of this node. */
export interface PoolSet {
  readonly pools: readonly Pool[];
  byName(name: string): Pool | undefined;
  byUuid(uuid: PoolUuid): Pool | undefined;
  /** The pool for a StorageClass that names none; undefined where that is ambiguous. */
  readonly default: Pool | undefined;
  /** Configured pools that are not open, with the reason: Probe and errors name them. */
  readonly absent: readonly AbsentPool[];
}

export interface AbsentPool {
  readonly name: PoolName;
  readonly reason: string;
  /** Where the driver can tell what kind of reason it is. */
  readonly trouble?: AbsenceTrouble;
}
