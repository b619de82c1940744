/**
 * Which orphan may be deleted, and why another may not. Pure. In doubt it is refused: what is deleted here, nothing in the
 * cluster would miss at once, and nobody brings it back. Why so: docs/adr/0026-orphans-are-cleaned-by-name.md.
 */
import type { CleanedObject, ClusterOrphanList, ClusterUnjudged } from "../core/cluster-orphans.ts";
import { parseId } from "../core/ids.ts";
import { handlesOf, IN_CLUSTER, isOld, type ClusterObject, type ListedObject } from "./cluster-orphans.ts";
import { isFresh, sightingOf, type OrphanMemory } from "./orphan-memory.ts";

/** A volume or snapshot, as its node lists it. */
export interface HeldObject extends ListedObject {
  /** Of the request that made it. */
  readonly name: string;
  readonly size: bigint;
  readonly staged: boolean;
  /** What a volume was made from, the volume that a snapshot is of; empty: nothing. Absent: its node does not say. */
  readonly source?: string;
  /** The group snapshot that it is part of; likewise. */
  readonly group?: string;
}

export interface HeldPool {
  readonly uuid: string;
  readonly name: string;
  readonly node: string;
  readonly objects: readonly HeldObject[];
}

/** Of all claims of the cluster, as `namespace/name`. */
export interface WantedVolumes {
  readonly byUid: ReadonlyMap<string, string>;
  /** By the name of the PersistentVolume that a claim waits for, or has. */
  readonly byVolume: ReadonlyMap<string, string>;
}

/** Of all VolumeSnapshots of the cluster, as `namespace/name`. */
export interface WantedSnapshots {
  readonly byUid: ReadonlyMap<string, string>;
  /** By the name of the VolumeSnapshotContent that one waits for, or has. */
  readonly byContent: ReadonlyMap<string, string>;
}

/** One look at nodes and cluster, and what is known from before. */
export interface CleaningSight {
  readonly clusterUid: string;
  /** What the look found, in two lists of the nodes around one of the cluster. */
  readonly list: ClusterOrphanList;
  /** That could be listed as a whole. */
  readonly pools: readonly HeldPool[];
  /** PersistentVolumes, also of others than csi-provisioner. */
  readonly volumes: readonly ClusterObject[];
  /** Undefined: the cluster does not have the kind. */
  readonly contents: readonly ClusterObject[] | undefined;
  readonly claims: WantedVolumes;
  /** Undefined: the cluster does not have the kind. */
  readonly snapshots: WantedSnapshots | undefined;
  /** Undefined: no look was noted yet. */
  readonly memory: OrphanMemory | undefined;
  /** Since it was made, and since it was first found. */
  readonly graceMs: number;
  /** Between two looks. */
  readonly everyMs: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type CleaningVerdict =
  | { readonly kind: "clean"; readonly object: CleanedObject }
  | { readonly kind: "refuse"; readonly why: string };

export type CleaningJudge = (id: string) => CleaningVerdict;

const NAMED = 3;
/** As csi-provisioner names a volume: by the uid of its claim. */
const OF_CLAIM = /^pvc-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** As csi-snapshotter names a snapshot: by the uid of its VolumeSnapshot. */
const OF_SNAPSHOT = /^snapshot-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** A sight, in the order in which it is asked: it may hold very many. */
interface Index {
  readonly volumes: Owners;
  readonly snapshots: Owners | undefined;
  readonly pools: ReadonlyMap<string, PoolIndex>;
  readonly orphans: ReadonlySet<string>;
}

/** Objects of the cluster of one kind. */
interface Owners {
  readonly byHandle: ReadonlyMap<string, ClusterObject>;
  /** One that has no handle yet. */
  readonly pending: ClusterObject | undefined;
}

interface PoolIndex {
  readonly pool: HeldPool;
  readonly byId: ReadonlyMap<string, HeldObject>;
  readonly bySource: ReadonlyMap<string, readonly HeldObject[]>;
}

/** Judges ids, as they were typed, by one sight. */
export function cleaningJudge(sight: CleaningSight): CleaningJudge {
  const { volumes, contents, pools, list } = sight;
  const index: Index = {
    volumes: ownersOf(volumes),
    snapshots: contents && ownersOf(contents),
    pools: new Map(pools.map((pool) => [pool.uuid, indexOf(pool)])),
    orphans: new Set(list.orphans.map(({ name }) => name)),
  };
  return (id) => judge(id, sight, index);
}

const ownersOf = (objects: readonly ClusterObject[]): Owners => ({
  byHandle: new Map(objects.flatMap((each) => handlesOf(each).map((handle) => [handle, each] as const))),
  pending: objects.find(({ handle }) => handle === undefined),
});

const indexOf = (pool: HeldPool): PoolIndex => ({
  pool,
  byId: new Map(pool.objects.map((each) => [each.id, each])),
  bySource: Map.groupBy(pool.objects, ({ source = "" }) => source),
});

function judge(id: string, sight: CleaningSight, index: Index): CleaningVerdict {
  const parsed = parseId(id);
  if (parsed === undefined)
    return refuse(
      "it is no id of a volume or snapshot of dmthin; a PersistentVolume or VolumeSnapshotContent is deleted with kubectl",
    );
  const { kind } = parsed;
  if (kind === "group") return refuse("it is a group snapshot; delete its VolumeGroupSnapshotContent");
  const known = whoHasIt(kind, id, index);
  if (known !== undefined) return refuse(known);
  const listed = index.pools.get(parsed.pool);
  if (listed === undefined)
    return refuse(`its pool ${parsed.pool} could not be listed as a whole${because(sight.list.unjudged)}`);
  const { pool } = listed;
  const object = listed.byId.get(id);
  if (object === undefined)
    return refuse(`its pool ${pool.name} of node ${pool.node} does not have it: it is gone, or being made`);
  const since = sight.memory?.since.get(sightingOf({ node: pool.node, name: id }));
  const why =
    notOurs(object, sight) ??
    inUse(object, listed) ??
    mayBeWanted(object, sight) ??
    tooEarly(object, sight, { since, isOrphan: index.orphans.has(id) });
  if (why !== undefined) return refuse(why);
  const { name, size, createdAt } = object;
  const orphanSince = new Date(since ?? sight.now).toISOString();
  return {
    kind: "clean",
    object: { kind, name, node: pool.node, pool: pool.name, size, createdAt, orphanSince },
  };
}

const refuse = (why: string): CleaningVerdict => ({ kind: "refuse", why });

function whoHasIt(kind: "volume" | "snapshot", id: string, index: Index): string | undefined {
  const owners = kind === "volume" ? index.volumes : index.snapshots;
  if (owners === undefined)
    return "the cluster has no VolumeSnapshotContents, so it is not known who has snapshots; install their kinds";
  const owner = owners.byHandle.get(id);
  if (owner !== undefined) {
    const { name, remark } = owner;
    return `${IN_CLUSTER[kind]} ${name} has it${remark === undefined ? "" : ` (${remark})`}; it is no orphan as long as that is there`;
  }
  return owners.pending === undefined
    ? undefined
    : `${IN_CLUSTER[kind]} ${owners.pending.name} has no handle yet, and may be about to get this one; wait until it has, or delete it`;
}

function notOurs({ clusterUid }: HeldObject, sight: CleaningSight): string | undefined {
  if (clusterUid === "") return "it does not say which cluster made it; see the guide, by hand";
  return clusterUid === sight.clusterUid
    ? undefined
    : `another cluster made it (its kube-system has the uid ${clusterUid}); delete it there`;
}

function inUse(
  { id, kind, staged, source, group }: HeldObject,
  { pool: { node }, bySource }: PoolIndex,
): string | undefined {
  if (staged) return `it is staged on node ${node}; end the pods that use it, and kubelet takes it down`;
  if (source === undefined || group === undefined)
    return `the driver of node ${node} is older, and does not say what depends on it; upgrade it`;
  if (group !== "") return `it is part of group snapshot ${group}, which is deleted as a whole`;
  const needed = kind === "volume" ? "snapshot" : "volume";
  const dependants = (bySource.get(id) ?? []).filter((each) => each.kind === needed);
  if (dependants.length === 0) return undefined;
  const what = kind === "volume" ? "it has snapshots" : "volumes were made from it";
  return `${what}: ${namesOf(dependants.map((each) => each.id))}; delete those first`;
}

/** A claim or VolumeSnapshot that is there gets what has its name again, whatever became of the object between them. */
function mayBeWanted({ kind, name }: HeldObject, sight: CleaningSight): string | undefined {
  return kind === "volume" ? byClaim(name, sight.claims) : bySnapshot(name, sight.snapshots);
}

function byClaim(name: string, claims: WantedVolumes): string | undefined {
  const [, uid = ""] = OF_CLAIM.exec(name) ?? [];
  const claim = claims.byUid.get(uid);
  if (claim !== undefined)
    return `claim ${claim}, for which it was made, is still there and may get it again; delete the claim first`;
  // Claims that were restored from a backup have other uids, and wait for volumes by name.
  const waiting = claims.byVolume.get(name);
  if (waiting !== undefined)
    return `claim ${waiting} waits for PersistentVolume ${name}; make that with this handle, or delete the claim first`;
  return uid === ""
    ? `its name ${JSON.stringify(name)} does not say for which claim it was made; see the guide, by hand`
    : undefined;
}

function bySnapshot(name: string, snapshots: WantedSnapshots | undefined): string | undefined {
  if (snapshots === undefined)
    return "the cluster has no VolumeSnapshots, so it is not known who wants it; install their kinds";
  const [, uid = ""] = OF_SNAPSHOT.exec(name) ?? [];
  if (uid === "")
    return `its name ${JSON.stringify(name)} does not say for which VolumeSnapshot it was made; see the guide, by hand`;
  const snapshot = snapshots.byUid.get(uid);
  if (snapshot !== undefined)
    return `VolumeSnapshot ${snapshot}, for which it was made, is still there and may get it again; delete the VolumeSnapshot first`;
  // As snapshot-controller names it. One that was restored from a backup has another uid.
  const content = `snapcontent-${uid}`;
  const waiting = snapshots.byContent.get(content);
  return waiting === undefined
    ? undefined
    : `VolumeSnapshot ${waiting} waits for VolumeSnapshotContent ${content}; make that with this handle, or delete the VolumeSnapshot first`;
}

function tooEarly(
  { createdAt }: HeldObject,
  { memory, now, graceMs, everyMs }: CleaningSight,
  { since, isOrphan }: { readonly since: number | undefined; readonly isOrphan: boolean },
): string | undefined {
  if (!isOld({ createdAt }, now, graceMs))
    return `it was made at ${createdAt}; wait until ${textOf(Date.parse(createdAt) + graceMs)}`;
  if (!isOrphan)
    return "two lists of its node, one after the other, do not agree that it is an orphan; ask again";
  if (memory === undefined || !isFresh(memory, { now, everyMs }))
    return `no controller has looked for orphans ${memory === undefined ? "yet" : `since ${textOf(memory.lookedAt)}`}; does one hold the Lease?`;
  if (since === undefined)
    return `no look has found it there yet: the last was at ${textOf(memory.lookedAt)}; wait for the next one, and then for the grace period`;
  // It is a look that ends the grace period: what became of it since the last one is not known.
  return memory.lookedAt - since >= graceMs
    ? undefined
    : `it is an orphan since ${textOf(since)}; the grace period ends with the first look after ${textOf(since + graceMs)}`;
}

const textOf = (time: number): string =>
  Number.isNaN(time) ? "a time that nobody knows" : new Date(time).toISOString();

const namesOf = (names: readonly string[]): string =>
  `${names.slice(0, NAMED).join(", ")}${names.length > NAMED ? ` and ${names.length - NAMED} more` : ""}`;

function because(unjudged: readonly ClusterUnjudged[]): string {
  if (unjudged.length === 0) return ": no node reports it";
  return `: ${namesOf(unjudged.map(({ name, why }) => `${name}: ${why}`))}`;
}
