/** Which pool a new volume goes to. */
import { InvalidRequestError, NoRoomError, PoolUnavailableError } from "../core/errors.ts";
import type { PoolName } from "../core/ids.ts";
import type { Pool, PoolSet } from "../pool/engine.ts";
import { absentPools, requirePool } from "./locate.ts";
import type { CreateVolumeCall } from "./messages-volume.ts";

/**
 * A copy goes where its source is; else the StorageClass decides; else a volume of that name that exists already, so
 * that a retry finds it though the default has changed; else the default pool.
 */
export function choosePool(pools: PoolSet, call: CreateVolumeCall): Pool {
  if (call.source !== undefined) return poolOfSource(pools, call, call.source);
  if (call.pool !== undefined) return poolByName(pools, call.pool);
  return pools.pools.find((pool) => pool.volumeByName(call.name) !== undefined) ?? defaultPool(pools);
}

/** The pool that GetCapacity speaks of; undefined where CreateVolume would find none. */
export function poolForCapacity(pools: PoolSet, name: PoolName | undefined): Pool | undefined {
  return name === undefined ? pools.default : pools.byName(name);
}

function poolOfSource(
  pools: PoolSet,
  call: CreateVolumeCall,
  source: NonNullable<CreateVolumeCall["source"]>,
): Pool {
  const pool = requirePool(pools, source.pool, source.id);
  if (call.pool === undefined || call.pool === pool.name) return pool;
  throw new InvalidRequestError(
    "parameters.pool",
    `${call.pool} is not where ${source.id} is: a copy stays in its source's pool, ${pool.name}`,
  );
}

/**
 * Throws PoolUnavailableError for a pool that is configured here but not open: the volume may exist in it. A pool that
 * is not configured here may be on another node, where NoRoomError sends the caller.
 */
function poolByName(pools: PoolSet, name: PoolName): Pool {
  const pool = pools.byName(name);
  if (pool !== undefined) return pool;
  const absent = pools.absent.find((each) => each.name === name);
  if (absent !== undefined) throw new PoolUnavailableError(`pool ${name} is not open: ${absent.reason}`);
  const names = pools.pools.map((each) => each.name).join(", ");
  throw new NoRoomError(`this node has no pool ${name} (parameters.pool); it has: ${names}`);
}

function defaultPool(pools: PoolSet): Pool {
  if (pools.default !== undefined) return pools.default;
  if (pools.absent.length > 0) throw new PoolUnavailableError(`no default pool${absentPools(pools)}`);
  const names = pools.pools.map((each) => each.name).join(", ");
  throw new InvalidRequestError(
    "parameters.pool",
    `is required, as no pool is the default; pools are: ${names}`,
  );
}
