/** What the pools of a node hold, asked of the node. */
import { messageOf, OutcomeUnknownError, PoolUnavailableError } from "../core/errors.ts";
import { parseId, type PoolUuid, type SnapshotId, type VolumeId } from "../core/ids.ts";
import { loadCsi } from "../csi/proto.ts";
import { mayGoOn } from "../csi/status.ts";
import { loadNodeLink } from "./contract.ts";
import type { Waiting } from "./connection.ts";
import type { FleetNode } from "./fleet.ts";

export interface PoolObject {
  readonly id: string;
  readonly kind: "volume" | "snapshot";
  /** Of the CSI request: for a dynamic volume, the PersistentVolume's. */
  readonly name: string;
  readonly size: bigint;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Empty: of no cluster that was known. */
  readonly clusterUid: string;
  readonly staged: boolean;
  /** What a volume was made from, the volume that a snapshot is of; empty: nothing. Absent: its node does not say. */
  readonly source?: string;
  /** The group snapshot that it is part of; likewise. */
  readonly group?: string;
}

/** What a controller keeps of a node in one go: more would be its memory. */
export const MOST_OBJECTS = 100_000;
const LONGEST_TEXT = 256;

/** How many more objects a node is believed; one for all pools of it that are asked in one go. */
export interface Believed {
  left: number;
}

/** All of that pool. Rejects with PoolUnavailableError, OutcomeUnknownError, PassedOnError where they cannot be known. */
export async function objectsOf(
  node: FleetNode,
  pool: PoolUuid,
  waiting: Waiting,
  believed: Believed = { left: MOST_OBJECTS },
): Promise<readonly PoolObject[]> {
  const method = loadNodeLink().ListObjects;
  const found: PoolObject[] = [];
  for (let after = "", more = true; more;) {
    const page = await node.call(method, { pool_uuid: pool, after }, waiting);
    for (const each of page.objects) {
      const { id, name, size_bytes, created_at, cluster_uid, staged, source_id, group_id } = each;
      const parsed = parseId(id);
      if (parsed?.pool !== pool || parsed.kind === "group" || id <= after)
        throw new PoolUnavailableError(`node ${node.name} does not list as it was asked to`);
      const texts = [name, created_at, cluster_uid, source_id, group_id];
      const longest = Math.max(...texts.map(({ length }) => length));
      if (believed.left <= 0 || longest > LONGEST_TEXT)
        throw new PoolUnavailableError(`node ${node.name} lists more than is believed`);
      believed.left -= 1;
      after = id;
      found.push({
        id,
        kind: parsed.kind,
        name,
        size: BigInt(size_bytes),
        createdAt: created_at,
        clusterUid: cluster_uid,
        staged,
        ...(page.with_sources ? { source: source_id, group: group_id } : {}),
      });
    }
    more = page.more;
    // Where it goes on is not known then, and what came till then is not the whole.
    if (more && page.objects.length === 0)
      throw new PoolUnavailableError(`node ${node.name} lists nothing, and says that there is more`);
  }
  return found;
}

/**
 * By the CSI call, as csi-provisioner or csi-snapshotter makes it: the node refuses what is in use. Rejects with
 * OutcomeUnknownError where it may still be deleted, or be gone already; else as `FleetNode.call` does.
 */
export async function deleteObject(
  node: FleetNode,
  id:
    | { readonly kind: "volume"; readonly id: VolumeId }
    | { readonly kind: "snapshot"; readonly id: SnapshotId },
  waiting: Waiting,
): Promise<void> {
  const { DeleteVolume, DeleteSnapshot } = loadCsi().Controller;
  try {
    if (id.kind === "volume") await node.call(DeleteVolume, { volume_id: id.id }, waiting);
    else await node.call(DeleteSnapshot, { snapshot_id: id.id }, waiting);
  } catch (error) {
    throw mayGoOn(error) ? new OutcomeUnknownError(messageOf(error), { cause: error }) : error;
  }
}
