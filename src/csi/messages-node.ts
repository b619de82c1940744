/** Requests to the Node service become intents here. Paths are only required here: see mounts/engine.ts. */
import { InvalidRequestError, PreconditionError } from "../core/errors.ts";
import type { Usage } from "../core/filesystem.ts";
import type {
  NodeExpandVolumeRequest__Output,
  NodeGetVolumeStatsRequest__Output,
  NodePublishVolumeRequest__Output,
  NodeStageVolumeRequest__Output,
  NodeUnpublishVolumeRequest__Output,
  NodeUnstageVolumeRequest__Output,
  VolumeCapability__Output,
  VolumeUsage,
} from "../generated/csi.ts";
import type { AccessMode, StagedAccess } from "../mounts/engine.ts";
import type { SizeRange } from "../plan/capacity.ts";
import { judgeCapability, type Capability } from "./capability.ts";
import { parseRange, requirePath, requireSmallMap, requireString } from "./validate.ts";

/** A volume, not looked up yet, and a path. */
export interface VolumeAt {
  readonly volumeId: string;
  readonly path: string;
}

export interface StageCall extends VolumeAt {
  readonly access: StagedAccess;
  readonly readOnly: boolean;
}

export function parseStage(request: NodeStageVolumeRequest__Output): StageCall {
  const volumeId = requireString("volume_id", request.volume_id);
  const path = requirePath("staging_target_path", request.staging_target_path);
  const { mode, access } = requireNodeCapability(request.volume_capability);
  requireSmallMap("volume_context", request.volume_context);
  return { volumeId, path, access, readOnly: isReader(mode) };
}

export function parseUnstage(request: NodeUnstageVolumeRequest__Output): VolumeAt {
  return {
    volumeId: requireString("volume_id", request.volume_id),
    path: requirePath("staging_target_path", request.staging_target_path),
  };
}

export interface PublishCall {
  readonly volumeId: string;
  readonly stagingPath: string;
  readonly targetPath: string;
  readonly access: StagedAccess;
  readonly readOnly: boolean;
  readonly accessMode: AccessMode;
}

export function parsePublish(request: NodePublishVolumeRequest__Output): PublishCall {
  const volumeId = requireString("volume_id", request.volume_id);
  const targetPath = requirePath("target_path", request.target_path);
  const { mode, access } = requireNodeCapability(request.volume_capability);
  requireSmallMap("volume_context", request.volume_context);
  // CSI: without a staging path it is not the request that is wrong but its order.
  const stagingPath = request.staging_target_path;
  if (stagingPath === "")
    throw new PreconditionError("staging_target_path: is missing; the volume must be staged first");
  return {
    volumeId,
    stagingPath: requirePath("staging_target_path", stagingPath),
    targetPath,
    access,
    readOnly: request.readonly || isReader(mode),
    accessMode: mode,
  };
}

export function parseUnpublish(request: NodeUnpublishVolumeRequest__Output): VolumeAt {
  return {
    volumeId: requireString("volume_id", request.volume_id),
    path: requirePath("target_path", request.target_path),
  };
}

export function parseStats(request: NodeGetVolumeStatsRequest__Output): VolumeAt {
  return {
    volumeId: requireString("volume_id", request.volume_id),
    path: requirePath("volume_path", request.volume_path),
  };
}

export function parseNodeExpand(
  request: NodeExpandVolumeRequest__Output,
): VolumeAt & { readonly range?: SizeRange } {
  const at = {
    volumeId: requireString("volume_id", request.volume_id),
    path: requirePath("volume_path", request.volume_path),
  };
  const range = parseRange("capacity_range", request.capacity_range);
  return range === undefined ? at : { ...at, range };
}

/** CSI wants FAILED_PRECONDITION, not INVALID_ARGUMENT, for an access mode that the volume cannot have. */
function requireNodeCapability(message: VolumeCapability__Output | null): Capability {
  const judged = judgeCapability("volume_capability", message);
  if (judged.kind === "supported") return judged.capability;
  if (judged.what === "access mode") throw new PreconditionError(`${judged.field}: ${judged.problem}`);
  throw new InvalidRequestError(judged.field, judged.problem);
}

const isReader = (mode: AccessMode): boolean => mode === "SINGLE_NODE_READER_ONLY";

/** Never empty: kubelet takes an answer without usage for an error. */
export function usageMessages(usage: Usage): VolumeUsage[] {
  if (usage.kind === "block") return [{ unit: "BYTES", total: usage.total.toString() }];
  const entry = (
    unit: "BYTES" | "INODES",
    amounts: { readonly [Key in "total" | "used" | "available"]: bigint },
  ) => ({
    unit,
    total: amounts.total.toString(),
    used: amounts.used.toString(),
    available: amounts.available.toString(),
  });
  const bytes = entry("BYTES", usage.bytes);
  return usage.inodes === undefined ? [bytes] : [bytes, entry("INODES", usage.inodes)];
}
