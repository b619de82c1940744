/** Events before a real API server, with the rights of a controller; nodes serve pools in memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoreV1Api, type CoreV1Event } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { connectApi, type Api } from "../../src/kube/api.ts";
import { EventRecorder } from "../../src/kube/events.ts";
import { MOST_CLAIMS, PoolNews } from "../../src/kube/pool-news.ts";
import { DamageNotes } from "../../src/csi/damage.ts";
import { DamagedVolumeError } from "../../src/core/errors.ts";
import { objectKey, volumeId, type VolumeId } from "../../src/core/ids.ts";
import { bytes, GIB } from "../../src/core/units.ts";
import {
  planThinPools,
  THIN_POOL_TIMES,
  type NodeSight,
  type ThinPoolWrite,
} from "../../src/plan/thin-pools.ts";
import { startControlPlane, type ControlPlane } from "../cluster/control-plane.ts";
import { CONTROLLER_ACCOUNT, installAccounts, tokenFor } from "../cluster/objects.ts";
import { installVolume } from "../cluster/volumes.ts";
import {
  rosterOf,
  startNode,
  startRouter,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "../support/fleet-bench.ts";
import { nodeSight, openSight } from "../support/node-sights.ts";
import { recordingLog } from "../support/recording-log.ts";
import { volumeRecord } from "../support/records.ts";

let directory: string;
let plane: ControlPlane;
let admin: CoreV1Api;
let api: Api;
let node: SimulatedNode;
let router: RouterBench;
let news: PoolNews;
const damage = new DamageNotes(() => node.feed.poke());
const eventually = (holds: () => unknown): Promise<unknown> =>
  vi.waitFor(holds, { timeout: 30_000, interval: 100 });

const VOLUMES = 25;
/** Those of which there is no PersistentVolume: pre-provisioned ones may have any name. */
const UNKNOWN = 2;
const idOf = (index: number): VolumeId =>
  volumeId(node.pool.uuid, objectKey(index.toString(16).padStart(20, "0")));
const pvOf = (index: number): string => `pvc-${String(index).padStart(4, "0")}`;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "events-"));
  const { ETCD: etcd = "", KUBE_APISERVER: apiserver = "" } = process.env;
  if (etcd === "" || apiserver === "") throw new Error("ETCD or KUBE_APISERVER is not set: run `make api`");
  plane = await startControlPlane(join(directory, "plane"), { etcd, apiserver });
  admin = plane.admin.makeApiClient(CoreV1Api);
  await installAccounts(plane.admin);
  await admin.createNamespace({ body: { metadata: { name: "apps" } } });
  const token = await tokenFor(plane.admin, { account: CONTROLLER_ACCOUNT, audience: "" });
  vi.stubEnv("KUBECONFIG", plane.kubeconfigFor("controller", token));
  api = connectApi({ version: "test", answered: () => {} });
  node = await startNode("node-a", "a", undefined, damage);
  for (let index = 1; index <= VOLUMES; index += 1) {
    const size = bytes(BigInt(index) * GIB);
    node.pool.putVolume(volumeRecord(index, { id: idOf(index), name: pvOf(index), size }));
    if (index > VOLUMES - UNKNOWN) continue;
    const handle = idOf(index);
    await installVolume(plane.admin, { name: pvOf(index), handle, claim: `claim-${index}` });
  }
  router = await startRouter(rosterOf([node]));
  await untilConnected(router);
  const { log } = recordingLog();
  news = new PoolNews(api, {
    nodes: () => router.fleet.nodes,
    recorder: new EventRecorder(api, "controller-1", log),
    log,
  });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  news.close();
  await router.stop();
  await node.stop();
  await plane.stop();
  rmSync(directory, { recursive: true });
});

afterEach(async () => {
  for (const namespace of ["default", "apps"]) await admin.deleteCollectionNamespacedEvent({ namespace });
});

/** As `kubectl describe` reads them. */
const eventsOf = async (namespace: string): Promise<readonly CoreV1Event[]> =>
  (await admin.listNamespacedEvent({ namespace })).items.filter(({ source, reportingComponent }) =>
    [source?.component, reportingComponent].includes("csi.dmthin.io"),
  );

const low = { type: "DataLow", reason: "its data is filling: 81 % (81 GiB of 100 GiB)" } as const;
const calm = [nodeSight("node-a", [openSight("fast", "a")])];
const filling = [nodeSight("node-a", [openSight("fast", "a", { conditions: [low] })])];

/** What becomes of `after` where `before` was written. */
function turn(before: readonly NodeSight[], after: readonly NodeSight[]): void {
  const look = { missingSince: new Map<string, number>(), now: Date.now() };
  const [made] = planThinPools({ ...look, nodes: before, existing: [] }, THIN_POOL_TIMES);
  if (made?.kind !== "create") throw new Error("no ThinPool");
  const existing = [{ ...made, resourceVersion: "1" }];
  const [write] = planThinPools({ ...look, nodes: after, existing }, THIN_POOL_TIMES) as (
    | Exclude<ThinPoolWrite, { kind: "delete" }>
    | undefined
  )[];
  if (write === undefined) throw new Error("no write");
  news.written(write, "uid-of-thin-pool");
}

describe("a pool that is filling", () => {
  test("is told on its Node, on its ThinPool, and on the claims that it concerns most", async () => {
    turn(calm, filling);
    await eventually(async () => expect(await eventsOf("apps")).toHaveLength(MOST_CLAIMS - UNKNOWN));
    const about = (await eventsOf("default")).map(({ involvedObject, reason, type, message }) => [
      involvedObject.kind,
      involvedObject.name,
      involvedObject.uid,
      `${type} ${reason}`,
      message,
    ]);
    expect(about.toSorted(([one = ""], [other = ""]) => (one < other ? -1 : 1))).toEqual([
      ["Node", "node-a", "node-a", "Warning PoolDataLow", `pool fast: ${low.reason}`],
      ["ThinPool", "node-a.fast", "uid-of-thin-pool", "Warning PoolDataLow", `pool fast: ${low.reason}`],
    ]);
    const claims = await eventsOf("apps");
    // The largest, of those that have a claim: 23 down to 6.
    expect(new Set(claims.map(({ involvedObject }) => involvedObject.name))).toEqual(
      new Set(Array.from({ length: MOST_CLAIMS - UNKNOWN }, (_, index) => `claim-${index + 6}`)),
    );
    expect(claims[0]).toMatchObject({
      type: "Warning",
      reason: "PoolDataLow",
      involvedObject: { kind: "PersistentVolumeClaim", namespace: "apps" },
      message: `the volume is on node node-a, pool fast: ${low.reason}; so are 5 more volumes, whose claims are not told`,
    });
  });

  test("that does so again and again is not told again and again", async () => {
    for (let times = 0; times < 5; times += 1) {
      turn(calm, filling);
      turn(filling, calm);
    }
    await eventually(async () => expect(await eventsOf("default")).toHaveLength(2));
    // What was told in the test before counts, too: so only that it is over is new.
    expect((await eventsOf("default")).map(({ reason, type }) => `${type} ${reason}`)).toEqual([
      "Normal PoolRecovered",
      "Normal PoolRecovered",
    ]);
  });
});

test("a damaged volume is told on its claim, once", async () => {
  const reason = "the ext4 on /dev/mapper/x is not mounted: e2fsck ended with 4";
  const staged = damage.watch({ id: idOf(3), name: pvOf(3) }, () =>
    Promise.reject(new DamagedVolumeError(reason)),
  );
  await expect(staged).rejects.toThrow(reason);
  await eventually(async () =>
    expect(
      (await eventsOf("apps")).map((event) => [event.involvedObject.name, event.reason, event.message]),
    ).toEqual([["claim-3", "VolumeDamaged", reason]]),
  );
});

test("what happens again is counted in the same Event, after a while", async () => {
  const recorder = new EventRecorder(api, "controller-1", recordingLog().log);
  const target = { apiVersion: "v1", kind: "Node", name: "node-z", uid: "node-z" };
  const text = {
    type: "Warning",
    reason: "PoolDataLow",
    note: "pool fast: low",
    action: "Watching",
  } as const;
  for (let times = 0; times < 3; times += 1) await recorder.record(target, text);
  vi.useFakeTimers({ toFake: ["performance"] });
  vi.advanceTimersByTime(700_000);
  await recorder.record(target, text);
  vi.useRealTimers();
  const events = (await eventsOf("default")).filter(({ involvedObject }) => involvedObject.name === "node-z");
  expect(events.map(({ series }) => series?.count)).toEqual([4]);
});
