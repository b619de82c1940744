/** ThinPools and the Lease before a real API server, with the rights of a controller and no others; nodes are made up. */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CustomObjectsApi } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { connectApi, type Api } from "../../src/kube/api.ts";
import { runForLease, type Leadership } from "../../src/kube/lease.ts";
import type { ApiRequest } from "../../src/kube/request.ts";
import { readThinPool } from "../../src/kube/thin-pool-objects.ts";
import { ThinPoolWriter } from "../../src/kube/thin-pools.ts";
import { THIN_POOL } from "../../src/core/thin-pool.ts";
import { GIB, MIB } from "../../src/core/units.ts";
import type { ExistingThinPool, NodeSight, ThinPoolTimes } from "../../src/plan/thin-pools.ts";
import { startControlPlane, type ControlPlane } from "../cluster/control-plane.ts";
import {
  CONTROLLER_ACCOUNT,
  installAccounts,
  installThinPools,
  NAMESPACE,
  tokenFor,
} from "../cluster/objects.ts";
import { recordingLog } from "../support/recording-log.ts";
import { away, nodeSight, openSight } from "../support/node-sights.ts";

const QUICK: ThinPoolTimes = { graceMs: 1500, figuresMs: 1000, heartbeatMs: 600_000 };

let directory: string;
let plane: ControlPlane;
let admin: CustomObjectsApi;
let api: Api;
let asked: (ApiRequest & { readonly code: number })[];
let nodes: readonly NodeSight[];
let writer: ThinPoolWriter | undefined;
const eventually = (holds: () => unknown): Promise<unknown> =>
  vi.waitFor(holds, { timeout: 30_000, interval: 100 });

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "thin-pools-"));
  const { ETCD: etcd = "", KUBE_APISERVER: apiserver = "" } = process.env;
  if (etcd === "" || apiserver === "") throw new Error("ETCD or KUBE_APISERVER is not set: run `make api`");
  plane = await startControlPlane(join(directory, "plane"), { etcd, apiserver });
  admin = plane.admin.makeApiClient(CustomObjectsApi);
  await installAccounts(plane.admin);
  await installThinPools(plane.admin);
  const token = await tokenFor(plane.admin, { account: CONTROLLER_ACCOUNT, audience: "" });
  vi.stubEnv("KUBECONFIG", plane.kubeconfigFor("controller", token));
  asked = [];
  api = connectApi({ version: "test", answered: (what, code) => asked.push({ ...what, code }) });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await plane.stop();
  rmSync(directory, { recursive: true });
});

const { group, version, plural } = THIN_POOL;

async function thinPools(): Promise<readonly ExistingThinPool[]> {
  const list = (await admin.listClusterCustomObject({ group, version, plural })) as { items: unknown[] };
  return list.items.flatMap((item) => readThinPool(item) ?? []);
}

const begin = (times = QUICK): ThinPoolWriter =>
  (writer = new ThinPoolWriter(api, {
    nodes: () => nodes,
    written: () => {},
    times,
    log: recordingLog().log,
  }));

const writes = (): readonly string[] =>
  asked
    .filter(({ verb }) => verb !== "get" && verb !== "list")
    .map(({ verb, resource, code }) => `${verb} ${resource} ${code}`);

afterEach(async () => {
  writer?.close();
  writer = undefined;
  await admin.deleteCollectionClusterCustomObject({ group, version, plural });
});

describe("ThinPools", () => {
  test("are one a pool and node, and read like a list of pools", async () => {
    nodes = [nodeSight("node-a", [openSight("fast", "a"), openSight("slow", "b")]), nodeSight("node-b", [])];
    begin();
    await eventually(async () => expect(await thinPools()).toHaveLength(2));
    await eventually(async () =>
      expect((await thinPools()).map(({ status }) => status?.mode)).toEqual(["rw", "rw"]),
    );
    const [wide, short] = [
      await table(),
      (await table()).map((row) => row.filter(([, , priority]) => priority === 0)),
    ];
    expect(short[0]?.map(([column, cell]) => [column, cell])).toEqual([
      ["Name", "node-a.fast"],
      ["Node", "node-a"],
      ["Pool", "fast"],
      ["Backing", "devices"],
      ["Size", "100Gi"],
      ["Used%", 41],
      ["Meta%", 6],
      ["Promised", "60Gi"],
      ["Mode", "rw"],
      ["Age", expect.stringMatching(/^\d+s$|^<invalid>$/)],
    ]);
    expect(wide[0]?.map(([column]) => column).slice(10)).toEqual([
      "Ready",
      "Reason",
      "Volumes",
      "Snapshots",
      "Overprovision",
      "Driver",
      "Kernel",
      "Reported",
      "UUID",
    ]);
  });

  test("come back when they are deleted or written over, with what is true by then", async () => {
    nodes = [nodeSight("node-a", [openSight("fast", "a")])];
    begin();
    await eventually(async () => expect((await thinPools())[0]?.status?.volumes).toBe(3));
    await admin.deleteClusterCustomObject({ group, version, plural, name: "node-a.fast" });
    await eventually(async () => expect((await thinPools())[0]?.status?.volumes).toBe(3));
    await admin.patchClusterCustomObjectStatus({
      group,
      version,
      plural,
      name: "node-a.fast",
      body: [{ op: "replace", path: "/status/mode", value: "failed" }],
    });
    await eventually(async () => expect((await thinPools())[0]?.status?.mode).toBe("rw"));
  });

  test("of a node that is away say so, and go when it has left the cluster", async () => {
    nodes = [nodeSight("node-a", [openSight("fast", "a")])];
    begin();
    await eventually(async () => expect((await thinPools())[0]?.status?.mode).toBe("rw"));
    nodes = [away("node-a")];
    await eventually(async () => expect((await thinPools())[0]?.status?.mode).toBe("unknown"));
    const [pool] = await thinPools();
    expect(pool?.status).toMatchObject({ volumes: 3, data: { usedPercent: 41 } });
    expect(pool?.status?.conditions.find(({ type }) => type === "Ready")).toMatchObject({
      status: "Unknown",
      reason: "NodeAway",
      message: "its node does not answer: it is silent",
    });
    nodes = [];
    await eventually(async () => expect(await thinPools()).toEqual([]));
  });

  test("of a state are written at once, of jitter never", async () => {
    nodes = [nodeSight("node-a", [openSight("fast", "a")])];
    begin();
    await eventually(async () => expect((await thinPools())[0]?.status?.mode).toBe("rw"));
    asked.length = 0;
    for (let tick = 1n; tick <= 30n; tick += 1n) {
      nodes = [nodeSight("node-a", [openSight("fast", "a", { used: 41n * GIB + tick * MIB })])];
      await sleep(100);
    }
    expect(writes()).toEqual([]);
    const full = { type: "OutOfData", reason: "its data is full: 100 % (100 GiB of 100 GiB)" } as const;
    nodes = [nodeSight("node-a", [openSight("fast", "a", { used: 100n * GIB, conditions: [full] })])];
    await eventually(() => expect(writes()).toEqual(["update thinpools/status 200"]));
  });

  test("are not written by hands that have only the rights of a controller, but for the status", async () => {
    nodes = [nodeSight("node-a", [openSight("fast", "a")])];
    begin();
    await eventually(async () => expect((await thinPools())[0]?.status?.mode).toBe("rw"));
    const place = { group, version, plural, name: "node-a.fast" };
    const patch = api.custom.patchClusterCustomObject({ ...place, body: [] });
    await expect(patch).rejects.toMatchObject({ code: 403 });
  });
});

test(
  "a thousand nodes: one write a pool and heartbeat, whatever their figures do",
  { timeout: 180_000 },
  async () => {
    const heartbeatMs = 24_000;
    const crowd = (used: bigint) =>
      Array.from({ length: 1000 }, (_, index) =>
        nodeSight(`node-${index}`, [openSight("fast", index.toString(16).padStart(32, "0"), { used })]),
      );
    nodes = crowd(41n * GIB);
    begin({ ...QUICK, heartbeatMs });
    asked.length = 0;
    const started = performance.now();
    const complete = () =>
      expect(writes().filter((each) => each.endsWith("status 200")).length).toBeGreaterThanOrEqual(1000);
    await vi.waitFor(complete, { timeout: 120_000, interval: 500 });
    const first = performance.now() - started;
    // From the middle of a round to the middle of the next.
    asked.length = 0;
    const window = performance.now();
    for (let tick = 1n; performance.now() - window < heartbeatMs; tick += 1n) {
      nodes = crowd(41n * GIB + (tick % 100n) * MIB);
      await sleep(1000);
    }
    const rounds = (performance.now() - window) / heartbeatMs;
    const count = writes().length;
    console.log(
      `1000 pools: all written ${(first / 1000).toFixed(0)} s after nothing was there; ` +
        `then ${count} writes in ${rounds.toFixed(2)} heartbeats`,
    );
    expect(new Set(writes())).toEqual(new Set(["update thinpools/status 200"]));
    expect(count).toBeGreaterThan(600);
    expect(count).toBeLessThanOrEqual(1000 * rounds + 40);
  },
);

test("a ThinPool does not become one of another pool", async () => {
  const place = { group, version, plural };
  const body = (pool: string) => ({
    apiVersion: `${group}/${version}`,
    kind: "ThinPool",
    metadata: { name: "mine" },
    spec: { node: "node-a", pool },
  });
  const made = (await admin.createClusterCustomObject({ ...place, body: body("fast") })) as {
    metadata: object;
  };
  const other = { ...body("slow"), metadata: made.metadata };
  await expect(admin.replaceClusterCustomObject({ ...place, name: "mine", body: other })).rejects.toThrow(
    /a report is of one pool/,
  );
});

describe("the Lease", () => {
  const runs: Leadership[] = [];
  const times = { durationMs: 4000, renewMs: 3000, retryMs: 500 };
  const run = (identity: string, told: string[]): Leadership => {
    const { log } = recordingLog();
    const leadership = runForLease(
      api,
      { namespace: NAMESPACE, name: "dmthin-controller", identity, times, log },
      () => {
        told.push(`${identity} leads`);
        return () => told.push(`${identity} ends`);
      },
    );
    runs.push(leadership);
    return leadership;
  };
  afterEach(() => Promise.all(runs.splice(0).map((each) => each.close())));

  test("is of one at a time, and goes over when it is given back", async () => {
    const told: string[] = [];
    const one = run("one", told);
    await eventually(() => expect(one.leads).toBe(true));
    const other = run("other", told);
    await sleep(2 * times.durationMs);
    expect([one.leads, other.leads]).toEqual([true, false]);
    await one.close();
    await eventually(() => expect(other.leads).toBe(true));
    expect(told).toEqual(["one leads", "one ends", "other leads"]);
  });
});

/** As kubectl asks for it: of each row, column, cell and priority. */
async function table(): Promise<readonly (readonly (readonly [string, unknown, number])[])[]> {
  const headers = {
    accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
    authorization: `Bearer ${plane.admin.getCurrentUser()?.token ?? ""}`,
  };
  const url = `${plane.url}/apis/${group}/${version}/${plural}`;
  const text = await new Promise<string>((resolve, reject) => {
    request(url, { rejectUnauthorized: false, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve(Buffer.concat(chunks).toString()));
    })
      .on("error", reject)
      .end();
  });
  const { columnDefinitions, rows } = JSON.parse(text) as {
    columnDefinitions: { name: string; priority: number }[];
    rows: { cells: unknown[] }[];
  };
  return rows.map(({ cells }) =>
    columnDefinitions.map(({ name, priority }, index) => [name, cells[index], priority] as const),
  );
}
