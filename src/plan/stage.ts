/**
 * NodeStage: may this volume be staged so, what does its device hold, and what has to happen before it is mounted.
 * Pure. The format guard (promise 1) is `planContent`, and nothing else allows a mkfs.
 */
import { DamagedVolumeError, IncompatibleExistingError, PreconditionError } from "../core/errors.ts";
import type { Superblock } from "../core/filesystem.ts";
import type { Format, FsType, Staging, VolumeRecord } from "../core/records.ts";
import type { Bytes, Sectors } from "../core/units.ts";
import { MIN_FS_BYTES } from "./filesystem-limits.ts";
import { DEFAULT_FS_TYPE } from "./volume.ts";

export type StageStep =
  /** A mkfs may have been cut short: an empty thin instead of this one, then observe again. The last step of its plan. */
  | { readonly kind: "renew-thin" }
  /** Durable before the next step begins. */
  | { readonly kind: "set-format"; readonly format: Format }
  | { readonly kind: "make-filesystem"; readonly fsType: FsType; readonly options: readonly string[] }
  | { readonly kind: "check-filesystem"; readonly fsType: FsType }
  /** btrfs: mount and unmount once, so that what fsync promised is in the trees before btrfstune writes. */
  | { readonly kind: "replay-log" }
  /** btrfs: an fsid of its own. */
  | { readonly kind: "renew-identity" }
  | { readonly kind: "mount"; readonly fsType: FsType; readonly flags: readonly string[] }
  | { readonly kind: "grow-filesystem"; readonly fsType: FsType }
  /** xfs: a full pool must not keep it from being unmounted. */
  | { readonly kind: "fail-when-full" }
  | { readonly kind: "record-staging"; readonly staging: Staging };

export type StagePlan = readonly StageStep[];

/** How a caller wants to have the volume; flags validated for the filesystem. */
export type WantedAccess =
  | { readonly kind: "block" }
  | { readonly kind: "mount"; readonly fsType?: FsType; readonly flags: readonly string[] };

/** The filesystem that staging means where the caller names none. */
export function fsTypeOf(record: VolumeRecord, asked: FsType | undefined): FsType {
  return asked ?? record.fsType ?? record.format.fsType ?? DEFAULT_FS_TYPE;
}

/** What staging so would record. PreconditionError where the volume was not made for it. */
export function wantedStaging(record: VolumeRecord, path: string, access: WantedAccess): Staging {
  if (!record.access.includes(access.kind)) {
    throw new PreconditionError(
      `volume ${record.id} was created for access type ${record.access.join(" and ")}, not ${access.kind}`,
    );
  }
  if (access.kind === "block") return { path, access: "block", mountFlags: [] };
  const fsType = fsTypeOf(record, access.fsType);
  requireSameType(record, fsType, record.format.fsType ?? record.fsType);
  return { path, access: "mount", fsType, mountFlags: access.flags };
}

function requireSameType(record: VolumeRecord, asked: FsType, held: FsType | undefined): void {
  if (held === undefined || held === asked) return;
  throw new PreconditionError(
    `volume ${record.id} holds ${held}, ${asked} was asked for: correct fsType of the PersistentVolume to ${held}`,
  );
}

export function sameStaging(one: Staging, other: Staging): boolean {
  const flags = (staging: Staging): string => staging.mountFlags.toSorted().join();
  return (
    one.path === other.path &&
    one.access === other.access &&
    one.fsType === other.fsType &&
    flags(one) === flags(other)
  );
}

/** What the kernel shows of the volume. */
export interface Presence {
  /** Its dm device exists. */
  readonly active: boolean;
  /** Where its filesystem, or its device node, is mounted. */
  readonly mountPoints: readonly string[];
}

/**
 * `staged`: done before, and still so. `remains`: mounted there by a call that never got its answer: it is unmounted,
 * and all is done again. `fresh`: from the beginning, also after a reboot, whose staging is only a memory.
 * IncompatibleExistingError: staged otherwise. PreconditionError: still mounted elsewhere.
 */
export function judgeStaging(
  record: VolumeRecord,
  wanted: Staging,
  presence: Presence,
): "staged" | "remains" | "fresh" {
  const { staging } = record;
  const mounted = presence.mountPoints;
  const live =
    staging !== undefined &&
    presence.active &&
    (staging.access === "block" || mounted.includes(staging.path));
  if (live) {
    if (sameStaging(staging, wanted)) return "staged";
    throw new IncompatibleExistingError(
      `volume ${record.id} is staged ${describeStaging(staging)}, not ${describeStaging(wanted)}: unstage it first`,
    );
  }
  const elsewhere = mounted.filter((path) => path !== wanted.path);
  if (elsewhere.length > 0) {
    throw new PreconditionError(
      `volume ${record.id} is still mounted at ${elsewhere.join(", ")}: unmount it first`,
    );
  }
  return mounted.length > 0 ? "remains" : "fresh";
}

export function describeStaging({ path, access, fsType, mountFlags }: Staging): string {
  const how =
    access === "block" ? "as a block device" : `as ${fsType ?? "a filesystem"} [${mountFlags.join(",")}]`;
  return `at ${path} ${how}`;
}

/** A filesystem volume that is active and mounted nowhere. */
export interface ContentView {
  readonly record: VolumeRecord;
  readonly staging: Staging;
  readonly deviceSize: Bytes;
  readonly superblock: Superblock;
  /** Of a flushing status; needed only in format state `blank`. */
  readonly mapped?: Sectors;
}

/** Everything from an active device to a recorded staging. DamagedVolumeError, PreconditionError: nothing is touched. */
export function planStage(view: ContentView): StagePlan {
  const { staging, superblock, deviceSize } = view;
  const fsType = staging.fsType ?? DEFAULT_FS_TYPE;
  const content = planContent(view, fsType);
  if (content.some((step) => step.kind === "renew-thin")) return content;
  const smaller = superblock.kind === "filesystem" && superblock.size < deviceSize;
  return [
    ...content,
    { kind: "mount", fsType, flags: mountFlagsFor(fsType, staging.mountFlags) },
    ...(smaller ? planGrow(fsType, deviceSize) : []),
    ...planSettings(fsType),
    { kind: "record-staging", staging },
  ];
}

/** For a volume that is staged already: NodeStage is repeated, also after the record grew. */
export function planRestage(staging: Staging, deviceSize: Bytes): StagePlan {
  if (staging.access === "block" || staging.fsType === undefined) return [];
  return [...planGrow(staging.fsType, deviceSize), ...planSettings(staging.fsType)];
}

/** Below the minimum only for a filesystem that a user made on a raw volume: there the kernel refuses to resize btrfs. */
function planGrow(fsType: FsType, deviceSize: Bytes): StagePlan {
  if (fsType === "btrfs" && deviceSize < MIN_FS_BYTES.btrfs) return [];
  return [{ kind: "grow-filesystem", fsType }];
}

const planSettings = (fsType: FsType): StagePlan => (fsType === "xfs" ? [{ kind: "fail-when-full" }] : []);

/** xfs refuses a second filesystem of one UUID, which a copy has; an ext4 with errors must not be written any further. */
export function mountFlagsFor(fsType: FsType, flags: readonly string[]): readonly string[] {
  if (fsType === "xfs") return [...flags.filter((flag) => flag !== "nouuid"), "nouuid"];
  return fsType === "ext4" ? [...flags, "errors=remount-ro"] : flags;
}

function planContent(view: ContentView, fsType: FsType): StagePlan {
  const { record, superblock, mapped } = view;
  const { state } = record.format;
  if (state === "formatting") return [{ kind: "renew-thin" }];
  if (state === "blank" && mapped === 0n) return planFormat(record, superblock, fsType);
  if (superblock.kind !== "filesystem") throw noFilesystem(record, superblock);
  requireSameType(record, fsType, superblock.fsType);
  requireFits(view, superblock.size);
  if (fsType === "btrfs" && (state === "copied" || state === "identifying"))
    return planIdentity(superblock.dirtyLog);
  return [...noteType(record.format, fsType), { kind: "check-filesystem", fsType }];
}

/** The only plan with a mkfs. */
function planFormat(record: VolumeRecord, superblock: Superblock, fsType: FsType): StagePlan {
  if (superblock.kind !== "blank") {
    throw new DamagedVolumeError(
      `volume ${record.id} maps no block and yet does not read as zeros: it is not formatted; check the pool with thin_check`,
    );
  }
  return [
    { kind: "set-format", format: { state: "formatting", fsType } },
    { kind: "make-filesystem", fsType, options: record.mkfsOptions },
    { kind: "set-format", format: { state: "formatted", fsType } },
  ];
}

/** `identifying` before the first byte is changed: in that state a retry does all of it again. */
function planIdentity(dirtyLog: boolean): StagePlan {
  return [
    { kind: "set-format", format: { state: "identifying", fsType: "btrfs" } },
    ...(dirtyLog ? [{ kind: "replay-log" } as const] : []),
    { kind: "renew-identity" },
    { kind: "set-format", format: { state: "formatted", fsType: "btrfs" } },
  ];
}

/** A filesystem found on a thin that was recorded blank was made by the user of the raw device: it is theirs now. */
function noteType(format: Format, fsType: FsType): StagePlan {
  if (format.state !== "blank" && format.fsType !== undefined) return [];
  const state = format.state === "blank" ? "formatted" : format.state;
  return [{ kind: "set-format", format: { state, fsType } }];
}

const ORIGIN: Readonly<Record<Format["state"], string>> = {
  blank: "has been written to",
  formatting: "was being formatted",
  formatted: "was formatted before",
  copied: "is a copy",
  identifying: "is a copy",
};

function noFilesystem(record: VolumeRecord, superblock: Superblock): DamagedVolumeError {
  const read = superblock.kind === "blank" ? "reads as zeros" : "holds no filesystem dmthin knows";
  return new DamagedVolumeError(
    `volume ${record.id} ${ORIGIN[record.format.state]} but its device ${read}: it is never formatted again; ` +
      "use it as a raw block volume, restore a snapshot, or delete it",
  );
}

function requireFits({ record, deviceSize }: ContentView, size: Bytes): void {
  if (size <= deviceSize) return;
  throw new DamagedVolumeError(
    `volume ${record.id}: its filesystem has ${size} bytes, its device only ${deviceSize}: mounting it would lose the rest; ` +
      "the record of its size is older than the data: see whether another copy of this pool's catalog was used",
  );
}
