/** Compares what all nodes hold with what the cluster knows: what is found, plan/cluster-orphans.ts says. Changes nothing. */
import { EnvironmentError, messageOf } from "../core/errors.ts";
import type { ClusterOrphanList, ClusterUnjudged } from "../core/cluster-orphans.ts";
import type { PoolUuid } from "../core/ids.ts";
import { clusterOrphans, type ClusterObject } from "../plan/cluster-orphans.ts";
import type { HeldPool } from "../plan/orphan-cleaning.ts";
import type { FleetNode } from "../route/fleet.ts";
import { MOST_OBJECTS, objectsOf, type Believed } from "../route/objects.ts";
import type { Api } from "./api.ts";
import { volumesBeingMoved } from "./rehome-holds.ts";
import { snapshotContents } from "./snapshot-contents.ts";
import { persistentVolumes } from "./volumes.ts";

export interface LookOptions {
  readonly nodes: () => readonly FleetNode[] | undefined;
  readonly clusterUid: string;
  /** Where `dmthin pool rehome` keeps its notes. */
  readonly namespace: string;
  /** What is younger may be on its way; an hour unless given. */
  readonly graceMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface ClusterLook {
  readonly list: ClusterOrphanList;
  /** As they were listed last, as a whole. */
  readonly pools: readonly HeldPool[];
  readonly volumes: readonly ClusterObject[];
  readonly contents: readonly ClusterObject[] | undefined;
}

const AT_ONCE = 16;
const ASKED_MS = 30_000;

interface Place {
  readonly node: FleetNode;
  readonly uuid: PoolUuid;
  readonly name: string;
}

/** Rejects likewise. */
export const lookForOrphans = async (
  api: Pick<Api, "core" | "custom">,
  options: LookOptions,
): Promise<ClusterOrphanList> => (await lookAtCluster(api, options)).list;

/** `only`: no other pool is listed. Rejects where the roster is not known, or a list of the API server is not whole. */
export async function lookAtCluster(
  api: Pick<Api, "core" | "custom">,
  { nodes, clusterUid, namespace, graceMs, now = Date.now }: LookOptions,
  only?: PoolUuid,
): Promise<ClusterLook> {
  const roster = nodes();
  if (roster === undefined) throw new EnvironmentError("the nodes of the cluster are not known yet");
  const { places: all, unlisted } = placesOf(roster);
  const places = only === undefined ? all : all.filter(({ uuid }) => uuid === only);
  // What was made or deleted meanwhile is not in both of the lists around those of the cluster.
  const before = await listAll(places, unlisted);
  // The notes first: one is taken away after its PersistentVolume is there again.
  const moving = await volumesBeingMoved(api, namespace);
  const volumes = [...(await volumeObjects(api)), ...moving];
  const contents = await snapshotContents(api);
  const view = {
    clusterUid,
    volumes,
    contents,
    now: now(),
    ...(graceMs === undefined ? {} : { graceMs }),
  };
  const suspects = new Set(
    clusterOrphans({ ...view, pools: before, unlisted: [] }).orphans.map(
      ({ node, pool }) => `${node}/${pool}`,
    ),
  );
  const asked = places.filter(({ node, name }) => suspects.has(`${node.name}/${name}`));
  const after = new Map((await listAll(asked, unlisted)).map((pool) => [pool.uuid, pool]));
  const failed = new Set(asked.map(({ uuid }) => uuid as string).filter((uuid) => !after.has(uuid)));
  const listed = before.filter(({ uuid }) => !failed.has(uuid));
  const pools = listed.map((pool) => after.get(pool.uuid) ?? pool);
  const first = clusterOrphans({ ...view, pools: listed, unlisted });
  const again = clusterOrphans({ ...view, pools, unlisted });
  const twice = new Set(again.orphans.map(({ kind, name }) => `${kind} ${name}`));
  const orphans = first.orphans.filter(({ kind, name }) => twice.has(`${kind} ${name}`));
  return { list: { ...first, orphans }, pools, volumes, contents };
}

function placesOf(roster: readonly FleetNode[]): {
  readonly places: readonly Place[];
  readonly unlisted: ClusterUnjudged[];
} {
  const owners = new Map<string, string[]>();
  for (const { name, view } of roster)
    for (const { uuid } of view?.pools ?? []) owners.set(uuid, [...(owners.get(uuid) ?? []), name]);
  const unlisted: ClusterUnjudged[] = [];
  const places = roster.flatMap((node): readonly Place[] => {
    const { name, view, problem } = node;
    if (view === undefined) {
      unlisted.push({ name: `node ${name}`, why: `it is away: ${problem}` });
      return [];
    }
    for (const { name: pool, reason } of view.absent)
      unlisted.push({ name: `pool ${pool} of node ${name}`, why: `it is not open: ${reason}` });
    return view.pools.flatMap(({ uuid, name: pool }) => {
      const all = owners.get(uuid) ?? [];
      if (all.length === 1) return [{ node, uuid, name: pool }];
      unlisted.push({
        name: `pool ${pool} of node ${name}`,
        why: `nodes ${all.join(" and ")} report it both`,
      });
      return [];
    });
  });
  return { places, unlisted };
}

/** Side by side; those that do not answer are left out, and said. */
async function listAll(places: readonly Place[], unlisted: ClusterUnjudged[]): Promise<readonly HeldPool[]> {
  const found: HeldPool[] = [];
  const left = places.values();
  const byNode = new Map<FleetNode, Believed>();
  for (const { node } of places) byNode.set(node, { left: MOST_OBJECTS });
  const one = async (): Promise<void> => {
    for (const { node, uuid, name } of left) {
      const waiting = { signal: AbortSignal.timeout(ASKED_MS), deadline: Date.now() + ASKED_MS };
      try {
        const objects = await objectsOf(node, uuid, waiting, byNode.get(node));
        found.push({ uuid, name, node: node.name, objects });
      } catch (error) {
        unlisted.push({ name: `pool ${name} of node ${node.name}`, why: messageOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return found.toSorted((a, b) => (a.node + a.name < b.node + b.name ? -1 : 1));
}

async function volumeObjects(api: Pick<Api, "core">): Promise<readonly ClusterObject[]> {
  const found: ClusterObject[] = [];
  for await (const { metadata, spec, status } of persistentVolumes(api)) {
    const handle = spec?.csi?.volumeHandle;
    const { phase = "" } = status ?? {};
    const policy = spec?.persistentVolumeReclaimPolicy ?? "";
    // The provisioner deletes the volume first, and then the object.
    const going = phase === "Released" && policy === "Delete";
    found.push({
      name: metadata?.name ?? "",
      uid: metadata?.uid ?? "",
      ...(handle === undefined || handle === "" ? {} : { handle }),
      createdAt: new Date(metadata?.creationTimestamp ?? 0).toISOString(),
      settled: metadata?.deletionTimestamp === undefined && !going && phase !== "Failed",
      remark: [phase, policy].filter((word) => word !== "").join(", "),
    });
  }
  return found;
}
