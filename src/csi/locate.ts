/**
 * From the id in a request to its pool. Three answers: text that dmthin never made (undefined), an id whose pool is not
 * open here (PoolUnavailableError: the object may well exist), and the pool.
 */
import { IncompatibleExistingError, NotFoundError, PoolUnavailableError } from "../core/errors.ts";
import { parseId, type GroupId, type PoolUuid, type SnapshotId, type VolumeId } from "../core/ids.ts";
import { quote } from "../core/quote.ts";
import type { GroupRecord, SnapshotRecord, VolumeRecord } from "../core/records.ts";
import type { Pool, PoolSet } from "../pool/engine.ts";

export interface Located<Id> {
  readonly pool: Pool;
  readonly id: Id;
}

export interface Found<Id, Record> extends Located<Id> {
  readonly record: Record;
}

export function locateVolume(pools: PoolSet, text: string): Located<VolumeId> | undefined {
  const parsed = parseId(text);
  if (parsed?.kind !== "volume") return undefined;
  return { pool: requirePool(pools, parsed.pool, parsed.id), id: parsed.id };
}

export function locateSnapshot(pools: PoolSet, text: string): Located<SnapshotId> | undefined {
  const parsed = parseId(text);
  if (parsed?.kind !== "snapshot") return undefined;
  return { pool: requirePool(pools, parsed.pool, parsed.id), id: parsed.id };
}

export function locateGroup(pools: PoolSet, text: string): Located<GroupId> | undefined {
  const parsed = parseId(text);
  if (parsed?.kind !== "group") return undefined;
  return { pool: requirePool(pools, parsed.pool, parsed.id), id: parsed.id };
}

/** Throws NotFoundError too where the record is half made or half deleted: to callers it does not exist. */
export function requireVolume(pools: PoolSet, text: string): Found<VolumeId, VolumeRecord> {
  const located = locateVolume(pools, text);
  const record = located?.pool.volume(located.id);
  if (located === undefined || record?.state !== "ready") throw missing("volume", text, located?.pool);
  return { ...located, record };
}

export function requireSnapshot(pools: PoolSet, text: string): Found<SnapshotId, SnapshotRecord> {
  const located = locateSnapshot(pools, text);
  const record = located?.pool.snapshot(located.id);
  if (located === undefined || record?.state !== "ready") throw missing("snapshot", text, located?.pool);
  return { ...located, record };
}

export function requireGroup(pools: PoolSet, text: string): Found<GroupId, GroupRecord> {
  const located = locateGroup(pools, text);
  const record = located?.pool.group(located.id);
  if (located === undefined || record?.state !== "ready")
    throw missing("group snapshot", text, located?.pool);
  return { ...located, record };
}

/** Throws PoolUnavailableError: that a pool is not open here says nothing about what is in it. */
export function requirePool(pools: PoolSet, uuid: PoolUuid, object: string): Pool {
  const pool = pools.byUuid(uuid);
  if (pool !== undefined) return pool;
  throw new PoolUnavailableError(`${object}: its pool is not open on this node${absentPools(pools)}`);
}

/** Throws PoolUnavailableError while a configured pool is missing: a list that shrinks reads as a loss of volumes. */
export function requireAllPools(pools: PoolSet): readonly Pool[] {
  if (pools.absent.length > 0)
    throw new PoolUnavailableError(`the list would not be complete${absentPools(pools)}`);
  return pools.pools.map(requireComplete);
}

/** Throws PoolUnavailableError for a pool whose catalog may be an old copy: what it does not list may exist. */
export function requireComplete(pool: Pool): Pool {
  if (pool.condition.kind !== "read-only") return pool;
  throw new PoolUnavailableError(`pool ${pool.name} is read-only: ${pool.condition.reason}`);
}

/** For the end of a message: `; not open: fast (reason), slow (reason)`. */
export function absentPools(pools: Pick<PoolSet, "absent">): string {
  if (pools.absent.length === 0) return "";
  return `; not open: ${pools.absent.map(({ name, reason }) => `${name} (${reason})`).join(", ")}`;
}

/** Names are unique on a node, not only in a pool: a class that moved to another pool must not make a second object. */
export function requireFreeElsewhere(
  pools: PoolSet,
  chosen: Pool,
  what: string,
  has: (pool: Pool) => boolean,
): void {
  const other = pools.pools.find((pool) => pool !== chosen && has(pool));
  if (other === undefined) return;
  throw new IncompatibleExistingError(`${what} exists in pool ${other.name}, not in ${chosen.name}`);
}

function missing(what: string, text: string, pool: Pool | undefined): NotFoundError {
  if (pool !== undefined) requireComplete(pool);
  return new NotFoundError(`${what} ${quote(text)} does not exist`);
}
