/**
 * The roster from Kubernetes: node pods say where drivers are, the topology label on Nodes says who belongs here also while
 * no pod of his runs. Both are watched; a watch that ends goes on where it was, or lists again.
 */
import { makeInformer, type KubernetesObject, type V1Node, type V1Pod } from "@kubernetes/client-node";
import { messageOf } from "../core/errors.ts";
import { TOPOLOGY_KEY } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Roster } from "../route/roster.ts";
import type { Api } from "./api.ts";

export interface RosterSource {
  readonly namespace: string;
  /** Of the node pods. */
  readonly podLabel: string;
  /** On which they serve controllers. */
  readonly port: number;
}

/** Pods come and go in crowds. */
const SETTLE_MS = 200;
const RETRY_MS = 2000;

type Watched<T extends KubernetesObject> = ReturnType<typeof makeInformer<T>>;

/** Tells the roster as soon as both lists are there, and when it is another. Until the returned function is called. */
export function followRoster(
  { config, core }: Pick<Api, "config" | "core">,
  { namespace, podLabel, port }: RosterSource,
  take: (roster: Roster) => void,
  log: Log,
): () => void {
  /** An informer that could not list says so, and has started all the same: what counts is a list that came. */
  const listed = new Set<string>();
  const whole = <List>(what: string, list: List): List => {
    listed.add(what);
    soon();
    return list;
  };
  const pods = makeInformer<V1Pod>(
    config,
    `/api/v1/namespaces/${namespace}/pods`,
    async () => whole("pods", await core.listNamespacedPod({ namespace, labelSelector: podLabel })),
    podLabel,
  );
  const nodes = makeInformer<V1Node>(
    config,
    "/api/v1/nodes",
    async () => whole("nodes", await core.listNode({ labelSelector: TOPOLOGY_KEY })),
    TOPOLOGY_KEY,
  );
  let timer: NodeJS.Timeout | undefined;
  let told = "";
  let closed = false;
  const soon = (): void => {
    if (listed.size < 2) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      const roster = rosterOf(nodes.list(), pods.list(), port);
      const text = JSON.stringify(roster);
      if (text === told) return;
      told = text;
      log.info({ nodes: roster.length }, "roster");
      take(roster);
    }, SETTLE_MS);
  };
  const follow = <T extends KubernetesObject>(watched: Watched<T>, what: string): void => {
    watched.on("change", soon);
    watched.on("delete", soon);
    const start = (): void => {
      watched.start().catch(again);
    };
    const again = (error: unknown): void => {
      if (closed) return;
      log.warn({ what, problem: messageOf(error) }, "the API server is not followed; trying again");
      setTimeout(() => {
        if (!closed) start();
      }, RETRY_MS).unref();
    };
    watched.on("error", again);
    start();
  };
  follow(pods, "pods");
  follow(nodes, "nodes");
  return () => {
    closed = true;
    clearTimeout(timer);
    void pods.stop();
    void nodes.stop();
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
