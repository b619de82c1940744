/** ValidateVolumeCapabilities: yes, or no with the reason. */
import { InvalidRequestError } from "../core/errors.ts";
import type { VolumeRecord } from "../core/records.ts";
import type {
  ValidateVolumeCapabilitiesRequest__Output,
  ValidateVolumeCapabilitiesResponse,
} from "../generated/csi.ts";
import type { StagedAccess } from "../mounts/engine.ts";
import type { Pool, PoolSet } from "../pool/engine.ts";
import type { Judged } from "./capability.ts";
import { requireVolume } from "./locate.ts";
import { parseValidate, type ValidateCall } from "./messages-volume.ts";
import { parseStorageClass } from "./parameters.ts";

export function validateCapabilities(
  pools: PoolSet,
  request: ValidateVolumeCapabilitiesRequest__Output,
): ValidateVolumeCapabilitiesResponse {
  const call = parseValidate(request);
  const { pool, record } = requireVolume(pools, call.volumeId);
  const problem = problemOf(call, pool, record);
  if (problem !== undefined) return { message: problem };
  return {
    confirmed: {
      volume_capabilities: request.volume_capabilities,
      volume_context: request.volume_context,
      parameters: request.parameters,
    },
  };
}

function problemOf(call: ValidateCall, pool: Pool, record: VolumeRecord): string | undefined {
  for (const judged of call.capabilities) {
    const problem = capabilityProblem(judged, record);
    if (problem !== undefined) return problem;
  }
  if (Object.keys(call.mutableParameters).length > 0) return "mutable_parameters: are not supported";
  return parametersProblem(call, pool);
}

function capabilityProblem(judged: Judged, record: VolumeRecord): string | undefined {
  if (judged.kind === "unsupported") return `${judged.field}: ${judged.problem}`;
  return accessProblem(judged.capability.access, record);
}

/** Why a volume cannot be used that way; undefined where it can. */
export function accessProblem(access: StagedAccess, record: VolumeRecord): string | undefined {
  if (!record.access.includes(access.kind)) {
    return `volume ${record.id} was created for access type ${record.access.join(" and ")}, not ${access.kind}: correct volumeMode of the PersistentVolume`;
  }
  const has = record.format.fsType ?? record.fsType;
  if (access.kind === "block" || access.fsType === undefined || has === undefined || has === access.fsType)
    return undefined;
  return `volume ${record.id} holds ${has}, ${access.fsType} was asked for: correct fsType of the PersistentVolume to ${has}`;
}

function parametersProblem(call: ValidateCall, pool: Pool): string | undefined {
  try {
    const { pool: wanted } = parseStorageClass(call.parameters);
    return wanted === undefined || wanted === pool.name
      ? undefined
      : `the volume is in pool ${pool.name}, not ${wanted}`;
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.message;
    throw error;
  }
}
