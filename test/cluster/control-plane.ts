/** etcd and kube-apiserver as processes of this machine, on loopback, for one test: the real ones, nothing stands in. */
import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { freePort } from "../support/free-port.ts";

export interface ControlPlane {
  /** Of its API server. */
  readonly url: string;
  /** A kubeconfig's file for the holder of that token. */
  kubeconfigFor(name: string, token: string): string;
  /** As system:masters. */
  readonly admin: KubeConfig;
  stop(): Promise<void>;
}

const ADMIN_TOKEN = "admin-of-the-test";
const READY_MS = 120_000;
const ISSUER = "https://kubernetes.default.svc";

/** `tools`: paths of etcd and kube-apiserver. All files are made in `directory`. */
export async function startControlPlane(
  directory: string,
  tools: { readonly etcd: string; readonly apiserver: string },
): Promise<ControlPlane> {
  mkdirSync(directory, { recursive: true });
  const [client, peer, secure] = await Promise.all([freePort(), freePort(), freePort()]);
  const file = (name: string): string => join(directory, name);
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(file("sa.key"), keys.privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
  writeFileSync(file("sa.pub"), keys.publicKey.export({ format: "pem", type: "spki" }));
  writeFileSync(file("tokens.csv"), `${ADMIN_TOKEN},admin,admin,system:masters\n`, { mode: 0o600 });
  const etcdUrl = `http://127.0.0.1:${client}`;
  const etcd = start(tools.etcd, file("etcd.log"), {
    "data-dir": file("etcd"),
    "listen-client-urls": etcdUrl,
    "advertise-client-urls": etcdUrl,
    "listen-peer-urls": `http://127.0.0.1:${peer}`,
    "initial-advertise-peer-urls": `http://127.0.0.1:${peer}`,
    "initial-cluster": `default=http://127.0.0.1:${peer}`,
  });
  const apiserver = start(tools.apiserver, file("apiserver.log"), {
    "etcd-servers": etcdUrl,
    "bind-address": "127.0.0.1",
    "secure-port": String(secure),
    "cert-dir": file("certificates"),
    "service-cluster-ip-range": "10.96.0.0/16",
    "endpoint-reconciler-type": "none",
    "authorization-mode": "Node,RBAC",
    "allow-privileged": "true",
    "token-auth-file": file("tokens.csv"),
    "service-account-issuer": ISSUER,
    "service-account-key-file": file("sa.pub"),
    "service-account-signing-key-file": file("sa.key"),
  });
  const url = `https://127.0.0.1:${secure}`;
  const config = (name: string, token: string) => ({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: url, "insecure-skip-tls-verify": true } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: "test", user: name } }],
    "current-context": name,
  });
  const admin = new KubeConfig();
  admin.loadFromString(JSON.stringify(config("admin", ADMIN_TOKEN)));
  const stop = async (): Promise<void> => {
    // The API server first: without etcd it waits.
    for (const child of [apiserver, etcd]) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  };
  try {
    await untilReady(admin, [etcd, apiserver], directory);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    admin,
    stop,
    kubeconfigFor: (name, token) => {
      const path = file(`${name}.kubeconfig`);
      writeFileSync(path, JSON.stringify(config(name, token)), { mode: 0o600 });
      return path;
    },
  };
}

function start(program: string, log: string, options: Readonly<Record<string, string>>): ChildProcess {
  const output = openSync(log, "a");
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(program, flags, { stdio: ["ignore", output, output] });
  closeSync(output);
  return child;
}

async function untilReady(
  admin: KubeConfig,
  children: readonly ChildProcess[],
  directory: string,
): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api);
  const end = performance.now() + READY_MS;
  for (;;) {
    const answer = await core.listNamespace().catch(() => undefined);
    if (answer !== undefined && answer.items.some(({ metadata }) => metadata?.name === "default")) return;
    const ended = children.some(({ exitCode }) => exitCode !== null);
    if (ended || performance.now() > end) {
      const logs = ["etcd.log", "apiserver.log"].map((name) =>
        readFileSync(join(directory, name), "utf8").slice(-2000),
      );
      throw new Error(`the control plane is not ready:\n${logs.join("\n")}`);
    }
    await sleep(200);
  }
}
