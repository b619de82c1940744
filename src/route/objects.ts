/** What the pools of a node hold, asked of the node. */
import { PoolUnavailableError } from "../core/errors.ts";
import { parseId, type PoolUuid } from "../core/ids.ts";
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
}

/** All of that pool. Rejects with PoolUnavailableError, OutcomeUnknownError, PassedOnError where they cannot be known. */
export async function objectsOf(
  node: FleetNode,
  pool: PoolUuid,
  waiting: Waiting,
): Promise<readonly PoolObject[]> {
  const method = loadNodeLink().ListObjects;
  const found: PoolObject[] = [];
  for (let after = "", more = true; more;) {
    const page = await node.call(method, { pool_uuid: pool, after }, waiting);
    for (const { id, name, size_bytes, created_at, cluster_uid, staged } of page.objects) {
      const parsed = parseId(id);
      if (parsed?.pool !== pool || parsed.kind === "group" || id <= after)
        throw new PoolUnavailableError(`node ${node.name} does not list as it was asked to`);
      after = id;
      found.push({
        id,
        kind: parsed.kind,
        name,
        size: BigInt(size_bytes),
        createdAt: created_at,
        clusterUid: cluster_uid,
        staged,
      });
    }
    more = page.more && page.objects.length > 0;
  }
  return found;
}
