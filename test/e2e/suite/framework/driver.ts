/** The driver's own pods, as the chart installs them. */
import type { V1Deployment, V1Lease, V1Node, V1Pod } from "@kubernetes/client-node";

import { isReady, nodeOf } from "./pods.ts";
import { CONTROLLER_PODS, nameOf, NODE_PODS } from "./settings.ts";
import { expect, type World } from "./world.ts";

const READY_MS = 180_000;

const of = (world: World, selector: string): readonly string[] => [
  "pods",
  `--namespace=${world.cluster.settings.namespace}`,
  `--selector=${selector}`,
];

export const controllerPods = (world: World): Promise<readonly V1Pod[]> =>
  world.kubectl.list<V1Pod>(["get", ...of(world, CONTROLLER_PODS)]);

export async function nodePodOn(world: World, node: string): Promise<V1Pod> {
  const pods = await world.kubectl.list<V1Pod>(["get", ...of(world, NODE_PODS)]);
  const found = pods.find((each) => nodeOf(each) === node);
  expect(found !== undefined, `there is no driver pod on ${node}`);
  return found;
}

/** Deletes pods of the driver and waits until as many others are ready. */
export async function replaceDriverPods(world: World, pods: readonly V1Pod[]): Promise<void> {
  world.note(`delete driver pods ${pods.map(nameOf).join(", ")}`);
  await world.phase("driver and nodes", async () => {
    const { namespace } = world.cluster.settings;
    await world.kubectl.run(
      ["delete", "pods", ...pods.map(nameOf), `--namespace=${namespace}`, "--timeout=120s"],
      {
        timeoutMs: 130_000,
      },
    );
    await untilDriverReady(world);
  });
}

/** No pod of the driver is left: `helm uninstall` does not wait for them. */
export async function untilDriverGone(world: World): Promise<void> {
  for (const selector of [CONTROLLER_PODS, NODE_PODS])
    await world.kubectl.watch<V1Pod, true>({
      get: of(world, selector),
      what: `no pod is left: ${selector}`,
      timeoutMs: READY_MS,
      judge: (pods) => pods.length === 0 || undefined,
    });
}

/** The ids of all that runs, or last ran, in these pods. */
export const containersOf = (pods: readonly V1Pod[]): ReadonlySet<string> =>
  new Set(pods.flatMap((pod) => idsOf(pod)).filter((id) => id !== ""));

/** Of each container that stays while the pod does; "": it has not been started yet. Sidecars are among the init containers. */
function idsOf({ spec, status }: V1Pod): readonly string[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const ids = new Map(statuses.map(({ name, containerID }) => [name, containerID]));
  return [...sidecars, ...(spec?.containers ?? [])].map(({ name }) => ids.get(name) ?? "");
}

/**
 * It is ready, and with no container that is `gone`: what the API server has of a pod stands until a kubelet says
 * otherwise, and one that lost its power could not say it.
 */
export const isReadyWithout = (pod: V1Pod, gone: ReadonlySet<string>): boolean =>
  isReady(pod) && idsOf(pod).every((id) => id !== "" && !gone.has(id));

/** The containers of the driver on that node. */
export async function driverContainersOn(world: World, node: string): Promise<ReadonlySet<string>> {
  const pods = await Promise.all(
    [NODE_PODS, CONTROLLER_PODS].map((selector) =>
      world.kubectl.list<V1Pod>(["get", ...of(world, selector)]),
    ),
  );
  return containersOf(pods.flat().filter((each) => nodeOf(each) === node));
}

/** All pods of the driver are ready, with no container that is `gone`: one for each node, and the controllers that are wanted. */
export async function untilDriverReady(world: World, gone: ReadonlySet<string> = new Set()): Promise<void> {
  const { namespace } = world.cluster.settings;
  const controllers = await world.kubectl.list<V1Deployment>([
    "get",
    "deployments.apps",
    `--namespace=${namespace}`,
    `--selector=${CONTROLLER_PODS}`,
  ]);
  const replicas = controllers.reduce((sum, { spec }) => sum + (spec?.replicas ?? 1), 0);
  const enough = (selector: string, count: number): Promise<true> =>
    world.kubectl.watch<V1Pod, true>({
      get: of(world, selector),
      what: `${count} pods are ready: ${selector}`,
      timeoutMs: READY_MS,
      judge: (pods) => pods.filter((each) => isReadyWithout(each, gone)).length === count || undefined,
    });
  await enough(NODE_PODS, world.cluster.nodes.length);
  await enough(CONTROLLER_PODS, replicas);
}

/** A sidecar that only one pod acts as, and its Lease. */
export type Sidecar = "provisioner" | "snapshotter" | "resizer";

const LEASES: Readonly<Record<Sidecar, string>> = {
  provisioner: "csi-dmthin-io",
  snapshotter: "external-snapshotter-leader-csi-dmthin-io",
  resizer: "external-resizer-csi-dmthin-io",
};

const leaseArguments = (world: World, sidecar: Sidecar): readonly string[] => [
  "leases.coordination.k8s.io",
  LEASES[sidecar],
  `--namespace=${world.cluster.settings.namespace}`,
];

/** The pod that leads. Waits while nobody does. */
export async function leaderOf(world: World, sidecar: Sidecar, but?: string): Promise<string> {
  return world.kubectl.watch<V1Lease, string>({
    get: [
      "leases.coordination.k8s.io",
      `--namespace=${world.cluster.settings.namespace}`,
      `--field-selector=metadata.name=${LEASES[sidecar]}`,
    ],
    what: `a pod${but === undefined ? "" : ` other than ${but}`} leads as ${sidecar}`,
    judge: ([lease]) => {
      const holder = lease?.spec?.holderIdentity;
      return holder === undefined || holder === "" || holder === but ? undefined : holder;
    },
  });
}

/** Writes another pod into the Lease: the one that held it gives up at its next renewal, the other one goes on with it. */
export async function handOver(world: World, sidecar: Sidecar, to: string): Promise<void> {
  world.note(`${sidecar} is handed over to ${to}`);
  const spec = { holderIdentity: to, renewTime: new Date().toISOString().replace("Z", "000Z") };
  await world.kubectl.run([
    "patch",
    ...leaseArguments(world, sidecar),
    "--type=merge",
    `--patch=${JSON.stringify({ spec })}`,
  ]);
}

export async function bootOf(world: World, node: string): Promise<string> {
  const { status } = await world.kubectl.json<V1Node>(["get", "nodes", node]);
  return status?.nodeInfo?.bootID ?? "";
}

/** Ready since another boot than `before`; `before` absent: ready at all. */
export function untilNodeReady(world: World, node: string, before?: string): Promise<true> {
  return world.phase("driver and nodes", () =>
    world.kubectl.watch<V1Node, true>({
      get: ["nodes", `--field-selector=metadata.name=${node}`],
      what: `node ${node} is ready${before === undefined ? "" : " after another boot"}`,
      timeoutMs: READY_MS,
      judge: ([found]) => {
        const { conditions, nodeInfo } = found?.status ?? {};
        const ready = conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
        return (ready && nodeInfo?.bootID !== before) || undefined;
      },
    }),
  );
}
