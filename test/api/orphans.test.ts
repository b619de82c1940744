/** Orphans of a cluster before a real API server, with the rights of a controller; nodes serve pools in memory. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoreV1Api, CustomObjectsApi } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { connectApi, type Api } from "../../src/kube/api.ts";
import { lookForOrphans } from "../../src/kube/cluster-look.ts";
import { readClusterUid } from "../../src/kube/cluster-uid.ts";
import { EventRecorder } from "../../src/kube/events.ts";
import { watchForOrphans } from "../../src/kube/orphan-watch.ts";
import type { ClusterOrphanList } from "../../src/core/cluster-orphans.ts";
import { objectKey, snapshotId, volumeId, type SnapshotId, type VolumeId } from "../../src/core/ids.ts";
import { ControllerMonitor } from "../../src/monitor/controller-monitor.ts";
import { runOrphansCommand } from "../../src/commands/orphans-command.ts";
import { startControlPlane, type ControlPlane } from "../cluster/control-plane.ts";
import {
  CONTROLLER_ACCOUNT,
  installAccounts,
  installSnapshotContents,
  NAMESPACE,
  tokenFor,
} from "../cluster/objects.ts";
import { installVolume } from "../cluster/volumes.ts";
import {
  rosterOf,
  startNode,
  startRouter,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "../support/fleet-bench.ts";
import { freePort } from "../support/free-port.ts";
import { httpPage } from "../support/http-page.ts";
import { recordingLog } from "../support/recording-log.ts";
import { snapshotRecord, volumeRecord } from "../support/records.ts";

const OLD = "2026-01-01T00:00:00.000Z";

let directory: string;
let plane: ControlPlane;
let core: CoreV1Api;
let custom: CustomObjectsApi;
let api: Api;
let clusterUid: string;
let nodes: readonly SimulatedNode[];
let router: RouterBench;

const volumeOf = (node: number, index: number): VolumeId =>
  volumeId(at(node).pool.uuid, objectKey(index.toString(16).padStart(20, "0")));
const snapshotOf = (node: number, index: number): SnapshotId =>
  snapshotId(at(node).pool.uuid, objectKey(index.toString(16).padStart(20, "0")));

function at(index: number): SimulatedNode {
  const node = nodes[index];
  if (node === undefined) throw new RangeError(`no node ${index}`);
  return node;
}

const look = (): Promise<ClusterOrphanList> =>
  lookForOrphans(api, { nodes: () => router.fleet.nodes, clusterUid, namespace: NAMESPACE });
const named = ({ orphans }: ClusterOrphanList): readonly string[] =>
  orphans.map(({ kind, name, node }) => `${kind} ${name} ${node}`);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "orphans-"));
  const { ETCD: etcd = "", KUBE_APISERVER: apiserver = "" } = process.env;
  if (etcd === "" || apiserver === "") throw new Error("ETCD or KUBE_APISERVER is not set: run `make api`");
  plane = await startControlPlane(join(directory, "plane"), { etcd, apiserver });
  core = plane.admin.makeApiClient(CoreV1Api);
  custom = plane.admin.makeApiClient(CustomObjectsApi);
  await installAccounts(plane.admin);
  const token = await tokenFor(plane.admin, { account: CONTROLLER_ACCOUNT, audience: "" });
  vi.stubEnv("KUBECONFIG", plane.kubeconfigFor("controller", token));
  api = connectApi({ version: "test", answered: () => {} });
  clusterUid = await vi.waitFor(() => readClusterUid(api), { timeout: 30_000, interval: 200 });
  nodes = [await startNode("node-a", "a"), await startNode("node-b", "b")];
  router = await startRouter(rosterOf(nodes));
  await untilConnected(router);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await router.stop();
  for (const node of nodes) await node.stop();
  await plane.stop();
  rmSync(directory, { recursive: true });
});

const put = (node: number, index: number, name: string, changes: object = {}): void =>
  at(node).pool.putVolume(
    volumeRecord(index, { id: volumeOf(node, index), name, createdAt: OLD, clusterUid, ...changes }),
  );

describe("volumes", () => {
  test("of which the cluster knows nothing are found, and no others", async () => {
    put(0, 1, "pvc-known");
    await installVolume(plane.admin, { name: "pvc-known", handle: volumeOf(0, 1), claim: "one" });
    put(1, 2, "pvc-retained");
    await installVolume(plane.admin, {
      name: "pvc-retained",
      handle: volumeOf(1, 2),
      claim: "two",
      phase: "Released",
      policy: "Retain",
    });
    put(0, 3, "pvc-lost");
    put(0, 4, "pvc-of-another-cluster", { clusterUid: "another" });
    put(0, 5, "pvc-just-made", { createdAt: new Date().toISOString() });
    // Of another driver, with the very handle.
    await installVolume(plane.admin, {
      name: "foreign",
      handle: volumeOf(0, 3),
      claim: "three",
      driver: "other.example",
    });
    const list = await look();
    expect(named(list)).toEqual([`volume ${volumeOf(0, 3)} node-a`]);
    expect(list.unjudged).toEqual([]);
  });

  test("of a node that is away are not judged", async () => {
    put(1, 6, "pvc-lost-on-b");
    expect(named(await look())).toContain(`volume ${volumeOf(1, 6)} node-b`);
    router.fleet.follow([...rosterOf([at(0)]), { name: "node-b" }]);
    const list = await look();
    expect(named(list)).toEqual([`volume ${volumeOf(0, 3)} node-a`]);
    expect(list.unjudged.map(({ name }) => name)).toEqual(["node node-b"]);
    router.fleet.follow(rosterOf(nodes));
    await untilConnected(router);
  });

  test("that are gone, though a PersistentVolume is there, are found where their node can tell", async () => {
    await installVolume(plane.admin, { name: "pvc-gone", handle: volumeOf(1, 9), claim: "nine" });
    await installVolume(plane.admin, {
      name: "pvc-going-too",
      handle: volumeOf(1, 10),
      claim: "ten",
      phase: "Released",
    });
    const later = {
      nodes: () => router.fleet.nodes,
      clusterUid,
      namespace: NAMESPACE,
      now: () => Date.now() + 7_200_000,
    };
    expect(named(await look())).not.toContain("persistentvolume pvc-gone node-b");
    const missing = async () =>
      named(await lookForOrphans(api, later)).filter((each) => each.startsWith("persistent"));
    expect(await missing()).toEqual(["persistentvolume pvc-gone node-b"]);
    router.fleet.follow([...rosterOf([at(0)]), { name: "node-b" }]);
    expect(await missing()).toEqual([]);
    router.fleet.follow(rosterOf(nodes));
    await untilConnected(router);
  });

  test("that are deleted while it is looked are no orphans", async () => {
    put(0, 7, "pvc-going");
    const lists = api.core.listPersistentVolume.bind(api.core);
    const core_ = Object.assign(Object.create(api.core) as CoreV1Api, {
      listPersistentVolume: async (...options: Parameters<CoreV1Api["listPersistentVolume"]>) => {
        await at(0).pool.deleteVolume(volumeOf(0, 7));
        return lists(...options);
      },
    });
    const list = await lookForOrphans(
      { ...api, core: core_ },
      { nodes: () => router.fleet.nodes, clusterUid, namespace: NAMESPACE },
    );
    expect(named(list)).not.toContain(`volume ${volumeOf(0, 7)} node-a`);
  });
});

describe("snapshots", () => {
  test("are not judged where the cluster does not have their kind", async () => {
    at(0).pool.putSnapshot(
      snapshotRecord(1, { id: snapshotOf(0, 1), name: "snapshot-1", createdAt: OLD, clusterUid }),
    );
    expect((await look()).unjudged).toEqual([
      { name: "snapshots", why: "the cluster has no VolumeSnapshotContents" },
    ]);
  });

  test("and contents are compared where it does", async () => {
    await installSnapshotContents(plane.admin);
    const place = { group: "snapshot.storage.k8s.io", version: "v1", plural: "volumesnapshotcontents" };
    const body = {
      apiVersion: "snapshot.storage.k8s.io/v1",
      kind: "VolumeSnapshotContent",
      metadata: { name: "content-2" },
      spec: { driver: "csi.dmthin.io", source: { snapshotHandle: snapshotOf(0, 1) } },
    };
    await custom.createClusterCustomObject({ ...place, body });
    expect(named(await look()).filter((each) => each.includes("snapshot"))).toEqual([]);
    await custom.deleteClusterCustomObject({ ...place, name: "content-2" });
    expect(named(await look())).toContain(`snapshot ${snapshotOf(0, 1)} node-a`);
  });
});

test("a controller tells of them: metrics, Events after the second look, and the command", async () => {
  const { log } = recordingLog();
  const monitor = new ControllerMonitor("1.2.3", () => ({
    ready: true,
    leads: true,
    nodesThere: 2,
    nodesAway: 0,
  }));
  const port = await freePort();
  const stateDirectory = join(directory, "state");
  await monitor.listen({
    listen: { host: "127.0.0.1", port },
    stateDirectory,
    orphans: look,
    cleanOrphans: async () => undefined,
    log,
  });
  expect(await httpPage(port, "/metrics")).not.toMatch(/^dmthin_orphans/m);
  const recorder = new EventRecorder(api, "controller-1", log);
  const stop = watchForOrphans({
    look,
    recorder,
    found: (list) => monitor.counters.orphansFound(list),
    everyMs: 1000,
    log,
  });
  const events = async () =>
    (await core.listNamespacedEvent({ namespace: "default" })).items
      .filter(({ reason }) => reason?.startsWith("Orphaned"))
      .map(({ involvedObject, reason, message }) => [involvedObject.name, reason, message]);
  await vi.waitFor(async () => expect((await events()).length).toBeGreaterThanOrEqual(3), {
    timeout: 20_000,
  });
  stop();
  expect(await events()).toContainEqual([
    "node-a",
    "OrphanedVolumes",
    `pool fast holds 1 volumes that nothing in the cluster has: ${volumeOf(0, 3)}`,
  ]);
  expect(await httpPage(port, "/metrics")).toMatch(/^dmthin_orphans\{kind="volume"\} 2$/m);
  expect(await httpPage(port, "/readyz")).toBe("ready\n");
  expect(await httpPage(port, "/orphans")).toMatch(/^no such page/);
  const said = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const configuration = join(directory, "controller.yaml");
  writeFileSync(configuration, `stateDirectory: ${stateDirectory}\n`);
  const code = await runOrphansCommand({ kind: "orphans", cluster: true, json: false, configuration });
  const text = said.mock.calls.map(([chunk]) => String(chunk)).join("");
  said.mockRestore();
  monitor.close();
  expect(code).toBe(4);
  expect(text).toMatch(
    new RegExp(`^volume +${volumeOf(0, 3)} +node-a +fast +${OLD} +no PersistentVolume has it$`, "m"),
  );
});
