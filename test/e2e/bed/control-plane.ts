/** etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes in the bed's namespaces. */
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { daemon, hasEnded, until } from "./children.ts";
import { API_ADDRESS, SERVICE_CIDR, type BedNode } from "./layout.ts";

/** Paths of programs. */
export interface ControlPlaneTools {
  readonly etcd: string;
  readonly apiserver: string;
  readonly controllerManager: string;
  readonly scheduler: string;
}

const READY_MS = 120_000;
const ISSUER = "https://kubernetes.default.svc";
const ETCD = "http://127.0.0.1:2379";
const ETCD_PEER = "http://127.0.0.1:2380";
export const API_URL = `https://${API_ADDRESS}:443`;

const options = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`);

/** A kubeconfig as JSON. The API server makes its own certificate, which names `kubernetes`. */
export const kubeconfig = (server: string, ca: string, name: string, token: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "dmthin-e2e",
        cluster: {
          server,
          "tls-server-name": "kubernetes",
          "certificate-authority-data": Buffer.from(ca).toString("base64"),
        },
      },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name: "dmthin-e2e", context: { cluster: "dmthin-e2e", user: name } }],
    "current-context": "dmthin-e2e",
  });

export interface ControlPlane {
  readonly admin: KubeConfig;
  /** PEM. */
  readonly ca: string;
  readonly adminToken: string;
  nodeToken(node: BedNode): string;
}

/** Files and logs are in `directory`. Resolves when the API answers. */
export async function startControlPlane(
  directory: string,
  nodes: readonly BedNode[],
  tools: ControlPlaneTools,
): Promise<ControlPlane> {
  mkdirSync(directory, { recursive: true });
  const file = (name: string): string => join(directory, name);
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(file("sa.key"), keys.privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
  writeFileSync(file("sa.pub"), keys.publicKey.export({ format: "pem", type: "spki" }));
  const adminToken = randomUUID();
  const nodeTokens = new Map(nodes.map(({ name }) => [name, randomUUID()]));
  const tokens = [
    `${adminToken},admin,admin,system:masters`,
    ...nodes.map(({ name }) => `${nodeTokens.get(name)},system:node:${name},${name},system:nodes`),
  ];
  writeFileSync(file("tokens.csv"), `${tokens.join("\n")}\n`, { mode: 0o600 });
  const etcd = daemon(file("etcd.log"), [
    tools.etcd,
    "--unsafe-no-fsync",
    ...options({
      "data-dir": file("etcd"),
      "listen-client-urls": ETCD,
      "advertise-client-urls": ETCD,
      "listen-peer-urls": ETCD_PEER,
      "initial-advertise-peer-urls": ETCD_PEER,
      "initial-cluster": `default=${ETCD_PEER}`,
    }),
  ]);
  const apiserver = daemon(file("kube-apiserver.log"), [
    tools.apiserver,
    ...options({
      "etcd-servers": ETCD,
      "bind-address": API_ADDRESS,
      "advertise-address": API_ADDRESS,
      "secure-port": "443",
      "cert-dir": file("certificates"),
      "service-cluster-ip-range": SERVICE_CIDR,
      "endpoint-reconciler-type": "none",
      "kubelet-preferred-address-types": "InternalIP",
      "authorization-mode": "Node,RBAC",
      "enable-admission-plugins": "NodeRestriction",
      "token-auth-file": file("tokens.csv"),
      "service-account-issuer": ISSUER,
      "service-account-key-file": file("sa.pub"),
      "service-account-signing-key-file": file("sa.key"),
      "allow-privileged": "true",
    }),
  ]);
  const admin = new KubeConfig();
  let ca = "";
  await until("the API server is ready", READY_MS, async () => {
    if (hasEnded(etcd) || hasEnded(apiserver)) throw new Error(`the API server ended: see ${directory}`);
    if (ca === "") {
      ca = readIfThere(file("certificates/apiserver.crt"));
      if (ca === "") return false;
      writeFileSync(file("admin.kubeconfig"), kubeconfig(API_URL, ca, "admin", adminToken), { mode: 0o600 });
      admin.loadFromFile(file("admin.kubeconfig"));
    }
    return isReady(admin);
  });
  const common = { kubeconfig: file("admin.kubeconfig"), "leader-elect": "false" };
  daemon(file("kube-controller-manager.log"), [
    tools.controllerManager,
    ...options({
      ...common,
      // Half of the default: tests cut the power of nodes and wait for it to be seen.
      "node-monitor-grace-period": "20s",
      "use-service-account-credentials": "true",
      "service-account-private-key-file": file("sa.key"),
      "root-ca-file": file("certificates/apiserver.crt"),
    }),
  ]);
  daemon(file("kube-scheduler.log"), [tools.scheduler, ...options(common)]);
  return { admin, ca, adminToken, nodeToken: ({ name }) => nodeTokens.get(name) ?? "" };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function isReady(admin: KubeConfig): Promise<boolean> {
  const answer = await admin
    .makeApiClient(CoreV1Api)
    .listNamespace()
    .catch(() => undefined);
  return answer?.items.some(({ metadata }) => metadata?.name === "default") ?? false;
}
