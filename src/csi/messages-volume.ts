/** Requests about volumes become intents here, records become responses. The only place with their snake_case. */
import { InvalidRequestError, NotFoundError } from "../core/errors.ts";
import { parseId, type PoolName, type PoolUuid, type SnapshotId, type VolumeId } from "../core/ids.ts";
import { quote } from "../core/quote.ts";
import type { AccessType, FsType, VolumeRecord } from "../core/records.ts";
import type {
  ControllerExpandVolumeRequest__Output,
  CreateVolumeRequest__Output,
  GetCapacityRequest__Output,
  Topology,
  Topology__Output,
  TopologyRequirement__Output,
  ValidateVolumeCapabilitiesRequest__Output,
  Volume,
  VolumeContentSource,
  VolumeContentSource__Output,
} from "../generated/csi.ts";
import type { SizeRange } from "../plan/capacity.ts";
import { judgeCapability, requireCapability, type Capability, type Judged } from "./capability.ts";
import { parseStorageClass, type StorageClass } from "./parameters.ts";
import {
  parseRange,
  requireEmptyMap,
  requireName,
  requireSmallMap,
  requireString,
  type StringMap,
} from "./validate.ts";

/** A source that may exist, with the pool it says to be in. */
export type LocatedSource =
  | { readonly kind: "snapshot"; readonly id: SnapshotId; readonly pool: PoolUuid }
  | { readonly kind: "volume"; readonly id: VolumeId; readonly pool: PoolUuid };

export interface CreateVolumeCall {
  readonly name: string;
  readonly range: SizeRange;
  readonly access: readonly AccessType[];
  readonly fsType?: FsType;
  readonly mkfsOptions?: string;
  readonly pool?: PoolName;
  /** Absent: a new, empty volume. */
  readonly source?: LocatedSource;
  readonly requirements: TopologyRequirement__Output | null;
}

/** Throws InvalidRequestError; NotFoundError for a source whose id dmthin never made. */
export function parseCreateVolume(request: CreateVolumeRequest__Output): CreateVolumeCall {
  const name = requireName("name", request.name);
  const capabilities = requireCapabilities(request.volume_capabilities);
  const range = parseRange("capacity_range", request.capacity_range) ?? {};
  const { pool, mkfsOptions } = parseStorageClass(request.parameters);
  requireEmptyMap("mutable_parameters", request.mutable_parameters);
  const fsType = requireOneFilesystem(capabilities);
  const source = parseSource(request.volume_content_source);
  return {
    name,
    range,
    access: [...new Set(capabilities.map(({ access }) => access.kind))],
    ...(fsType === undefined ? {} : { fsType }),
    ...(mkfsOptions === undefined ? {} : { mkfsOptions }),
    ...(pool === undefined ? {} : { pool }),
    ...(source === undefined ? {} : { source }),
    requirements: request.accessibility_requirements,
  };
}

function requireCapabilities(
  messages: CreateVolumeRequest__Output["volume_capabilities"],
): readonly Capability[] {
  if (messages.length === 0) throw new InvalidRequestError("volume_capabilities", "is required");
  return messages.map((message, index) => requireCapability(`volume_capabilities[${index}]`, message));
}

/** One volume has one filesystem. */
function requireOneFilesystem(capabilities: readonly Capability[]): FsType | undefined {
  const types = new Set(
    capabilities.flatMap(({ access }) => (access.kind === "mount" ? [access.fsType] : [])),
  );
  types.delete(undefined);
  if (types.size > 1) {
    throw new InvalidRequestError(
      "volume_capabilities",
      `ask for different filesystems: ${[...types].join(", ")}`,
    );
  }
  return [...types][0];
}

function parseSource(source: VolumeContentSource__Output | null): LocatedSource | undefined {
  if (source === null) return undefined;
  const field = "volume_content_source";
  if (source.snapshot) {
    const text = requireString(`${field}.snapshot.snapshot_id`, source.snapshot.snapshot_id);
    const parsed = parseId(text);
    if (parsed?.kind === "snapshot") return { kind: "snapshot", id: parsed.id, pool: parsed.pool };
    throw new NotFoundError(`snapshot ${quote(text)} does not exist`);
  }
  if (source.volume) {
    const text = requireString(`${field}.volume.volume_id`, source.volume.volume_id);
    const parsed = parseId(text);
    if (parsed?.kind === "volume") return { kind: "volume", id: parsed.id, pool: parsed.pool };
    throw new NotFoundError(`volume ${quote(text)} does not exist`);
  }
  throw new InvalidRequestError(field, "names neither a snapshot nor a volume");
}

export interface ValidateCall {
  readonly volumeId: string;
  readonly capabilities: readonly Judged[];
  readonly parameters: StringMap;
  readonly mutableParameters: StringMap;
}

/** Only what is malformed throws: parameters that do not fit are an answer of this method, not an error. */
export function parseValidate(request: ValidateVolumeCapabilitiesRequest__Output): ValidateCall {
  const volumeId = requireString("volume_id", request.volume_id);
  if (request.volume_capabilities.length === 0)
    throw new InvalidRequestError("volume_capabilities", "is required");
  return {
    volumeId,
    capabilities: request.volume_capabilities.map((message, index) =>
      judgeCapability(`volume_capabilities[${index}]`, message),
    ),
    parameters: requireSmallMap("parameters", request.parameters),
    mutableParameters: requireSmallMap("mutable_parameters", request.mutable_parameters),
  };
}

export interface GetCapacityCall {
  readonly storageClass: StorageClass;
  /** False where a capability asked for is never met. */
  readonly possible: boolean;
  readonly topology: Topology__Output | null;
}

export function parseGetCapacity(request: GetCapacityRequest__Output): GetCapacityCall {
  const judged = request.volume_capabilities.map((message, index) =>
    judgeCapability(`volume_capabilities[${index}]`, message),
  );
  return {
    storageClass: parseStorageClass(request.parameters),
    possible: judged.every(({ kind }) => kind === "supported"),
    topology: request.accessible_topology,
  };
}

export interface ExpandCall {
  readonly volumeId: string;
  readonly range: SizeRange;
}

export function parseExpand(request: ControllerExpandVolumeRequest__Output): ExpandCall {
  const volumeId = requireString("volume_id", request.volume_id);
  const range = parseRange("capacity_range", request.capacity_range);
  if (range === undefined) throw new InvalidRequestError("capacity_range", "is required");
  return { volumeId, range };
}

/** `topology`: of the node that has the pool. */
export function volumeMessage(record: VolumeRecord, topology: Topology): Volume {
  return {
    volume_id: record.id,
    capacity_bytes: record.size.toString(),
    // Nothing that a Node call needs is outside the catalog.
    volume_context: {},
    content_source: sourceMessage(record),
    accessible_topology: [topology],
  };
}

function sourceMessage({ source }: VolumeRecord): VolumeContentSource | null {
  switch (source.kind) {
    case "empty":
      return null;
    case "snapshot":
      return { snapshot: { snapshot_id: source.id } };
    case "volume":
      return { volume: { volume_id: source.id } };
  }
}
