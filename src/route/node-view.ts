/** What a node says of itself, checked: it speaks for its own pools only, and a controller believes it no more than that. */
import { ParseError } from "../core/errors.ts";
import { isPoolUuid, type PoolUuid } from "../core/ids.ts";
import type { Condition__Output, NodeState__Output, Pool__Output } from "../generated/dmthin.ts";

/** Bytes. */
export interface PoolCapacity {
  readonly available: bigint;
  readonly maximumVolume: bigint;
  readonly minimumVolume: bigint;
}

export interface PoolView {
  readonly uuid: PoolUuid;
  readonly name: string;
  /** For StorageClasses that name no pool. */
  readonly isDefault: boolean;
  readonly capacity: PoolCapacity;
  /** Bytes. */
  readonly data: { readonly size: bigint; readonly used: bigint };
  /** `type: reason` of each that holds. */
  readonly conditions: readonly string[];
}

export interface NodeView {
  readonly version: string;
  /** False while it starts. */
  readonly opened: boolean;
  /** Open ones. */
  readonly pools: readonly PoolView[];
  /** Configured ones that are not open, by name. */
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
  /** How long it may be silent. */
  readonly heartbeatMs: number;
}

/** A day; a node that announces none would be believed for ever. */
const LONGEST_HEARTBEAT_MS = 86_400_000;

/** Throws ParseError: of a node that says what cannot be, nothing is believed. */
export function nodeView(node: string, state: NodeState__Output): NodeView {
  const what = `report of node ${node}`;
  if (state.node !== node) throw new ParseError(what, "node", state.node, "its own name");
  if (state.heartbeat_ms < 1 || state.heartbeat_ms > LONGEST_HEARTBEAT_MS)
    throw new ParseError(what, "heartbeat_ms", String(state.heartbeat_ms), "1 to a day");
  const pools = state.pools.map((pool) => poolView(what, pool));
  if (new Set(pools.map(({ uuid }) => uuid)).size !== pools.length)
    throw new ParseError(what, "pools", pools.map(({ uuid }) => uuid).join(), "different UUIDs");
  return {
    version: state.version,
    opened: state.opened,
    pools,
    absent: state.absent_pools,
    heartbeatMs: state.heartbeat_ms,
  };
}

function poolView(what: string, pool: Pool__Output): PoolView {
  const { uuid } = pool;
  if (!isPoolUuid(uuid)) throw new ParseError(what, "uuid", uuid, "32 hex digits");
  return {
    uuid,
    name: pool.name,
    isDefault: pool.is_default,
    capacity: {
      available: BigInt(pool.available_bytes),
      maximumVolume: BigInt(pool.maximum_volume_bytes),
      minimumVolume: BigInt(pool.minimum_volume_bytes),
    },
    data: { size: BigInt(pool.data_bytes), used: BigInt(pool.data_used_bytes) },
    conditions: pool.conditions.map(conditionText),
  };
}

const conditionText = ({ type, reason }: Condition__Output): string => `${type}: ${reason}`;
