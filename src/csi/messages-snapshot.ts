/** Requests about snapshots and groups become intents here, records become responses. */
import { InvalidRequestError, NotFoundError } from "../core/errors.ts";
import { parseId, type PoolUuid, type VolumeId } from "../core/ids.ts";
import { quote } from "../core/quote.ts";
import type { GroupRecord, SnapshotRecord } from "../core/records.ts";
import type {
  CreateSnapshotRequest__Output,
  CreateVolumeGroupSnapshotRequest__Output,
  Snapshot,
  VolumeGroupSnapshot,
} from "../generated/csi.ts";
import { requireNoOwnParameters } from "./parameters.ts";
import { requireName, requireString } from "./validate.ts";

/** A volume that may exist, with the pool it says to be in. */
export interface LocatedVolume {
  readonly id: VolumeId;
  readonly pool: PoolUuid;
}

export interface CreateSnapshotCall {
  readonly name: string;
  readonly source: LocatedVolume;
}

/** Throws InvalidRequestError; NotFoundError for a source whose id dmthin never made. */
export function parseCreateSnapshot(request: CreateSnapshotRequest__Output): CreateSnapshotCall {
  const name = requireName("name", request.name);
  requireString("source_volume_id", request.source_volume_id);
  requireNoOwnParameters(request.parameters);
  return { name, source: requireLocated(request.source_volume_id) };
}

export interface CreateGroupCall {
  readonly name: string;
  /** At least one, all different. */
  readonly sources: readonly LocatedVolume[];
}

/** Throws InvalidRequestError; NotFoundError for a source whose id dmthin never made. */
export function parseCreateGroup(request: CreateVolumeGroupSnapshotRequest__Output): CreateGroupCall {
  const name = requireName("name", request.name);
  const ids = request.source_volume_ids;
  if (ids.length === 0) throw new InvalidRequestError("source_volume_ids", "is required");
  ids.forEach((id, index) => requireString(`source_volume_ids[${index}]`, id));
  if (new Set(ids).size !== ids.length)
    throw new InvalidRequestError("source_volume_ids", "names a volume twice");
  requireNoOwnParameters(request.parameters);
  return { name, sources: ids.map(requireLocated) };
}

function requireLocated(text: string): LocatedVolume {
  const parsed = parseId(text);
  if (parsed?.kind !== "volume") throw new NotFoundError(`volume ${quote(text)} does not exist`);
  return { id: parsed.id, pool: parsed.pool };
}

/** CSI: a list that is not the group's is an error of the caller, so that nobody deletes more than he knows of. */
export function requireMembers(group: GroupRecord, snapshotIds: readonly string[]): void {
  const members: ReadonlySet<string> = new Set(group.snapshotIds);
  const named = new Set(snapshotIds);
  if (members.size === named.size && members.isSubsetOf(named)) return;
  throw new InvalidRequestError("snapshot_ids", `are not the ${members.size} members of ${group.id}`);
}

export function snapshotMessage(record: SnapshotRecord): Snapshot {
  return {
    snapshot_id: record.id,
    source_volume_id: record.sourceVolumeId,
    size_bytes: record.size.toString(),
    creation_time: timestamp(record.createdAt),
    ready_to_use: record.state === "ready",
    group_snapshot_id: record.groupId ?? "",
  };
}

export function groupMessage(record: GroupRecord, members: readonly SnapshotRecord[]): VolumeGroupSnapshot {
  return {
    group_snapshot_id: record.id,
    snapshots: members.map(snapshotMessage),
    creation_time: timestamp(record.createdAt),
    ready_to_use: record.state === "ready",
  };
}

function timestamp(isoTime: string): { seconds: string; nanos: number } {
  const ms = Date.parse(isoTime);
  const seconds = Math.floor(ms / 1000);
  return { seconds: String(seconds), nanos: (ms - seconds * 1000) * 1_000_000 };
}
