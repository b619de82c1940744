/** Controllers as processes, before a real API server; nodes serve pools in memory and enrol as real ones do. */
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoreV1Api } from "@kubernetes/client-node";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { joinCluster, type ClusterNode } from "../../src/cluster-node.ts";
import { TOPOLOGY_KEY } from "../../src/core/ids.ts";
import { Operations } from "../../src/core/operations.ts";
import { enrol } from "../../src/route/enrol.ts";
import { nodeUri, requireIdentity } from "../../src/route/identity.ts";
import { startControlPlane, type ControlPlane } from "../cluster/control-plane.ts";
import {
  CONTROLLER_ACCOUNT,
  deleteThinPool,
  installAccounts,
  installThinPools,
  installNode,
  installPod,
  NAMESPACE,
  NODE_ACCOUNT,
  POD_LABEL,
  podOf,
  thinPoolModes,
  tokenFor,
} from "../cluster/objects.ts";
import { startDriver, type TestDriver } from "../support/driver.ts";
import { freePort } from "../support/free-port.ts";
import { httpPage } from "../support/http-page.ts";
import { MemoryMounts } from "../support/memory-mounts.ts";
import { MemoryPool, memoryPools } from "../support/memory-pool.ts";
import { reportOf } from "../support/node-report.ts";
import { recordingLog } from "../support/recording-log.ts";
import { createVolumeRequest } from "../support/requests.ts";

const HOSTS = { "node-a": "127.0.0.2", "node-b": "127.0.0.3" } as const;
type NodeName = keyof typeof HOSTS;

let directory: string;
let plane: ControlPlane;
let core: CoreV1Api;
let nodePort: number;
let kubeconfig: string;
const controllers: TestDriver[] = [];
const enrolPorts: number[] = [];
const metricsPorts: number[] = [];
const followedFor = new Set<string>();
const nodes = new Map<NodeName, ClusterNode>();
const eventually = (holds: () => unknown): Promise<unknown> =>
  vi.waitFor(holds, { timeout: 50_000, interval: 100 });

async function startController(index: number, port: number): Promise<TestDriver> {
  const place = mkdtempSync(join(directory, `controller-${index}-`));
  const kubernetes = {
    namespace: NAMESPACE,
    serviceAccount: NODE_ACCOUNT,
    podLabel: `${POD_LABEL.key}=${POD_LABEL.value}`,
    nodePort,
    enrol: `127.0.0.1:${port}`,
  };
  const metrics = { listen: `127.0.0.1:${metricsPorts[index]}` };
  return startDriver({
    role: "controller",
    directory: place,
    pools: [],
    config: { kubernetes, metrics },
    environment: { KUBECONFIG: kubeconfig },
  });
}

/** The files that kubelet would show to the pod of that node. */
async function filesOf(node: NodeName, controller: number, token?: string) {
  const { data } = await core.readNamespacedConfigMap({ namespace: NAMESPACE, name: "dmthin-ca" });
  const [ca, tokenFile] = [join(directory, `${node}.ca`), join(directory, `${node}.token`)];
  writeFileSync(ca, data?.["ca.crt"] ?? "");
  writeFileSync(tokenFile, token ?? (await tokenFor(plane.admin, { node })));
  return { controller: `127.0.0.1:${enrolPorts[controller]}`, ca, token: tokenFile };
}

async function startNode(name: NodeName, digit: string, controller: number): Promise<void> {
  const pool = new MemoryPool("fast", digit);
  const pools = memoryPools([pool]);
  const driver = {
    version: "1",
    node: { name, topology: name, maxVolumes: 0 },
    mounts: new MemoryMounts(),
    pools: () => pools,
  };
  const cluster = {
    listen: { host: HOSTS[name], port: nodePort },
    enrol: await filesOf(name, controller),
  };
  const { log } = recordingLog();
  nodes.set(
    name,
    joinCluster({
      cluster,
      driver,
      operations: new Operations(),
      report: async () => [reportOf(pool)],
      followedFor: (uid) => followedFor.add(uid),
      log,
    }),
  );
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "api-"));
  const { ETCD: etcd = "", KUBE_APISERVER: apiserver = "" } = process.env;
  if (etcd === "" || apiserver === "") throw new Error("ETCD or KUBE_APISERVER is not set: run `make api`");
  plane = await startControlPlane(join(directory, "plane"), { etcd, apiserver });
  core = plane.admin.makeApiClient(CoreV1Api);
  await installAccounts(plane.admin);
  await installThinPools(plane.admin);
  for (const name of ["node-a", "node-b"] as const) await installNode(plane.admin, name, HOSTS[name]);
  nodePort = await freePort();
  // With the rights that they need, and no more.
  const token = await tokenFor(plane.admin, { account: CONTROLLER_ACCOUNT, audience: "" });
  kubeconfig = plane.kubeconfigFor("controller", token);
  enrolPorts.push(await freePort(), await freePort());
  metricsPorts.push(await freePort(), await freePort());
  controllers.push(...(await Promise.all(enrolPorts.map((port, index) => startController(index, port)))));
  await startNode("node-a", "a", 0);
  await startNode("node-b", "b", 1);
});

afterAll(async () => {
  await Promise.all(controllers.map((controller) => controller.stop()));
  await Promise.all(
    [...nodes.values()].map((node) => node.drain({ idle: () => Promise.resolve(), withinMs: 1000 })),
  );
  await plane.stop();
  rmSync(directory, { recursive: true });
});

const volumes = async ({ client }: TestDriver): Promise<readonly string[]> => {
  const { entries } = await client.controller.listVolumes({});
  return entries.map(({ volume }) => volume?.volume_id ?? "");
};

describe("two controllers that started at once", () => {
  test("have one CA, which is in one Secret, and whose certificate nodes can read", async () => {
    const { items } = await core.listNamespacedSecret({ namespace: NAMESPACE });
    expect(items.map(({ metadata, type }) => [metadata?.name, type])).toEqual([
      ["dmthin-ca", "kubernetes.io/tls"],
    ]);
    const { data } = await core.readNamespacedConfigMap({ namespace: NAMESPACE, name: "dmthin-ca" });
    expect(data?.["ca.crt"]).toBe(Buffer.from(items[0]?.data?.["tls.crt"] ?? "", "base64").toString());
  });

  test("both route to nodes that enrolled with either", async () => {
    for (const controller of controllers) await eventually(() => volumes(controller));
    const [one, other] = controllers;
    if (one === undefined || other === undefined) throw new Error("two controllers");
    const request = (name: string, node: NodeName) =>
      createVolumeRequest({
        name,
        accessibility_requirements: { preferred: [{ segments: { [TOPOLOGY_KEY]: node } }] },
      });
    const { volume } = await one.client.controller.createVolume(request("pvc-1", "node-b"));
    const again = await other.client.controller.createVolume(request("pvc-1", "node-a"));
    expect(again.volume).toEqual(volume);
    expect(await volumes(other)).toEqual([volume?.volume_id]);
  });

  test("logged no key and no token", () => {
    for (const { log } of controllers)
      expect(readFileSync(log, "utf8")).not.toMatch(/PRIVATE KEY|eyJ[\w-]{20}/);
  });
});

describe("a node's token", () => {
  test("is refused by the API server", async () => {
    const token = await tokenFor(plane.admin, { node: "node-a" });
    const insecure = { rejectUnauthorized: false };
    const { request } = await import("node:https");
    const code = await new Promise((resolve, reject) => {
      request(
        `${plane.url}/api/v1/nodes`,
        { ...insecure, headers: { authorization: `Bearer ${token}` } },
        (answer) => resolve(answer.statusCode),
      )
        .on("error", reject)
        .end();
    });
    expect(code).toBe(401);
  });

  test("gives a certificate of its own node, and of no other", async () => {
    const material = await enrol(await filesOf("node-a", 1));
    expect(() => requireIdentity(material, nodeUri("node-a"))).not.toThrow();
    expect(() => requireIdentity(material, nodeUri("node-b"))).toThrow(/not of dmthin:\/\/node\/node-b/);
  });

  test.each([
    ["for another audience", { node: "node-a", audience: "other" }, /none of this cluster/],
    ["for the API server", { node: "node-a", audience: "" }, /none of this cluster/],
    ["that is bound to no pod", {}, /bound to no pod/],
    [
      "of another account",
      { account: CONTROLLER_ACCOUNT },
      /not of system:serviceaccount:dmthin-system:dmthin-node/,
    ],
  ])("%s gives none", async (_what, options, reason) => {
    const token = await tokenFor(plane.admin, options);
    await expect(enrol(await filesOf("node-a", 0, token))).rejects.toThrow(reason);
  });

  test("that somebody made up gives none", async () => {
    await expect(enrol(await filesOf("node-a", 0, "e30.e30.e30"))).rejects.toThrow(/none of this cluster/);
  });

  test("is sent to nobody who is not a controller of this CA", async () => {
    const files = await filesOf("node-a", 0);
    writeFileSync(files.ca, readFileSync(join(directory, "plane/certificates/apiserver.crt")));
    await expect(enrol(files)).rejects.toThrow(/self-signed|unable to/);
  });
});

describe("the roster", () => {
  const failure = async (): Promise<string> => {
    const [controller] = controllers;
    if (controller === undefined) throw new Error("a controller");
    return volumes(controller).then(
      () => "",
      (error: unknown) => (error as { details: string }).details,
    );
  };

  test("keeps a node whose pod is gone, and takes it back with its next pod", async () => {
    await core.deleteNamespacedPod({ namespace: NAMESPACE, name: podOf("node-b"), gracePeriodSeconds: 0 });
    await eventually(async () =>
      expect(await failure()).toMatch(/node-b does not answer: its driver does not run/),
    );
    await installPod(plane.admin, "node-b", HOSTS["node-b"]);
    await eventually(async () => expect(await failure()).toBe(""));
  });

  test("does not let a node stand in for another whose place it has", async () => {
    await core.deleteNamespacedPod({ namespace: NAMESPACE, name: podOf("node-a"), gracePeriodSeconds: 0 });
    await installPod(plane.admin, "node-a", HOSTS["node-b"]);
    await eventually(async () =>
      expect(await failure()).toMatch(
        /node-a does not answer:.*certificate is of URI:dmthin:\/\/node\/node-b/,
      ),
    );
  });

  test("forgets a node when its Node and its pod are gone", async () => {
    await core.deleteNamespacedPod({ namespace: NAMESPACE, name: podOf("node-a"), gracePeriodSeconds: 0 });
    await core.deleteNode({ name: "node-a" });
    await eventually(async () => expect(await failure()).toBe(""));
    const [controller] = controllers;
    await expect(
      controller?.client.controller.createVolume(
        createVolumeRequest({
          name: "late",
          accessibility_requirements: { preferred: [{ segments: { [TOPOLOGY_KEY]: "node-a" } }] },
        }),
      ),
    ).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});

describe("the controller that leads", () => {
  const leaders = async (): Promise<readonly number[]> => {
    const pages = await Promise.all(metricsPorts.map((port) => httpPage(port, "/metrics").catch(() => "")));
    return pages.flatMap((text, index) => (/^dmthin_controller_leader 1$/m.test(text) ? [index] : []));
  };
  test("is one, and writes a ThinPool for each pool of a node that is there", async () => {
    await eventually(async () => expect(await leaders()).toHaveLength(1));
    await eventually(async () => expect(await thinPoolModes(plane.admin)).toEqual(["node-b.fast rw"]));
    const [leader = 0] = await leaders();
    const text = await httpPage(metricsPorts[leader] ?? 0, "/metrics");
    expect(text).toMatch(
      /^dmthin_api_requests_total\{verb="update",resource="thinpools\/status",code="200"\} [1-9]/m,
    );
    expect(text).toMatch(/^dmthin_controller_nodes\{state="there"\} 1$/m);
    expect(text).toMatch(/^dmthin_rpc_duration_seconds_count\{method="CreateVolume",code="/m);
    expect(await httpPage(metricsPorts[1 - leader] ?? 0, "/readyz")).toBe("ready\n");
  });

  test("has told nodes which cluster they are followed for", async () => {
    expect([...followedFor]).toEqual([(await core.readNamespace({ name: "kube-system" })).metadata?.uid]);
  });

  test("is another when it dies, which goes on with what is there", async () => {
    const [leader = 0] = await leaders();
    await controllers[leader]?.kill();
    await eventually(async () => expect(await leaders()).toEqual([1 - leader]));
    await deleteThinPool(plane.admin, "node-b.fast");
    await eventually(async () => expect(await thinPoolModes(plane.admin)).toEqual(["node-b.fast rw"]));
    controllers[leader] = await startController(leader, enrolPorts[leader] ?? 0);
  });
});

test("controllers end by themselves, and cleanly", async () => {
  expect(await Promise.all(controllers.splice(0).map((controller) => controller.stop()))).toEqual([0, 0]);
});
