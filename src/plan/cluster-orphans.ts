/**
 * What is on a node and unknown to the cluster, and the other way round. Pure. Only what is known for certain counts: of a
 * pool that could not be listed nothing is an orphan, and nothing of another cluster, or of an unknown one, ever is.
 */
import type {
  ClusterOrphan,
  ClusterOrphanKind,
  ClusterOrphanList,
  ClusterUnjudged,
} from "../core/cluster-orphans.ts";
import { parseId } from "../core/ids.ts";

/** A pool that was listed as a whole. */
export interface ListedPool {
  readonly uuid: string;
  readonly name: string;
  readonly node: string;
  readonly objects: readonly ListedObject[];
}

export interface ListedObject {
  readonly id: string;
  readonly kind: "volume" | "snapshot";
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Empty: unknown. */
  readonly clusterUid: string;
}

/** A PersistentVolume or VolumeSnapshotContent of this driver. */
export interface ClusterObject {
  readonly name: string;
  readonly uid: string;
  /** Not empty. Absent: not made yet. */
  readonly handle?: string;
  /** Another one that it names, which it keeps as well. */
  readonly otherHandle?: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Neither being deleted nor about to be. A released volume that is retained is settled. */
  readonly settled: boolean;
  /** For people, where there is something to say: its phase and policy, or what keeps it. */
  readonly remark?: string;
}

export interface ClusterView {
  readonly clusterUid: string;
  readonly pools: readonly ListedPool[];
  /** Pools and nodes that were not. */
  readonly unlisted: readonly ClusterUnjudged[];
  readonly volumes: readonly ClusterObject[];
  /** Undefined: the cluster does not have the kind. */
  readonly contents: readonly ClusterObject[] | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What is younger may be on its way; an hour unless given. */
  readonly graceMs?: number;
}

export const ORPHAN_GRACE_MS = 3_600_000;

/** In the order of kinds, then of names. */
export function clusterOrphans(view: ClusterView): ClusterOrphanList {
  const { pools, volumes, contents } = view;
  const unjudged = [...view.unlisted];
  if (contents === undefined && pools.some(({ objects }) => objects.some(({ kind }) => kind === "snapshot")))
    unjudged.push({ name: "snapshots", why: "the cluster has no VolumeSnapshotContents" });
  const orphans = [
    ...onNodes(view, "volume", volumes, unjudged),
    ...(contents === undefined ? [] : onNodes(view, "snapshot", contents, unjudged)),
    ...inCluster(view, "persistentvolume", volumes, unjudged),
    ...inCluster(view, "volumesnapshotcontent", contents ?? [], unjudged),
  ];
  return { orphans, unjudged };
}

export const IN_CLUSTER = { volume: "PersistentVolume", snapshot: "VolumeSnapshotContent" } as const;

function onNodes(
  { clusterUid, pools, now, graceMs }: ClusterView,
  kind: "volume" | "snapshot",
  known: readonly ClusterObject[],
  unjudged: ClusterUnjudged[],
): readonly ClusterOrphan[] {
  const handles = new Set(known.flatMap(handlesOf));
  // One that has no handle yet may be about to get this one.
  const pending = known.some(({ handle }) => handle === undefined);
  return pools.flatMap(({ name: pool, node, objects }) => {
    const alone = objects.filter((each) => each.kind === kind && !handles.has(each.id));
    const nobodys = alone.filter((each) => each.clusterUid === "").length;
    if (nobodys > 0)
      unjudged.push({
        name: `pool ${pool} of node ${node}`,
        why: `${nobodys} ${kind}s that no ${IN_CLUSTER[kind]} has do not say which cluster made them`,
      });
    return alone
      .filter(
        (each) =>
          each.clusterUid === clusterUid && isOld(each, now, graceMs) && !(pending && kind === "snapshot"),
      )
      .map(({ id, createdAt }): ClusterOrphan => ({
        kind,
        name: id,
        node,
        pool,
        createdAt,
        why: `no ${IN_CLUSTER[kind]} has it`,
      }));
  });
}

function inCluster(
  { pools, now, graceMs }: ClusterView,
  kind: Extract<ClusterOrphanKind, "persistentvolume" | "volumesnapshotcontent">,
  objects: readonly ClusterObject[],
  unjudged: ClusterUnjudged[],
): readonly ClusterOrphan[] {
  const listed = new Map(pools.map((pool) => [pool.uuid, pool]));
  const ids = new Set(pools.flatMap((pool) => pool.objects.map(({ id }) => id)));
  const elsewhere = new Map<string, number>();
  const found = objects.flatMap((object): readonly ClusterOrphan[] => {
    const { name, uid, handle, createdAt, settled } = object;
    const isThere = handlesOf(object).some((each) => ids.has(each));
    if (handle === undefined || isThere || !settled || !isOld({ createdAt }, now, graceMs)) return [];
    const poolUuid = parseId(handle)?.pool;
    const pool = listed.get(poolUuid ?? "");
    if (poolUuid !== undefined && pool === undefined) {
      elsewhere.set(poolUuid, (elsewhere.get(poolUuid) ?? 0) + 1);
      return [];
    }
    const why =
      pool === undefined ? "its handle is none of dmthin's" : `its handle ${handle} is not in its pool`;
    return [{ kind, name, uid, node: pool?.node ?? "", pool: pool?.name ?? "", createdAt, why }];
  });
  for (const [poolUuid, count] of elsewhere)
    unjudged.push({
      name: `pool ${poolUuid}`,
      why: `${count} ${kind}s are of it, and it could not be listed`,
    });
  return found;
}

/** Of all that it keeps. */
export const handlesOf = ({
  handle,
  otherHandle,
}: Pick<ClusterObject, "handle" | "otherHandle">): readonly string[] =>
  [handle, otherHandle].filter((each) => each !== undefined);

export const isOld = (
  { createdAt }: { readonly createdAt: string },
  now: number,
  graceMs: number = ORPHAN_GRACE_MS,
): boolean => now - Date.parse(createdAt) >= graceMs;
