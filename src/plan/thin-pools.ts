/**
 * Which ThinPools are to be written, now. Pure: everything that was written before is in the objects themselves, so another
 * controller goes on where this one ended.
 */
import {
  thinPoolName,
  type StatusCondition,
  type ThinPoolSpec,
  type ThinPoolStatus,
} from "../core/thin-pool.ts";
import { fnv1a64 } from "../core/topology.ts";
import {
  NODE_AWAY,
  sightAbsent,
  sightAway,
  sightOpen,
  type AbsentSight,
  type OpenSight,
  type Sighting,
  type VersionsSight,
} from "./thin-pool-status.ts";

/** A node of the roster. */
export interface NodeSight {
  readonly name: string;
  /** Undefined: it is away. */
  readonly view:
    | (VersionsSight & { readonly pools: readonly OpenSight[]; readonly absent: readonly AbsentSight[] })
    | undefined;
  /** Why it is away. */
  readonly problem: string;
}

export interface ExistingThinPool {
  readonly name: string;
  readonly resourceVersion: string;
  readonly spec: ThinPoolSpec;
  /** Absent, too, where somebody wrote what makes no sense. */
  readonly status?: ThinPoolStatus;
}

export interface ThinPoolTimes {
  /** How long a node may be away, or off the roster, before that is written. */
  readonly graceMs: number;
  /** Between two reports of figures alone. */
  readonly figuresMs: number;
  /** The longest without a report; each pool has its own, up to a quarter longer. */
  readonly heartbeatMs: number;
}

export const THIN_POOL_TIMES: ThinPoolTimes = { graceMs: 40_000, figuresMs: 60_000, heartbeatMs: 600_000 };

export interface ThinPoolsSight {
  /** All of the roster. */
  readonly nodes: readonly NodeSight[];
  /** Since when a node is away, or not on the roster; milliseconds since 1970. Absent: since this moment. */
  readonly missingSince: ReadonlyMap<string, number>;
  readonly existing: readonly ExistingThinPool[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A condition of which `status` is another than what was written before; `was` is undefined where nothing was. */
export interface Turn {
  readonly was: StatusCondition["status"] | undefined;
  readonly now: StatusCondition;
}

/** `turned`: conditions that are another than what was written before. */
export type ThinPoolWrite =
  | {
      readonly kind: "create";
      readonly name: string;
      readonly spec: ThinPoolSpec;
      readonly status: ThinPoolStatus;
      readonly turned: readonly Turn[];
    }
  | {
      readonly kind: "update";
      readonly name: string;
      readonly resourceVersion: string;
      readonly spec: ThinPoolSpec;
      readonly status: ThinPoolStatus;
      readonly why: "state" | "figures" | "heartbeat";
      readonly turned: readonly Turn[];
    }
  | {
      readonly kind: "delete";
      readonly name: string;
      readonly spec: ThinPoolSpec;
      readonly resourceVersion: string;
    };

/** The most urgent first. */
export function planThinPools(sight: ThinPoolsSight, times: ThinPoolTimes): readonly ThinPoolWrite[] {
  const existing = new Map(sight.existing.map((each) => [each.name, each]));
  const known = new Map(sight.nodes.map((node) => [node.name, node]));
  const writes: ThinPoolWrite[] = [];
  const kept = new Set<string>();
  for (const [name, { spec, see }] of seen(sight.nodes)) {
    kept.add(name);
    const before = existing.get(name);
    const sighting = see(before?.status);
    if (sighting !== undefined) writes.push(...writesOf(name, { spec, before, sighting }, sight.now, times));
  }
  const missing = (node: string): boolean =>
    sight.now - (sight.missingSince.get(node) ?? sight.now) >= times.graceMs;
  for (const before of sight.existing) {
    const { name, spec, status, resourceVersion } = before;
    if (kept.has(name)) continue;
    const node = known.get(spec.node);
    // A node that is there says which pools it has; one that has left is not waited for for ever.
    if (node?.view !== undefined || (node === undefined && missing(spec.node)))
      writes.push({ kind: "delete", name, spec, resourceVersion });
    else if (node !== undefined && missing(spec.node) && status !== undefined && !isAway(status))
      writes.push(
        ...writesOf(name, { spec, before, sighting: sightAway(node.problem, status) }, sight.now, times),
      );
  }
  return writes.toSorted((one, other) => urgency(one) - urgency(other));
}

/** The first of them, but of no node more than `ofNode`: one that has much to say does not silence the others. */
export function firstOf(
  writes: readonly ThinPoolWrite[],
  { all, ofNode }: { readonly all: number; readonly ofNode: number },
): readonly ThinPoolWrite[] {
  const counts = new Map<string, number>();
  const fair = writes.filter(({ spec: { node } }) => {
    const count = (counts.get(node) ?? 0) + 1;
    counts.set(node, count);
    return count <= ofNode;
  });
  return fair.slice(0, all);
}

interface Seen {
  readonly spec: ThinPoolSpec;
  readonly see: (before: ThinPoolStatus | undefined) => Sighting | undefined;
}

function* seen(nodes: readonly NodeSight[]): Iterable<readonly [string, Seen]> {
  const owners = new Map<string, string[]>();
  for (const { name, view } of nodes)
    for (const { uuid } of view?.pools ?? []) owners.set(uuid, [...(owners.get(uuid) ?? []), name]);
  for (const { name: node, view } of nodes) {
    if (view === undefined) continue;
    for (const pool of view.pools) {
      const spec = { node, pool: pool.name };
      const twins = (owners.get(pool.uuid) ?? []).filter((owner) => owner !== node);
      yield [thinPoolName(spec), { spec, see: () => sightOpen(pool, view, twins) }];
    }
    for (const pool of view.absent) {
      const spec = { node, pool: pool.name };
      yield [thinPoolName(spec), { spec, see: (before) => sightAbsent(pool, view, before) }];
    }
  }
}

interface Compared {
  readonly spec: ThinPoolSpec;
  readonly before: ExistingThinPool | undefined;
  readonly sighting: Sighting;
}

function writesOf(
  name: string,
  { spec, before, sighting }: Compared,
  now: number,
  times: ThinPoolTimes,
): readonly ThinPoolWrite[] {
  const at = new Date(now).toISOString();
  const { status, turned } = dated(sighting, before?.status, at);
  if (before === undefined) return [{ kind: "create", name, spec, status, turned }];
  const why = reasonToWrite(name, before.status, sighting, now, times);
  if (why === undefined) return [];
  return [{ kind: "update", name, resourceVersion: before.resourceVersion, spec, status, why, turned }];
}

function reasonToWrite(
  name: string,
  before: ThinPoolStatus | undefined,
  sighting: Sighting,
  now: number,
  { figuresMs, heartbeatMs }: ThinPoolTimes,
): "state" | "figures" | "heartbeat" | undefined {
  if (before === undefined || stateOf(before) !== stateOf(sighting)) return "state";
  const age = now - Date.parse(before.lastReport);
  if (age >= figuresMs && figuresDiffer(before, sighting)) return "figures";
  return age >= heartbeatMs + heartbeatShare(name) * heartbeatMs ? "heartbeat" : undefined;
}

/** 0 to 0.25, the same for a name at all times: pools that were written together drift apart. */
const heartbeatShare = (name: string): number => Number(fnv1a64(name) % 1000n) / 4000;

/** What is written at once. */
function stateOf({
  uuid,
  mode,
  backing,
  data,
  metadata,
  overprovision,
  versions,
  conditions,
}: Sighting): string {
  const judged = conditions.map(({ type, status, reason }) => [type, status, reason]);
  const { driver, kernel, thinPoolTarget, poolFormat } = versions ?? {};
  const made = [driver, kernel, thinPoolTarget, poolFormat];
  return JSON.stringify([uuid, mode, backing, data?.bytes, metadata?.bytes, overprovision, made, judged]);
}

function figuresDiffer(before: ThinPoolStatus, after: Sighting): boolean {
  if (before.volumes !== after.volumes || before.snapshots !== after.snapshots) return true;
  // A pool that cannot be opened may have another reason with each try.
  if (messagesOf(before) !== messagesOf(after)) return true;
  const whole = after.data?.bytes ?? 0;
  return (
    differ(before.promisedBytes, after.promisedBytes, whole) ||
    differ(before.data?.usedBytes, after.data?.usedBytes, whole) ||
    differ(before.metadata?.usedBytes, after.metadata?.usedBytes, after.metadata?.bytes ?? 0)
  );
}

/** Without the figures in them, which are others all the time. */
const messagesOf = ({ conditions }: Sighting): string =>
  conditions.map(({ message }) => message.replaceAll(/\d+(?:\.\d+)?(?: (?:[KMGT]i)?B)?/g, "#")).join("\n");

/** By a percent of the whole: less is jitter. */
const differ = (one = 0, other = 0, whole = 0): boolean =>
  one !== other && Math.abs(one - other) * 100 >= whole;

function dated(
  sighting: Sighting,
  before: ThinPoolStatus | undefined,
  at: string,
): { readonly status: ThinPoolStatus; readonly turned: readonly Turn[] } {
  const was = new Map(before?.conditions.map((condition) => [condition.type, condition]));
  const conditions = sighting.conditions.map((condition): StatusCondition => {
    const old = was.get(condition.type);
    return {
      ...condition,
      lastTransitionTime: old?.status === condition.status ? old.lastTransitionTime : at,
    };
  });
  const turned = conditions
    .map((condition): Turn => ({ was: was.get(condition.type)?.status, now: condition }))
    .filter((turn) => turn.was !== turn.now.status);
  // Of a node that is away there is no newer report.
  const lastReport = before !== undefined && isAway(sighting) ? before.lastReport : at;
  return { status: { ...sighting, lastReport, conditions }, turned };
}

const isAway = ({ conditions }: Sighting): boolean =>
  conditions.some(({ type, reason }) => type === "Ready" && reason === NODE_AWAY);

const URGENCY = ["state", "create", "delete", "figures", "heartbeat"] as const;
const urgency = (write: ThinPoolWrite): number =>
  URGENCY.indexOf(write.kind === "update" ? write.why : write.kind);
