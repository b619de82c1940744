/** What a pool of this node holds, for a controller that compares it with what the cluster knows. From memory. */
import { PoolUnavailableError } from "../core/errors.ts";
import { isPoolUuid } from "../core/ids.ts";
import { requireOpened, type Driver } from "../csi/driver.ts";
import type {
  ListObjectsRequest__Output,
  ListObjectsResponse,
  ListObjectsResponse_Object,
} from "../generated/dmthin.ts";

const PAGE = 1000;

/** Throws PoolUnavailableError where the pool is not open, or its catalog may be an old copy: then nothing follows from it. */
export function listObjects(
  driver: Driver,
  { pool_uuid: uuid, after }: ListObjectsRequest__Output,
): ListObjectsResponse {
  const pool = isPoolUuid(uuid) ? requireOpened(driver).byUuid(uuid) : undefined;
  if (pool === undefined)
    throw new PoolUnavailableError(`pool ${uuid.slice(0, 32)} is not open on this node`);
  if (pool.condition.kind !== "ready")
    throw new PoolUnavailableError(`pool ${pool.name} takes no changes: ${pool.condition.reason}`);
  const objects = [
    ...pool.volumes().map((record) => ({
      record,
      staged: record.staging !== undefined,
      source: record.source.kind === "empty" ? "" : record.source.id,
      group: "",
    })),
    ...pool.snapshots().map((record) => ({
      record,
      staged: false,
      source: record.sourceVolumeId,
      group: record.groupId ?? "",
    })),
  ]
    .filter(({ record }) => record.id > after && record.state === "ready")
    .toSorted((one, other) => (one.record.id < other.record.id ? -1 : 1))
    .map(({ record, staged, source, group }): ListObjectsResponse_Object => ({
      id: record.id,
      name: record.name,
      size_bytes: String(record.size),
      created_at: record.createdAt,
      cluster_uid: record.clusterUid ?? "",
      staged,
      source_id: source,
      group_id: group,
    }));
  return { objects: objects.slice(0, PAGE), more: objects.length > PAGE, with_sources: true };
}
