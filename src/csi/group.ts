/** CSI's GroupController service: snapshots of several volumes at one point in time. */
import { OutcomeUnknownError, PreconditionError } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import type { GroupRecord, SnapshotRecord } from "../core/records.ts";
import type {
  CreateVolumeGroupSnapshotRequest__Output,
  GroupControllerDefinition,
  VolumeGroupSnapshot,
} from "../generated/csi.ts";
import type { Pool, PoolSet } from "../pool/engine.ts";
import { GROUP_CAPABILITIES } from "./controller-capabilities.ts";
import { locateGroup, requireFreeElsewhere, requireGroup, requirePool } from "./locate.ts";
import { groupMessage, parseCreateGroup, requireMembers, type LocatedVolume } from "./messages-snapshot.ts";
import { requireOpened, type Driver, type Handlers } from "./driver.ts";
import { requireString } from "./validate.ts";

export function groupHandlers(driver: Driver): Handlers<GroupControllerDefinition> {
  const pools = (): PoolSet => requireOpened(driver);
  return {
    GroupControllerGetCapabilities: async () => GROUP_CAPABILITIES,
    CreateVolumeGroupSnapshot: async (request) => ({ group_snapshot: await createGroup(pools(), request) }),
    DeleteVolumeGroupSnapshot: async (request) => {
      const located = locateGroup(pools(), requireString("group_snapshot_id", request.group_snapshot_id));
      if (located === undefined) return {};
      const record = located.pool.group(located.id);
      if (record !== undefined) requireMembers(record, request.snapshot_ids);
      await located.pool.deleteGroup(located.id);
      return {};
    },
    GetVolumeGroupSnapshot: async (request) => {
      const { pool, record } = requireGroup(
        pools(),
        requireString("group_snapshot_id", request.group_snapshot_id),
      );
      requireMembers(record, request.snapshot_ids);
      return { group_snapshot: groupMessage(record, membersOf(pool, record)) };
    },
  };
}

async function createGroup(
  pools: PoolSet,
  request: CreateVolumeGroupSnapshotRequest__Output,
): Promise<VolumeGroupSnapshot> {
  const { name, sources } = parseCreateGroup(request);
  const pool = requireOnePool(pools, sources);
  // No await between this look and the call: the pools share their locks.
  requireFreeElsewhere(
    pools,
    pool,
    `group snapshot ${quote(name)}`,
    (each) => each.groupByName(name) !== undefined,
  );
  const { record } = await pool.createGroup({ name, sources: sources.map(({ id }) => id) });
  return groupMessage(record, membersOf(pool, record));
}

/** One point in time exists only within one pool. */
function requireOnePool(pools: PoolSet, sources: readonly LocatedVolume[]): Pool {
  const all = sources.map(({ pool, id }) => requirePool(pools, pool, id));
  const [first, ...others] = new Set(all);
  if (first === undefined || others.length > 0) {
    const names = [...new Set(all)].map(({ name }) => name).join(", ");
    throw new PreconditionError(
      `source_volume_ids: volumes of different pools cannot be cut together: ${names}`,
    );
  }
  return first;
}

function membersOf(pool: Pool, record: GroupRecord): readonly SnapshotRecord[] {
  return record.snapshotIds.map((id) => {
    const member = pool.snapshot(id);
    if (member === undefined)
      throw new OutcomeUnknownError(`group snapshot ${record.id} is being deleted; retry`);
    return member;
  });
}
