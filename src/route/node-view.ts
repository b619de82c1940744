/** What a node says of itself, checked: it speaks for its own pools only, and a controller believes it no more than that. */
import { ParseError } from "../core/errors.ts";
import { isPoolName, isPoolUuid, parseId, type PoolUuid, type VolumeId } from "../core/ids.ts";
import { CONDITION_TYPES, type ActiveCondition } from "../core/pool-report.ts";
import type {
  Condition__Output,
  NodeState__Output,
  Pool__Output,
  PoolFigures__Output,
} from "../generated/dmthin.ts";
import type { AbsentSight, FiguresSight } from "../plan/thin-pool-status.ts";

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
  readonly conditions: readonly ActiveCondition[];
  /** Absent until the node has heard of the pool. */
  readonly figures?: FiguresSight;
}

/** Text as the node has it; empty, or 0, where it is not known. */
export interface VersionsView {
  readonly kernel: string;
  readonly thinPoolTarget: string;
  readonly poolFormat: number;
}

export interface NodeView {
  readonly version: string;
  /** False while it starts. */
  readonly opened: boolean;
  /** Open ones. */
  readonly pools: readonly PoolView[];
  /** Configured ones that are not open, by name. */
  readonly absent: readonly AbsentSight[];
  readonly versions: VersionsView;
  /** Volumes that were found damaged. */
  readonly damaged: readonly { readonly id: VolumeId; readonly name: string; readonly reason: string }[];
  /** How long it may be silent. */
  readonly heartbeatMs: number;
}

/** A day; a node that announces none would be believed for ever. */
const LONGEST_HEARTBEAT_MS = 86_400_000;
/** Of a node; each becomes an object of the API server. */
const MOST_POOLS = 64;
const MOST_DAMAGED = 100;
/** What a node says in words. */
const LONGEST_TEXT = 1024;

/** Throws ParseError: of a node that says what cannot be, nothing is believed. */
export function nodeView(node: string, state: NodeState__Output): NodeView {
  const what = `report of node ${node}`;
  if (state.node !== node) throw new ParseError(what, "node", short(state.node), "its own name");
  if (state.heartbeat_ms < 1 || state.heartbeat_ms > LONGEST_HEARTBEAT_MS)
    throw new ParseError(what, "heartbeat_ms", String(state.heartbeat_ms), "1 to a day");
  const pools = state.pools.map((pool) => poolView(what, pool));
  if (new Set(pools.map(({ uuid }) => uuid)).size !== pools.length)
    throw new ParseError(what, "pools", short(pools.map(({ uuid }) => uuid).join()), "different UUIDs");
  const names = [...state.pools, ...state.absent_pools].map(({ name }) => name);
  // Each names an object of the API server, which two would write in turn.
  if (new Set(names).size !== names.length)
    throw new ParseError(what, "pools", short(names.join()), "different names");
  if (pools.length + state.absent_pools.length > MOST_POOLS)
    throw new ParseError(what, "pools", String(pools.length), `at most ${MOST_POOLS}`);
  const { kernel = "", thin_pool_target = "", pool_format = 0 } = state.versions ?? {};
  return {
    version: short(state.version),
    opened: state.opened,
    pools,
    absent: state.absent_pools.map(({ name, reason, conditions, backing }) => ({
      name: requireName(what, name),
      reason: short(reason),
      conditions: conditionsOf(conditions),
      backing: among(BACKINGS, backing),
    })),
    versions: {
      kernel: short(kernel),
      thinPoolTarget: short(thin_pool_target),
      poolFormat: pool_format,
    },
    damaged: state.damaged.slice(0, MOST_DAMAGED).flatMap(({ volume_id, name, reason }) => {
      const id = parseId(volume_id);
      // Of its own pools only.
      if (id?.kind !== "volume" || !pools.some(({ uuid }) => uuid === id.pool)) return [];
      return [{ id: id.id, name: short(name), reason: short(reason) }];
    }),
    heartbeatMs: state.heartbeat_ms,
  };
}

function poolView(what: string, pool: Pool__Output): PoolView {
  const { uuid } = pool;
  if (!isPoolUuid(uuid)) throw new ParseError(what, "uuid", short(uuid), "32 hex digits");
  return {
    uuid,
    name: requireName(what, pool.name),
    isDefault: pool.is_default,
    capacity: {
      available: BigInt(pool.available_bytes),
      maximumVolume: BigInt(pool.maximum_volume_bytes),
      minimumVolume: BigInt(pool.minimum_volume_bytes),
    },
    data: { size: BigInt(pool.data_bytes), used: BigInt(pool.data_used_bytes) },
    conditions: conditionsOf(pool.conditions),
    ...(pool.figures === null ? {} : { figures: figuresView(what, pool.figures) }),
  };
}

function figuresView(what: string, figures: PoolFigures__Output): FiguresSight {
  const { overprovision } = figures;
  if (!DECIMAL.test(overprovision))
    throw new ParseError(what, "overprovision", short(overprovision), "a decimal number");
  return {
    backing: among(BACKINGS, figures.backing),
    mode: among(MODES, figures.mode),
    state: among(STATES, figures.state),
    metadata: { size: BigInt(figures.metadata_bytes), used: BigInt(figures.metadata_used_bytes) },
    promised: BigInt(figures.promised_bytes),
    overprovision,
    volumes: figures.volumes,
    snapshots: figures.snapshots,
  };
}

const DECIMAL = /^\d{1,9}(?:\.\d{1,17})?$/;
const BACKINGS = ["loop", "devices", "parts"] as const;
const MODES = ["rw", "ro", "out_of_data_space"] as const;
const STATES = ["ready", "read-only", "unusable"] as const;

const among = <Word extends string>(words: readonly Word[], text: string): Word | undefined =>
  words.find((word) => word === text);

const conditionsOf = (conditions: readonly Condition__Output[]): readonly ActiveCondition[] =>
  CONDITION_TYPES.flatMap((type) => {
    const reason = conditions.find((each) => each.type === type)?.reason;
    return reason === undefined ? [] : [{ type, reason: short(reason) }];
  });

function requireName(what: string, name: string): string {
  if (!isPoolName(name)) throw new ParseError(what, "pool", short(name), "the name of a pool");
  return name;
}

const short = (text: string): string => text.slice(0, LONGEST_TEXT);
