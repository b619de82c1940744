/**
 * Which orphan may be deleted, and why another may not. Pure. In doubt it is refused: what is deleted here, nothing in the
 * cluster would miss at once, and nobody brings it back. Why so: docs/adr/0026-orphans-are-cleaned-by-name.md.
 */
import type { CleanedObject, ClusterOrphanList, ClusterUnjudged } from "../core/cluster-orphans.ts";
import { parseId } from "../core/ids.ts";
import { IN_CLUSTER, isOld, type ClusterObject, type ListedObject } from "./cluster-orphans.ts";
import { isFresh, type OrphanMemory } from "./orphan-memory.ts";

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

const NAMED = 3;
/** As csi-provisioner names a volume: by the uid of its claim. */
const OF_CLAIM = /^pvc-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** `id`: as it was typed. */
export function judgeCleaning(id: string, sight: CleaningSight): CleaningVerdict {
  const parsed = parseId(id);
  if (parsed === undefined)
    return refuse(
      "it is no id of a volume or snapshot of dmthin; a PersistentVolume or VolumeSnapshotContent is deleted with kubectl",
    );
  const { kind } = parsed;
  if (kind === "group") return refuse("it is a group snapshot; delete its VolumeGroupSnapshotContent");
  const known = whoHasIt(kind, id, sight);
  if (known !== undefined) return refuse(known);
  const pool = sight.pools.find(({ uuid }) => uuid === parsed.pool);
  if (pool === undefined)
    return refuse(`its pool ${parsed.pool} could not be listed as a whole${because(sight.list.unjudged)}`);
  const object = pool.objects.find((each) => each.id === id);
  if (object === undefined)
    return refuse(`its pool ${pool.name} of node ${pool.node} does not have it: it is gone, or being made`);
  const why =
    notOurs(object, sight) ?? inUse(object, pool) ?? mayBeWanted(object, sight) ?? tooEarly(object, sight);
  if (why !== undefined) return refuse(why);
  const { name, size, createdAt } = object;
  const orphanSince = new Date(sight.memory?.since.get(id) ?? sight.now).toISOString();
  return {
    kind: "clean",
    object: { kind, name, node: pool.node, pool: pool.name, size, createdAt, orphanSince },
  };
}

const refuse = (why: string): CleaningVerdict => ({ kind: "refuse", why });

function whoHasIt(
  kind: "volume" | "snapshot",
  id: string,
  { volumes, contents }: CleaningSight,
): string | undefined {
  const objects = kind === "volume" ? volumes : contents;
  if (objects === undefined)
    return "the cluster has no VolumeSnapshotContents, so it is not known who has snapshots; install their kinds";
  const owner = objects.find(({ handle }) => handle === id);
  if (owner !== undefined) {
    const { name, remark } = owner;
    return `${IN_CLUSTER[kind]} ${name} has it${remark === undefined ? "" : ` (${remark})`}; it is no orphan as long as that is there`;
  }
  const pending = objects.find(({ handle }) => handle === undefined);
  return pending === undefined
    ? undefined
    : `${IN_CLUSTER[kind]} ${pending.name} has no handle yet, and may be about to get this one; wait until it has, or delete it`;
}

function notOurs({ clusterUid }: HeldObject, sight: CleaningSight): string | undefined {
  if (clusterUid === "") return "it does not say which cluster made it; see the guide, by hand";
  return clusterUid === sight.clusterUid
    ? undefined
    : `another cluster made it (its kube-system has the uid ${clusterUid}); delete it there`;
}

function inUse(
  { id, kind, staged, source, group }: HeldObject,
  { node, objects }: HeldPool,
): string | undefined {
  if (staged) return `it is staged on node ${node}; end the pods that use it, and kubelet takes it down`;
  if (source === undefined || group === undefined)
    return `the driver of node ${node} is older, and does not say what depends on it; upgrade it`;
  if (group !== "") return `it is part of group snapshot ${group}, which is deleted as a whole`;
  const needed = kind === "volume" ? "snapshot" : "volume";
  const dependants = objects.filter((each) => each.kind === needed && each.source === id);
  if (dependants.length === 0) return undefined;
  const what = kind === "volume" ? "it has snapshots" : "volumes were made from it";
  return `${what}: ${namesOf(dependants.map((each) => each.id))}; delete those first`;
}

/** A claim that is there gets the volume of its name again, whatever became of the PersistentVolume. */
function mayBeWanted({ kind, name }: HeldObject, { claims }: CleaningSight): string | undefined {
  if (kind === "snapshot") return undefined;
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

function tooEarly({ id, createdAt }: HeldObject, sight: CleaningSight): string | undefined {
  const { memory, list, now, graceMs, everyMs } = sight;
  if (!isOld({ createdAt }, now, graceMs))
    return `it was made at ${createdAt}; wait until ${textOf(Date.parse(createdAt) + graceMs)}`;
  if (!list.orphans.some(({ name }) => name === id))
    return "two lists of its node, one after the other, do not agree that it is an orphan; ask again";
  if (memory === undefined || !isFresh(memory, { now, everyMs }))
    return `no controller has looked for orphans ${memory === undefined ? "yet" : `since ${textOf(memory.lookedAt)}`}; does one hold the Lease?`;
  const since = memory.since.get(id);
  if (since === undefined)
    return `no look has found it yet: the last was at ${textOf(memory.lookedAt)}; wait for the next one, and then for the grace period`;
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
