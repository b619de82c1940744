/** What people and monitoring ask of a node and its pools, as values: taken from memory and one question to the kernel. */
import type { PoolMode } from "./dm.ts";
import type {
  DmName,
  GroupId,
  PoolDeviceRole,
  PoolName,
  PoolUuid,
  SnapshotId,
  ThinId,
  VolumeId,
} from "./ids.ts";
import type { AccessType, FormatState, FsType, ObjectState, Source } from "./records.ts";
import type { Bytes } from "./units.ts";

/** What may be wrong with a pool, in words of Kubernetes' conditions. Several may hold at once. */
export const CONDITION_TYPES = [
  "DataLow",
  "MetadataLow",
  "OutOfData",
  "NeedsCheck",
  "ReadOnly",
  "DeviceMissing",
  "ForeignWriter",
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** A condition that holds, and one sentence why. */
export interface ActiveCondition {
  readonly type: ConditionType;
  readonly reason: string;
}

/** Why a pool that is not open cannot be, where the driver can tell. */
export type AbsenceTrouble = "device-missing" | "needs-check" | "read-only" | "failed";

export interface Space {
  readonly used: Bytes;
  readonly size: Bytes;
}

/** Of one thin, when somebody last asked for a measurement. */
export interface SpaceMeasure {
  readonly mapped: Bytes;
  /** What the pool gets back when it is deleted. */
  readonly exclusive: Bytes;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** Of a filesystem, since its pool was opened. */
export interface TrimNote {
  /** Discarded, by the filesystem's own account. */
  readonly bytes: Bytes;
  /** ISO 8601, UTC. */
  readonly at: string;
}

export interface VolumeReport {
  readonly id: VolumeId;
  readonly name: string;
  readonly state: ObjectState;
  readonly size: Bytes;
  /** Absent where it is not known: its device was activated since the kernel last answered, or the kernel cannot tell. */
  readonly mapped?: Bytes;
  readonly measured?: SpaceMeasure;
  readonly trimmed?: TrimNote;
  readonly thinId: ThinId;
  /** Name that its dm device has while it is active. */
  readonly device: DmName;
  readonly source: Source;
  readonly access: readonly AccessType[];
  readonly format: FormatState;
  readonly fsType?: FsType;
  readonly stagingPath?: string;
  /** The kernel has no thin of it any more. */
  readonly lost: boolean;
  readonly createdAt: string;
}

export interface SnapshotReport {
  readonly id: SnapshotId;
  readonly name: string;
  readonly state: ObjectState;
  readonly sourceVolumeId: VolumeId;
  readonly groupId?: GroupId;
  /** Of the origin at the cut. */
  readonly size: Bytes;
  /** What the origin had mapped at the cut: what the snapshot is counted with. */
  readonly mapped: Bytes;
  readonly measured?: SpaceMeasure;
  readonly thinId: ThinId;
  readonly fsType?: FsType;
  readonly lost: boolean;
  readonly createdAt: string;
}

/** What an open pool knows of itself. */
export interface PoolFigures {
  readonly uuid: PoolUuid;
  /** Whether it takes changes; `reason` says why not. */
  readonly state: "ready" | "read-only" | "unusable";
  readonly reason?: string;
  /** When the kernel was last heard of; ISO 8601, UTC. The next eight are as of then. */
  readonly asOf: string;
  readonly mode: PoolMode;
  readonly needsCheck: boolean;
  /** Metadata block of a snapshot of the metadata that somebody holds. */
  readonly heldRoot?: bigint;
  readonly transactionId: bigint;
  readonly data: Space;
  /** The size of the data or, where that is less, what the filesystem below a loop pool has given and can give. */
  readonly dataLimit: Bytes;
  readonly metadata: Space;
  readonly whenFull: "error" | "queue";
  readonly blockSize: Bytes;
  readonly zeroesNewBlocks: boolean;
  readonly passesDiscards: boolean;
  readonly overprovision: number;
  /** Deleted, and still being discarded; a promise that needs their room has it. */
  readonly deletions: number;
  /** The worst case of all that was admitted. */
  readonly promised: Bytes;
  /** What can still be promised. */
  readonly available: Bytes;
  readonly devices: Readonly<Record<PoolDeviceRole, DmName>>;
  readonly volumes: readonly VolumeReport[];
  readonly snapshots: readonly SnapshotReport[];
}

/** As configured. */
export type BackingReport =
  | { readonly kind: "loop"; readonly directory: string }
  | {
      readonly kind: "devices";
      readonly devices: readonly string[];
      /** In place of the list: how they are selected, in words. */
      readonly selector?: string;
    }
  | { readonly kind: "parts"; readonly data: string; readonly metadata: string; readonly catalog?: string };

interface PoolHead {
  readonly name: PoolName;
  readonly backing: BackingReport;
  readonly conditions: readonly ActiveCondition[];
  /** The configuration does not name it any more; it is kept until the driver ends. */
  readonly leftOut?: true;
}

export interface AbsentPoolReport extends PoolHead {
  readonly kind: "absent";
  readonly reason: string;
}

export interface OpenPoolReport extends PoolHead {
  readonly kind: "open";
  /** Why the kernel did not answer; absent: it did, and the figures are of now. */
  readonly silence?: string;
  readonly figures: PoolFigures;
}

export type PoolReport = AbsentPoolReport | OpenPoolReport;

/** Versions of what the driver stands on; absent where it could not be asked. */
export interface DmVersions {
  /** Of libdevmapper, as dmsetup says it: `1.02.205 (2025-02-27)`. */
  readonly library: string;
  /** Of device-mapper in the kernel. */
  readonly kernel: string;
}

export interface NodeReport {
  readonly node: string;
  /** Of dmthin. */
  readonly version: string;
  readonly deviceMapper?: DmVersions;
  /** As Probe answers it: one pool is open. */
  readonly ready: boolean;
  /** In the order of the configuration. */
  readonly pools: readonly PoolReport[];
}
