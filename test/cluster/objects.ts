/** What a chart and kubelets would have made: the accounts, their rights, nodes and the pods of node drivers. */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CoreV1Api,
  CustomObjectsApi,
  RbacAuthorizationV1Api,
  type KubeConfig,
} from "@kubernetes/client-node";
import { DRIVER_NAME, TOPOLOGY_KEY } from "../../src/core/ids.ts";

export const NAMESPACE = "dmthin-system";
export const NODE_ACCOUNT = "dmthin-node";
export const CONTROLLER_ACCOUNT = "dmthin-controller";
export const POD_LABEL = { key: "app.kubernetes.io/component", value: "node" };

/** All that a controller may do; docs/reference/cluster.md says why. The chart gives the same. */
export const CLUSTER_RULES = [
  { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
  { apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"] },
  { apiGroups: ["dmthin.io"], resources: ["thinpools"], verbs: ["list", "watch", "create", "delete"] },
  { apiGroups: ["dmthin.io"], resources: ["thinpools/status"], verbs: ["update"] },
  { apiGroups: [""], resources: ["namespaces"], resourceNames: ["kube-system"], verbs: ["get"] },
  { apiGroups: [""], resources: ["persistentvolumes"], verbs: ["get", "list"] },
  { apiGroups: [""], resources: ["persistentvolumeclaims"], verbs: ["list"] },
  { apiGroups: ["snapshot.storage.k8s.io"], resources: ["volumesnapshotcontents"], verbs: ["list"] },
  { apiGroups: ["snapshot.storage.k8s.io"], resources: ["volumesnapshots"], verbs: ["list"] },
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
];
export const NAMESPACE_RULES = [
  { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
  { apiGroups: [""], resources: ["secrets", "configmaps"], verbs: ["create"] },
  { apiGroups: [""], resources: ["secrets"], resourceNames: ["dmthin-ca"], verbs: ["get"] },
  { apiGroups: [""], resources: ["configmaps"], verbs: ["list"] },
  {
    apiGroups: [""],
    resources: ["configmaps"],
    resourceNames: ["dmthin-ca", "dmthin-orphans"],
    verbs: ["get", "update"],
  },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    resourceNames: ["dmthin-controller"],
    verbs: ["get", "update"],
  },
];

export async function installAccounts(admin: KubeConfig): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api);
  const rbac = admin.makeApiClient(RbacAuthorizationV1Api);
  await core.createNamespace({ body: { metadata: { name: NAMESPACE } } });
  for (const name of [NODE_ACCOUNT, CONTROLLER_ACCOUNT])
    await core.createNamespacedServiceAccount({ namespace: NAMESPACE, body: { metadata: { name } } });
  const metadata = { name: CONTROLLER_ACCOUNT };
  const subjects = [{ kind: "ServiceAccount", name: CONTROLLER_ACCOUNT, namespace: NAMESPACE }];
  const roleRef = (kind: string) => ({
    apiGroup: "rbac.authorization.k8s.io",
    kind,
    name: CONTROLLER_ACCOUNT,
  });
  await rbac.createClusterRole({ body: { metadata, rules: CLUSTER_RULES } });
  await rbac.createClusterRoleBinding({ body: { metadata, subjects, roleRef: roleRef("ClusterRole") } });
  const namespace = NAMESPACE;
  await rbac.createNamespacedRole({ namespace, body: { metadata, rules: NAMESPACE_RULES } });
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: { metadata, subjects, roleRef: roleRef("Role") },
  });
}

const THIN_POOL = { group: "dmthin.io", version: "v1alpha1", plural: "thinpools" };
const THIN_POOLS = join(import.meta.dirname, "../../charts/dmthin/files/thinpools.yaml");

/** The kind as the chart installs it; done when it is served. */
export const installThinPools = (admin: KubeConfig): Promise<void> =>
  installKind(admin, readFileSync(THIN_POOLS, "utf8"), THIN_POOL);

/**
 * `definition`: YAML, sent as it is: the client would leave out what its types have other names for. Rejects where the API
 * server does not know a field.
 */
export async function installKind(
  admin: KubeConfig,
  definition: string,
  place: { readonly group: string; readonly version: string; readonly plural: string },
): Promise<void> {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?fieldValidation=Strict";
  const headers = {
    "content-type": "application/yaml",
    authorization: `Bearer ${admin.getCurrentUser()?.token ?? ""}`,
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const url = `${admin.getCurrentCluster()?.server ?? ""}${path}`;
  request(url, { method: "POST", rejectUnauthorized: false, headers }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.on("end", () => {
      if (answer.statusCode === 201) resolve();
      else reject(new Error(Buffer.concat(chunks).toString()));
    });
  })
    .on("error", reject)
    .end(definition);
  await promise;
  const custom = admin.makeApiClient(CustomObjectsApi);
  for (let tries = 0; ; tries += 1) {
    try {
      await custom.listClusterCustomObject(place);
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(100);
    }
  }
}

export const installSnapshotContents = (admin: KubeConfig): Promise<void> =>
  installSnapshotKind(admin, "VolumeSnapshotContent", "Cluster");

export const installVolumeSnapshots = (admin: KubeConfig): Promise<void> =>
  installSnapshotKind(admin, "VolumeSnapshot", "Namespaced");

/** With no more of the schema than tests use. */
function installSnapshotKind(admin: KubeConfig, kind: string, scope: string): Promise<void> {
  const plural = `${kind.toLowerCase()}s`;
  const place = { group: "snapshot.storage.k8s.io", version: "v1", plural };
  const definition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${place.plural}.${place.group}`,
      annotations: { "api-approved.kubernetes.io": "unapproved, of a test" },
    },
    spec: {
      group: place.group,
      scope,
      names: { kind, plural },
      versions: [
        {
          name: place.version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  };
  // JSON is YAML.
  return installKind(admin, JSON.stringify(definition), place);
}

/** A Node as kubelet labels it once the driver has registered, and the running pod of its driver. */
export async function installNode(admin: KubeConfig, node: string, podIP: string): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api);
  await core.createNode({ body: { metadata: { name: node, labels: { [TOPOLOGY_KEY]: node } } } });
  await installPod(admin, node, podIP);
}

export async function installPod(admin: KubeConfig, node: string, podIP: string): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api);
  const [namespace, name] = [NAMESPACE, podOf(node)];
  await core.createNamespacedPod({
    namespace,
    body: {
      metadata: { name, labels: { [POD_LABEL.key]: POD_LABEL.value } },
      spec: {
        nodeName: node,
        serviceAccountName: NODE_ACCOUNT,
        automountServiceAccountToken: false,
        containers: [{ name: "driver", image: "none" }],
      },
    },
  });
  const pod = await core.readNamespacedPod({ namespace, name });
  Object.assign(pod.status ?? {}, { phase: "Running", podIP, podIPs: [{ ip: podIP }] });
  await core.replaceNamespacedPodStatus({ namespace, name, body: pod });
}

export const podOf = (node: string): string => `dmthin-${node}`;

export interface TokenOptions {
  readonly account?: string;
  readonly audience?: string;
  /** The node whose driver's pod it is bound to; absent: to none. */
  readonly node?: string;
}

/** As kubelet gets it for a projected volume. */
export async function tokenFor(
  admin: KubeConfig,
  { account = NODE_ACCOUNT, audience = DRIVER_NAME, node }: TokenOptions,
): Promise<string> {
  const core = admin.makeApiClient(CoreV1Api);
  const namespace = NAMESPACE;
  const pod = node === undefined ? undefined : await core.readNamespacedPod({ namespace, name: podOf(node) });
  const bound = pod?.metadata;
  const { status } = await core.createNamespacedServiceAccountToken({
    namespace,
    name: account,
    body: {
      spec: {
        audiences: audience === "" ? [] : [audience],
        ...(bound === undefined
          ? {}
          : {
              boundObjectRef: { apiVersion: "v1", kind: "Pod", name: bound.name ?? "", uid: bound.uid ?? "" },
            }),
      },
    },
  });
  return status?.token ?? "";
}

export async function deleteThinPool(admin: KubeConfig, name: string): Promise<void> {
  await admin.makeApiClient(CustomObjectsApi).deleteClusterCustomObject({ ...THIN_POOL, name });
}

/** Of each ThinPool, its name and mode. */
export async function thinPoolModes(admin: KubeConfig): Promise<readonly string[]> {
  const list: unknown = await admin.makeApiClient(CustomObjectsApi).listClusterCustomObject(THIN_POOL);
  const { items } = list as { items: { metadata: { name: string }; status?: { mode: string } }[] };
  return items.map(({ metadata, status }) => `${metadata.name} ${status?.mode}`);
}
