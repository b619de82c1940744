/** CSI's VolumeCapability: what a caller wants to do with a volume, and whether dmthin can. */
import { InvalidRequestError } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import { FS_TYPES, type FsType } from "../core/records.ts";
import type { VolumeCapability__Output } from "../generated/csi.ts";
import { ACCESS_MODES, type AccessMode, type StagedAccess } from "../mounts/engine.ts";
import { parseMountFlags } from "../mounts/mount-flags.ts";

export interface Capability {
  readonly mode: AccessMode;
  readonly access: StagedAccess;
}

/** Well-formed but not for us. `what`: methods answer with different codes for the two. */
export interface Unsupported {
  readonly kind: "unsupported";
  readonly what: "access mode" | "access type";
  readonly field: string;
  readonly problem: string;
}

export type Judged = { readonly kind: "supported"; readonly capability: Capability } | Unsupported;

/** Throws InvalidRequestError where a part that CSI demands is missing. */
export function judgeCapability(field: string, message: VolumeCapability__Output | null): Judged {
  if (message === null) throw new InvalidRequestError(field, "is required");
  if (message.access_type === undefined)
    throw new InvalidRequestError(field, "needs an access type, mount or block");
  const mode: string | number | undefined = message.access_mode?.mode;
  if (mode === undefined || mode === "UNKNOWN")
    throw new InvalidRequestError(`${field}.access_mode`, "is required");
  const supported = ACCESS_MODES.find((each) => each === mode);
  if (supported === undefined) return unsupportedMode(field, mode);
  if (message.mount === undefined || message.mount === null) {
    return { kind: "supported", capability: { mode: supported, access: { kind: "block" } } };
  }
  return judgeMount(`${field}.mount`, message.mount, supported);
}

/** As `judgeCapability`, for methods to which everything unsupported is an invalid argument. */
export function requireCapability(field: string, message: VolumeCapability__Output | null): Capability {
  const judged = judgeCapability(field, message);
  if (judged.kind === "supported") return judged.capability;
  throw new InvalidRequestError(judged.field, judged.problem);
}

function unsupportedMode(field: string, mode: string | number): Unsupported {
  const problem = `${mode} is not supported: a volume is on one node; modes are ${ACCESS_MODES.join(", ")}`;
  return { kind: "unsupported", what: "access mode", field: `${field}.access_mode`, problem };
}

type MountVolume = NonNullable<NonNullable<VolumeCapability__Output["mount"]>>;

function judgeMount(field: string, mount: MountVolume, mode: AccessMode): Judged {
  const unsupported = (part: string, problem: string): Unsupported => ({
    kind: "unsupported",
    what: "access type",
    field: `${field}.${part}`,
    problem,
  });
  if (mount.volume_mount_group !== "") {
    return unsupported("volume_mount_group", "is not supported; Kubernetes applies fsGroup itself");
  }
  const fsType = FS_TYPES.find((each) => each === mount.fs_type);
  if (fsType === undefined && mount.fs_type !== "") {
    return unsupported("fs_type", `${quote(mount.fs_type)} is not one of ${FS_TYPES.join(", ")}`);
  }
  try {
    const flags = parseMountFlags(mount.mount_flags, fsType);
    return { kind: "supported", capability: { mode, access: mountAccess(fsType, flags) } };
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    return unsupported("mount_flags", error.message.slice(`${error.field}: `.length));
  }
}

function mountAccess(fsType: FsType | undefined, flags: readonly string[]): StagedAccess {
  return fsType === undefined ? { kind: "mount", flags } : { kind: "mount", fsType, flags };
}
