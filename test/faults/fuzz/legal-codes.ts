/**
 * Which answers an rpc may give: CSI's general error scheme, and for each rpc the codes that its own table has. INTERNAL
 * and UNKNOWN are in none: either is a bug.
 */
import type { status } from "@grpc/grpc-js";

export type Code = keyof typeof status;

/** To any request that carries something to judge. UNIMPLEMENTED only where the whole rpc is. */
const GENERAL = ["OK", "INVALID_ARGUMENT", "ABORTED", "UNAVAILABLE"] as const satisfies readonly Code[];

const ASKED_FOR_NOTHING: readonly Code[] = ["OK", "INVALID_ARGUMENT"];
const NOT_BUILT: readonly Code[] = ["UNIMPLEMENTED", "INVALID_ARGUMENT"];

const OWN: Readonly<Record<string, readonly Code[]>> = {
  CreateVolume: ["NOT_FOUND", "ALREADY_EXISTS", "RESOURCE_EXHAUSTED", "OUT_OF_RANGE"],
  DeleteVolume: ["FAILED_PRECONDITION"],
  ValidateVolumeCapabilities: ["NOT_FOUND"],
  ListVolumes: [],
  GetCapacity: [],
  CreateSnapshot: ["NOT_FOUND", "ALREADY_EXISTS", "RESOURCE_EXHAUSTED"],
  DeleteSnapshot: ["FAILED_PRECONDITION"],
  ListSnapshots: [],
  GetSnapshot: ["NOT_FOUND"],
  ControllerExpandVolume: ["NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE"],
  ControllerGetVolume: ["NOT_FOUND"],
  CreateVolumeGroupSnapshot: ["NOT_FOUND", "ALREADY_EXISTS", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"],
  DeleteVolumeGroupSnapshot: ["FAILED_PRECONDITION"],
  GetVolumeGroupSnapshot: ["NOT_FOUND"],
  NodeStageVolume: ["NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"],
  NodeUnstageVolume: ["NOT_FOUND", "FAILED_PRECONDITION"],
  NodePublishVolume: ["NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"],
  NodeUnpublishVolume: ["NOT_FOUND", "FAILED_PRECONDITION"],
  NodeGetVolumeStats: ["NOT_FOUND"],
  NodeExpandVolume: ["NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE"],
};

const WHOLE: Readonly<Record<string, readonly Code[]>> = {
  GetPluginInfo: ASKED_FOR_NOTHING,
  GetPluginCapabilities: ASKED_FOR_NOTHING,
  Probe: ASKED_FOR_NOTHING,
  ControllerGetCapabilities: ASKED_FOR_NOTHING,
  GroupControllerGetCapabilities: ASKED_FOR_NOTHING,
  NodeGetCapabilities: ASKED_FOR_NOTHING,
  NodeGetInfo: ASKED_FOR_NOTHING,
  ControllerPublishVolume: NOT_BUILT,
  ControllerUnpublishVolume: NOT_BUILT,
  ControllerModifyVolume: NOT_BUILT,
};

/** Throws for an rpc that the table does not have. */
export function legalCodes(rpc: string): readonly Code[] {
  const own = OWN[rpc];
  const codes = WHOLE[rpc] ?? (own === undefined ? undefined : [...GENERAL, ...own]);
  if (codes === undefined) throw new RangeError(`the table of codes has no ${rpc}`);
  return codes;
}
