/**
 * Which of dmthin's devices, mounts and loop devices on a node belong to no record. Everything goes by the pool's uuid,
 * never by a name. While a configured pool is not open its uuid is not known, so that whatever is of no open pool may be
 * that pool's: it is said to be unjudged, never listed.
 */
import type { ObjectKey, PoolDeviceRole, PoolName, PoolUuid, ThinId } from "../core/ids.ts";
import { parsePoolOfUuid, parseThinUuid, poolDeviceUuid } from "../core/ids.ts";
import type { Orphan, OrphanKind, OrphanList, Unjudged } from "../core/orphans.ts";

/** A pool that is open, also one that the configuration does not name any more. */
export interface KnownPool {
  readonly name: PoolName;
  readonly uuid: PoolUuid;
  /** Of every volume and snapshot that has a record, those included that are being made or deleted. */
  readonly keys: ReadonlySet<ObjectKey>;
  /** Why it is read-only: its records may be older than what is on its disks. Absent: they are right. */
  readonly fenced?: string;
  /** Thins that the fence found in no record. */
  readonly unrecorded: readonly ThinId[];
}

/** Of the device-mapper, with a uuid of dmthin's. */
export interface SeenDevice {
  readonly name: string;
  readonly uuid: string;
  readonly usedBy: readonly string[];
}

/** Below kubelet's directory, of a device as above. */
export interface SeenMount {
  readonly path: string;
  readonly uuid: string;
}

/** Over a file that is called as those of a loop pool. */
export interface SeenLoop {
  readonly path: string;
  /** As the kernel shows it; without the mark of a deleted one. */
  readonly file: string;
  readonly deleted: boolean;
  readonly usedBy: readonly string[];
  /** By what is built on it, or else by its label. */
  readonly owner: { readonly pool: PoolUuid } | { readonly flaw: string };
}

export interface NodeView {
  readonly pools: readonly KnownPool[];
  /** Configured and not open. */
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
  readonly devices: readonly SeenDevice[];
  readonly mounts: readonly SeenMount[];
  readonly loops: readonly SeenLoop[];
}

/** `kept`: it belongs to somebody. */
type Verdict =
  | { readonly kind: "kept" }
  | { readonly kind: "unjudged"; readonly why: string }
  | { readonly kind: "orphan"; readonly pool: PoolUuid; readonly why: string; readonly fenced: boolean };

const KEPT: Verdict = { kind: "kept" };
const ROLES: readonly PoolDeviceRole[] = ["meta", "spare", "data", "catalog", "pool"];

interface Judged {
  readonly kind: OrphanKind;
  readonly name: string;
  readonly usedBy: readonly string[];
  readonly verdict: Verdict;
}

export function listOrphans(view: NodeView): OrphanList {
  const devices = view.devices.toSorted(inOrder);
  const judged: readonly Judged[] = [
    ...view.mounts.map(({ path, uuid }) => ({
      kind: "mount" as const,
      name: path,
      usedBy: [],
      verdict: judgeUuid(view, uuid),
    })),
    ...devices.map(({ name, uuid, usedBy }) => ({
      kind: "device" as const,
      name,
      usedBy,
      verdict: judgeUuid(view, uuid),
    })),
    ...view.loops.map((loop) => ({
      kind: "loop" as const,
      name: loop.path,
      usedBy: loop.usedBy,
      verdict: judgeLoop(view, loop),
    })),
  ];
  return {
    orphans: [...judged.flatMap(orphanOf), ...view.pools.flatMap(unrecordedThins)],
    unjudged: [...unsurePools(view), ...judged.flatMap(unjudgedOf)],
  };
}

/** As they can be taken down; the kernel has no order of its own. */
function inOrder(one: SeenDevice, other: SeenDevice): number {
  const difference = rank(one) - rank(other);
  if (difference !== 0) return difference;
  return one.name < other.name ? -1 : 1;
}

/** Thins stand on the pool, and the pool on the others. */
function rank({ uuid }: SeenDevice): number {
  if (parseThinUuid(uuid) !== undefined) return 0;
  return uuid.endsWith("-pool") ? 1 : 2;
}

function judgeUuid(view: NodeView, uuid: string): Verdict {
  const pool = parsePoolOfUuid(uuid);
  if (pool === undefined) return { kind: "unjudged", why: `this version makes no uuid such as ${uuid}` };
  const known = view.pools.find((each) => each.uuid === pool);
  if (known === undefined) return ofNoOpenPool(view, pool);
  const thin = parseThinUuid(uuid);
  if (thin !== undefined) return known.keys.has(thin.key) ? KEPT : inNoRecord(known);
  if (ROLES.some((role) => poolDeviceUuid(pool, role) === uuid)) return KEPT;
  return { kind: "unjudged", why: `pool ${known.name} has no device with the uuid ${uuid} in this version` };
}

function ofNoOpenPool({ absent }: NodeView, pool: PoolUuid): Verdict {
  if (absent.length === 0)
    return { kind: "orphan", pool, why: `pool ${pool} is not configured`, fenced: false };
  const names = absent.map(({ name }) => name).join(", ");
  return { kind: "unjudged", why: `it is of pool ${pool}, which may be one that is not open: ${names}` };
}

function inNoRecord({ name, uuid, fenced }: KnownPool): Verdict {
  const why = `no volume or snapshot of pool ${name} has it`;
  return fenced === undefined
    ? { kind: "orphan", pool: uuid, why, fenced: false }
    : {
        kind: "orphan",
        pool: uuid,
        why: `${why}, and the records may be old: it is read-only`,
        fenced: true,
      };
}

function judgeLoop(view: NodeView, { owner, deleted, file, usedBy }: SeenLoop): Verdict {
  if ("flaw" in owner) return { kind: "unjudged", why: `${file}: its label ${owner.flaw}` };
  const known = view.pools.find(({ uuid }) => uuid === owner.pool);
  const mark = `${file}${deleted ? ", deleted" : ""}`;
  if (known === undefined) {
    const verdict = ofNoOpenPool(view, owner.pool);
    return verdict.kind === "kept" ? verdict : { ...verdict, why: `${mark}: ${verdict.why}` };
  }
  // A deleted file that its pool still stands on holds everything that the pool has.
  if (!deleted || usedBy.length > 0) return KEPT;
  const why = `${mark}: pool ${known.name} does not use it`;
  return { kind: "orphan", pool: owner.pool, why, fenced: false };
}

function unsurePools({ absent, pools }: NodeView): readonly Unjudged[] {
  return [
    ...absent.map(({ name, reason }) => ({
      kind: "pool" as const,
      name,
      why: `it is not open, so what belongs to it is not known: ${reason}`,
    })),
    ...pools.flatMap(({ name, fenced }) =>
      fenced === undefined ? [] : [{ kind: "pool" as const, name, why: `it is read-only: ${fenced}` }],
    ),
  ];
}

const unrecordedThins = ({ name, uuid, unrecorded }: KnownPool): readonly Orphan[] =>
  unrecorded.map((thin) => ({
    kind: "thin",
    name: `thin ${thin} of pool ${name}`,
    pool: uuid,
    why: "it is in no record, and may be a volume that an old catalog does not know",
    usedBy: [],
    guide: "read-only pools",
  }));

function orphanOf({ kind, name, usedBy, verdict }: Judged): readonly Orphan[] {
  if (verdict.kind !== "orphan") return [];
  const { pool, why, fenced } = verdict;
  return [{ kind, name, pool, why, usedBy, guide: fenced ? "read-only pools" : "orphans" }];
}

const unjudgedOf = ({ kind, name, verdict }: Judged): readonly Unjudged[] =>
  verdict.kind === "unjudged" ? [{ kind, name, why: verdict.why }] : [];
