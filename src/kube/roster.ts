/**
 * The roster from Kubernetes: node pods say where drivers are, the topology label on Nodes says who belongs here also while
 * no pod of his runs. Both are watched; a watch that ends goes on where it was, or lists again.
 */
import type { V1Node, V1Pod } from "@kubernetes/client-node";
import { TOPOLOGY_KEY } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Roster } from "../route/roster.ts";
import type { Api } from "./api.ts";
import { followList } from "./follow.ts";

export interface RosterSource {
  readonly namespace: string;
  /** Of the node pods. */
  readonly podLabel: string;
  /** On which they serve controllers. */
  readonly port: number;
}

/** Pods come and go in crowds. */
const SETTLE_MS = 200;
/** Tells the roster as soon as both lists are there, and when it is another. Until the returned function is called. */
export function followRoster(
  api: Pick<Api, "config" | "core">,
  { namespace, podLabel, port }: RosterSource,
  take: (roster: Roster) => void,
  log: Log,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let told = "";
  const soon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      const [nodeList, podList] = [nodes.objects(), pods.objects()];
      if (nodeList === undefined || podList === undefined) return;
      const roster = rosterOf(nodeList, podList, port);
      const text = JSON.stringify(roster);
      if (text === told) return;
      told = text;
      log.info({ nodes: roster.length }, "roster");
      take(roster);
    }, SETTLE_MS);
  };
  const pods = followList<V1Pod>(
    api,
    {
      path: `/api/v1/namespaces/${namespace}/pods`,
      list: () => api.core.listNamespacedPod({ namespace, labelSelector: podLabel }),
      labelSelector: podLabel,
      what: "pods",
    },
    soon,
    log,
  );
  const nodes = followList<V1Node>(
    api,
    {
      path: "/api/v1/nodes",
      list: () => api.core.listNode({ labelSelector: TOPOLOGY_KEY }),
      labelSelector: TOPOLOGY_KEY,
      what: "nodes",
    },
    soon,
    log,
  );
  return () => {
    clearTimeout(timer);
    pods.close();
    nodes.close();
  };
}

/** Pure. In the order of names. */
export function rosterOf(nodes: readonly V1Node[], pods: readonly V1Pod[], port: number): Roster {
  const places = new Map<string, string | undefined>();
  for (const { metadata } of nodes) if (metadata?.name) places.set(metadata.name, undefined);
  // The latest wins: one that is being replaced may still be running.
  for (const { metadata, spec, status } of pods.toSorted(byAge)) {
    const { nodeName } = spec ?? {};
    if (nodeName === undefined) continue;
    const lives = metadata?.deletionTimestamp === undefined && status?.phase === "Running";
    const ip = lives ? status.podIP : undefined;
    const address = ip === undefined ? undefined : ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
    places.set(nodeName, address ?? places.get(nodeName));
  }
  return [...places]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, address]) => (address === undefined ? { name } : { name, address }));
}

const byAge = (one: V1Pod, other: V1Pod): number => bornAt(one) - bornAt(other);
/** A list has its times as Date, a watch as they came: the client's types know of the first only. */
const bornAt = ({ metadata }: V1Pod): number => new Date(metadata?.creationTimestamp ?? 0).getTime();
