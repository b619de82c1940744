/** CreateVolume: from nothing, from a snapshot, from a volume. Pure: records and observations in, a plan out. */
import { IncompatibleExistingError, InvalidRequestError } from "../core/errors.ts";
import type { ThinId } from "../core/ids.ts";
import type { AccessType, Format, FsType, Source, VolumeRecord } from "../core/records.ts";
import type { Bytes } from "../core/units.ts";
import { bytes } from "../core/units.ts";
import type { SizeRange } from "./capacity.ts";
import { SIZE_STEP, chooseSize } from "./capacity.ts";
import { MIN_FS_BYTES } from "./filesystem-limits.ts";
import type { Plan, Step, Suspension } from "./step.ts";

export const DEFAULT_FS_TYPE: FsType = "ext4";

/** What is asked, validated. */
export interface CreateVolumeIntent {
  readonly name: string;
  readonly range: SizeRange;
  readonly source: Source;
  /** At least one. */
  readonly access: readonly AccessType[];
  /** For `mount`; absent means the default (ext4), or the source's filesystem for a copy. */
  readonly fsType?: FsType;
  /** Validated by mounts/mkfs-options.ts before they get here. */
  readonly mkfsOptions: readonly string[];
}

/** The content to copy, as its record and the kernel have it. */
export interface Origin {
  readonly thinId: ThinId;
  readonly size: Bytes;
  readonly format: Format;
  /** Known to hold nothing: then the copy is a new empty thin, and may be formatted like any other. */
  readonly empty: boolean;
  /** Its mapped bytes, where it is inactive; those of an active one are measured in the bracket. */
  readonly mapped?: Bytes;
  /** Set where the origin is active: it is held still for the cut. */
  readonly suspension?: Suspension;
}

/** The filesystem a volume shall have. Throws InvalidRequestError where the source holds another one. */
export function chooseFsType(intent: CreateVolumeIntent, origin: Origin | undefined): FsType | undefined {
  if (!intent.access.includes("mount")) return undefined;
  const held = origin?.empty === false ? origin.format.fsType : undefined;
  if (held !== undefined && intent.fsType !== undefined && held !== intent.fsType) {
    throw new InvalidRequestError(
      "volume_capabilities.mount.fs_type",
      `the source holds ${held}, ${intent.fsType} was asked for; use a StorageClass with csi.storage.k8s.io/fstype: ${held}`,
    );
  }
  return intent.fsType ?? held ?? DEFAULT_FS_TYPE;
}

/** The size of a new volume: as asked, not below its source or its filesystem's minimum. CapacityRangeError otherwise. */
export function chooseVolumeSize(
  intent: CreateVolumeIntent,
  fsType: FsType | undefined,
  origin: Origin | undefined,
): Bytes {
  const floor = fsType === undefined ? bytes(SIZE_STEP) : MIN_FS_BYTES[fsType];
  if (origin === undefined) return chooseSize(intent.range, floor, fsType ?? "a volume");
  const { required } = intent.range;
  // Asking for less than the source is a mistake to be told, not a size to be raised.
  if (required !== undefined && required < origin.size)
    chooseSize({ required, limit: required }, origin.size, "the source");
  return chooseSize(intent.range, origin.size > floor ? origin.size : floor, "the source");
}

export function newVolumeRecord(
  intent: CreateVolumeIntent,
  origin: Origin | undefined,
  made: Pick<VolumeRecord, "id" | "thinId" | "createdAt" | "clusterUid">,
): VolumeRecord {
  const fsType = chooseFsType(intent, origin);
  const copied = origin !== undefined && !origin.empty;
  const format: Format = copied
    ? { state: "copied", ...(origin.format.fsType === undefined ? {} : { fsType: origin.format.fsType }) }
    : { state: "blank" };
  return {
    ...made,
    name: intent.name,
    state: "creating",
    size: chooseVolumeSize(intent, fsType, origin),
    source: intent.source,
    access: intent.access,
    ...(fsType === undefined ? {} : { fsType }),
    mkfsOptions: intent.mkfsOptions,
    format,
  };
}

/** Intent, message, outcome. */
export function planCreateVolume(record: VolumeRecord, origin: Origin | undefined): Plan {
  return [
    { kind: "record", changes: [{ kind: "put-volume", record }] },
    ...makeThin(record.thinId, origin),
    { kind: "record", changes: [{ kind: "put-volume", record: { ...record, state: "ready" } }] },
  ];
}

function makeThin(thinId: ThinId, origin: Origin | undefined): readonly Step[] {
  if (origin === undefined || origin.empty) return [{ kind: "create-thin", thinId }];
  const cut: Step = { kind: "create-snap", thinId, origin: origin.thinId };
  if (origin.suspension === undefined) return [cut];
  const measure: Step = { kind: "measure", device: origin.suspension.device, thinId: origin.thinId };
  return [{ kind: "while-suspended", suspensions: [origin.suspension], steps: [measure, cut] }];
}

/** Takes back what an unacknowledged create may have done. */
export function planUndoVolume(record: VolumeRecord): Plan {
  return [
    { kind: "delete-thin", thinId: record.thinId },
    { kind: "record", changes: [{ kind: "drop-volume", id: record.id }] },
  ];
}

/** Throws IncompatibleExistingError, naming the difference, unless `existing` is what `intent` asks for. */
export function requireSameVolume(existing: VolumeRecord, intent: CreateVolumeIntent): void {
  const difference = differenceOf(existing, intent);
  if (difference === undefined) return;
  throw new IncompatibleExistingError(
    `name: volume ${JSON.stringify(intent.name)} exists and differs: ${difference}`,
  );
}

function differenceOf(existing: VolumeRecord, intent: CreateVolumeIntent): string | undefined {
  const { required, limit } = intent.range;
  if (required !== undefined && existing.size < required)
    return `it has ${existing.size} bytes, ${required} are required`;
  if (limit !== undefined && existing.size > limit)
    return `it has ${existing.size} bytes, the limit is ${limit}`;
  if (sourceText(existing.source) !== sourceText(intent.source))
    return `it was made from ${sourceText(existing.source)}`;
  if (existing.access.toSorted().join() !== intent.access.toSorted().join()) {
    return `it was made for access type ${existing.access.join(" and ")}`;
  }
  if (existing.fsType !== undefined && intent.fsType !== undefined && existing.fsType !== intent.fsType) {
    return `it was made for ${existing.fsType}`;
  }
  if (existing.mkfsOptions.join(" ") !== intent.mkfsOptions.join(" "))
    return "it was made with other mkfsOptions";
  return undefined;
}

const sourceText = (source: Source): string =>
  source.kind === "empty" ? "nothing" : `${source.kind} ${source.id}`;
