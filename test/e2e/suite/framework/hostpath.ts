/**
 * csi-driver-host-path on the same cluster, to compare with: a volume of it is a directory, and a mount of it a bind mount, so that its time is what
 * Kubernetes itself takes. One pod on each node provisions for its node; csi-provisioner and registrar are those of dmthin, with dmthin's settings.
 */
import type {
  V1ClusterRoleBinding,
  V1Container,
  V1CSIDriver,
  V1DaemonSet,
  V1Pod,
  V1ServiceAccount,
  V1StorageClass,
} from "@kubernetes/client-node";

import { controllerPods, nodePodOn } from "./driver.ts";
import type { KubeObject } from "./kubectl.ts";
import { isReady } from "./pods.ts";
import { expect, type World } from "./world.ts";

const DRIVER = "hostpath.csi.k8s.io";
export const HOSTPATH_CLASS = "dmthin-e2e-hostpath";
const NAME = "hostpath";
const KUBELET = "/var/lib/kubelet";
const PLUGIN = `${KUBELET}/plugins/${DRIVER}`;
const SOCKET = "--csi-address=/csi/csi.sock";
/** Of dmthin's csi-provisioner that concern its speed; what its pods share (leader, owner of capacities) is not so here. */
const TAKEN =
  /^--(timeout|retry-interval-\w+|worker-threads|kube-api-\w+|kube-api-capacity-\w+|capacity-poll-interval|capacity-threads)=/;
const READY_MS = 180_000;

/** Installs it into the scenario's namespace, with a class, and waits until each node has room; its namespace and all else go with the scenario. */
export async function installHostpath(world: World, image: string): Promise<void> {
  const provisioner = containerOf(await controllerPods(world), "csi-provisioner");
  const registrar = containerOf([await nodePodOn(world, world.nodeA)], "registrar");
  world.atEnd(() => removeHostpath(world));
  await world.apply(
    ...accountOf(world.namespace),
    csiDriver,
    storageClass,
    daemonSet({ image, provisioner, registrar: registrar.image ?? "" }),
  );
  const count = world.cluster.nodes.length;
  await world.watch<V1Pod, true>({
    get: ["pods", `--selector=app=${NAME}`],
    what: `${count} pods of ${DRIVER} are ready`,
    timeoutMs: READY_MS,
    judge: (pods) => pods.filter(isReady).length === count || undefined,
  });
  await world.watch<KubeObject & { readonly capacity?: string }, true>({
    get: ["csistoragecapacities"],
    what: `${count} nodes have room in ${HOSTPATH_CLASS}`,
    timeoutMs: READY_MS,
    judge: (found) => found.filter(({ capacity = "0" }) => capacity !== "0").length >= count || undefined,
  });
}

/** Its volumes first: without its pods nobody would delete them. */
async function removeHostpath(world: World): Promise<void> {
  await world.kubectl.run(
    ["delete", "pods,persistentvolumeclaims", `--namespace=${world.namespace}`, "--selector=many"],
    { timeoutMs: READY_MS },
  );
  await world.untilNothingLeft();
  await world.delete("daemonsets.apps", [NAME]);
  await world.kubectl.run(["delete", "storageclass", HOSTPATH_CLASS, "--ignore-not-found"]);
  await world.kubectl.run(["delete", "csidriver", DRIVER, "--ignore-not-found"]);
  await world.kubectl.run(["delete", "clusterrolebinding", world.namespace, "--ignore-not-found"]);
}

function containerOf(pods: readonly V1Pod[], name: string): V1Container {
  const found = pods.flatMap(({ spec }) => spec?.containers ?? []).find((each) => each.name === name);
  expect(found !== undefined, `no pod of the driver has a container ${name}`);
  return found;
}

const csiDriver = {
  apiVersion: "storage.k8s.io/v1",
  kind: "CSIDriver",
  metadata: { name: DRIVER },
  spec: { attachRequired: false, podInfoOnMount: false, storageCapacity: true, fsGroupPolicy: "File" },
} satisfies V1CSIDriver;

const storageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: HOSTPATH_CLASS },
  provisioner: DRIVER,
  volumeBindingMode: "WaitForFirstConsumer",
} satisfies V1StorageClass;

/** It may do everything: it is gone after the scenario, and its pods are root on their nodes anyway. */
const accountOf = (namespace: string): readonly (V1ServiceAccount | V1ClusterRoleBinding)[] => [
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: NAME } },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name: NAME, namespace }],
  },
];

interface Parts {
  readonly image: string;
  /** dmthin's. */
  readonly provisioner: V1Container;
  readonly registrar: string;
}

function daemonSet({ image, provisioner, registrar }: Parts): V1DaemonSet {
  const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const node = "spec.nodeName";
  const socket = { name: "socket", mountPath: "/csi" };
  const privileged = { privileged: true };
  const shared = (name: string, mountPath: string) =>
    ({ name, mountPath, mountPropagation: "Bidirectional" }) as const;
  const directory = (name: string, path: string) => ({
    name,
    hostPath: { path, type: "DirectoryOrCreate" },
  });
  const labels = { app: NAME };
  const containers: V1Container[] = [
    {
      name: "driver",
      image,
      args: ["--endpoint=unix:///csi/csi.sock", "--nodeid=$(NODE_NAME)", "--statedir=/state"],
      env: [fromField("NODE_NAME", node)],
      securityContext: privileged,
      volumeMounts: [
        socket,
        shared("pods", `${KUBELET}/pods`),
        shared("plugins", `${KUBELET}/plugins`),
        { name: "state", mountPath: "/state" },
      ],
    },
    {
      name: "registrar",
      image: registrar,
      args: [SOCKET, `--kubelet-registration-path=${PLUGIN}/csi.sock`],
      volumeMounts: [socket, { name: "registration", mountPath: "/registration" }],
    },
    {
      name: "csi-provisioner",
      image: provisioner.image ?? "",
      args: [
        SOCKET,
        "--node-deployment",
        "--feature-gates=Topology=true",
        "--strict-topology",
        "--immediate-topology=false",
        "--enable-capacity",
        "--capacity-ownerref-level=0",
        ...(provisioner.args ?? []).filter((word) => TAKEN.test(word)),
      ],
      env: [
        fromField("NODE_NAME", node),
        fromField("POD_NAME", "metadata.name"),
        fromField("NAMESPACE", "metadata.namespace"),
      ],
      volumeMounts: [socket],
    },
  ];
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: NAME },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: NAME,
          containers,
          volumes: [
            directory("socket", PLUGIN),
            directory("registration", `${KUBELET}/plugins_registry`),
            directory("pods", `${KUBELET}/pods`),
            directory("plugins", `${KUBELET}/plugins`),
            { name: "state", emptyDir: {} },
          ],
        },
      },
    },
  };
}
