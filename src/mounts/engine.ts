/**
 * What the Node service may ask of mounts: a contract, and its implementation put together. All methods may be
 * repeated. A rejected promise is one of `core/errors.ts`. Paths are checked here (`paths.ts`), after the volume has
 * been looked up: CSI wants NOT_FOUND for an unknown volume whatever the path is.
 */
import type { Usage } from "../core/filesystem.ts";
import type { VolumeId } from "../core/ids.ts";
import type { FsType } from "../core/records.ts";
import type { Bytes } from "../core/units.ts";
import type { SizeRange } from "../plan/capacity.ts";
import type { Pool } from "../pool/engine.ts";

/** CSI's access type. Flags are those of `mount-flags.ts`; they are validated again for the filesystem found. */
export type StagedAccess =
  | { readonly kind: "block" }
  | { readonly kind: "mount"; readonly fsType?: FsType; readonly flags: readonly string[] };

/** CSI's access modes of one node, in its own words; others are refused before they get here. */
export const ACCESS_MODES = [
  "SINGLE_NODE_WRITER",
  "SINGLE_NODE_READER_ONLY",
  "SINGLE_NODE_SINGLE_WRITER",
  "SINGLE_NODE_MULTI_WRITER",
] as const;
export type AccessMode = (typeof ACCESS_MODES)[number];

export interface StageIntent {
  readonly id: VolumeId;
  readonly path: string;
  readonly access: StagedAccess;
  /** A reader-only access mode. Staging is writable all the same (journals must be replayed); publishing is not. */
  readonly readOnly: boolean;
}

export interface PublishIntent {
  readonly id: VolumeId;
  readonly stagingPath: string;
  readonly targetPath: string;
  readonly access: StagedAccess;
  readonly readOnly: boolean;
  readonly accessMode: AccessMode;
}

export interface VolumePath {
  readonly id: VolumeId;
  readonly path: string;
}

export interface MountEngine {
  /**
   * Activates, formats a blank volume, checks, mounts at the staging path, grows the filesystem up to the device.
   * NotFoundError, IncompatibleExistingError (staged otherwise), PreconditionError (access or filesystem the volume
   * does not have), DamagedVolumeError, InvalidRequestError (path, flags).
   */
  stage(pool: Pool, intent: StageIntent): Promise<void>;
  /**
   * Not staged there: done. PreconditionError while published or in use. An unknown volume: done. Works without the pool,
   * by what the kernel shows of the volume.
   */
  unstage(pool: Pool | undefined, at: VolumePath): Promise<void>;
  /** PreconditionError: not staged, or a second path of a single writer. IncompatibleExistingError: published otherwise. */
  publish(pool: Pool, intent: PublishIntent): Promise<void>;
  /** Works without the pool and without the record. Unmounts only what belongs to this volume, then removes the target. */
  unpublish(pool: Pool | undefined, at: VolumePath): Promise<void>;
  /** Path: staged or published. Answers the size of the device. CapacityRangeError beyond the record. */
  expand(pool: Pool, request: VolumePath & { readonly range?: SizeRange }): Promise<Bytes>;
  /** NotFoundError where the path is no mount of this volume. */
  usage(pool: Pool, at: VolumePath): Promise<Usage>;
}
