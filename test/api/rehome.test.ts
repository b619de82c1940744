/**
 * `dmthin pool rehome` before a real API server, cut off after each of its writes. What kube-controller-manager would do, the test
 * does: it calls a PersistentVolume whose claim is there Bound.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { TOPOLOGY_KEY } from "../../src/core/ids.ts";
import { rawApi, type RawApi } from "../../src/kube/raw.ts";
import { rehome, type PoolRehomeCommand } from "../../src/pool-rehome-command.ts";
import { affinityTo, ClaimedVolumes, POOL, VOLUMES, type Volume } from "../cluster/claimed-volumes.ts";
import { startControlPlane, type ControlPlane } from "../cluster/control-plane.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import { run as runProgram } from "../support/machine-state.ts";

const NAMESPACE = "dmthin-system";

let directory: string;
let plane: ControlPlane;
let api: RawApi;
let cluster: ClaimedVolumes;
let binding: NodeJS.Timeout;

const command = (changes: Partial<PoolRehomeCommand> = {}): PoolRehomeCommand => ({
  kind: "pool-rehome",
  pool: POOL,
  node: "node-b",
  namespace: NAMESPACE,
  apply: true,
  json: false,
  ...changes,
});

async function run(with_: RawApi = api, changes: Partial<PoolRehomeCommand> = {}) {
  const said: string[] = [];
  const voice = { out: (text: string) => said.push(text), problem: (text: string) => said.push(text) };
  return { code: await rehome(with_, command(changes), voice), text: said.join("") };
}

/** Dies as soon as the API server has done `count` writes. */
function dyingAfter(count: number): { readonly api: RawApi; readonly writes: () => number } {
  let writes = 0;
  return {
    writes: () => writes,
    api: {
      send: async (request) => {
        if (writes >= count) throw new Error("dead");
        const answer = await api.send(request);
        if (request.method !== "GET") writes += 1;
        if (writes >= count) throw new Error("dead");
        return answer;
      },
    },
  };
}

/** All of the old one, but where it is. */
function expectMoved(after: Volume, before: Volume): void {
  expect(after.metadata.uid).not.toBe(before.metadata.uid);
  expect(after.metadata).toMatchObject({
    name: before.metadata.name,
    labels: before.metadata.labels,
    annotations: before.metadata.annotations,
  });
  expect(after.metadata.deletionTimestamp).toBeUndefined();
  expect(after.spec).toEqual({ ...before.spec, nodeAffinity: affinityTo("node-b") });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rehome-"));
  const { ETCD: etcd = "", KUBE_APISERVER: apiserver = "" } = process.env;
  if (etcd === "" || apiserver === "") throw new Error("ETCD or KUBE_APISERVER is not set: run `make api`");
  plane = await startControlPlane(directory, { etcd, apiserver });
  api = rawApi(plane.admin, plane.url);
  cluster = new ClaimedVolumes(api, NAMESPACE);
  await api.send({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name: NAMESPACE } } });
  for (const name of ["node-a", "node-b"])
    await api.send({
      method: "POST",
      path: "/api/v1/nodes",
      body: { metadata: { name, labels: { [TOPOLOGY_KEY]: name } } },
    });
});

beforeEach(() => {
  const again = (): void => {
    binding = setTimeout(() => void cluster.bindAll().then(again, again), 100);
  };
  again();
});

afterEach(async () => {
  clearTimeout(binding);
  await cluster.clear();
});

afterAll(async () => {
  await plane.stop();
  rmSync(directory, { recursive: true });
});

describe("a pool that moved", () => {
  test("without --apply, nothing is changed", async () => {
    const before = await cluster.provision("a", "Delete");
    const { code, text } = await run(api, { apply: false });
    expect(code).toBe(0);
    expect(text).toMatch(
      /pv-a +default\/a +node-a +Delete +note down, policy Retain, delete, create, policy back, forget/,
    );
    expect(text).toMatch(/nothing was changed/);
    expect((await cluster.one("pv-a")).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(await cluster.notes()).toBe(0);
  });

  test("its PersistentVolumes are on the new node, with their claims and all that was said about them", async () => {
    const [one, other] = [await cluster.provision("a", "Delete"), await cluster.provision("b", "Retain")];
    expect(one.metadata.finalizers).toContain("kubernetes.io/pv-protection");
    expect((await run()).code).toBe(0);
    expectMoved(await cluster.one("pv-a"), one);
    expectMoved(await cluster.one("pv-b"), other);
    expect(await cluster.notes()).toBe(0);
    const again = await run();
    expect(again).toEqual({ code: 0, text: "on node-b already: 2\n" });
  });

  test("what is of another pool, or of another driver, is left alone", async () => {
    await cluster.provision("a", "Delete");
    const handle = `v-${"f".repeat(32)}-${"0".repeat(20)}`;
    const others = [
      await cluster.provision("c", "Delete", { csi: { driver: "csi.dmthin.io", volumeHandle: handle } }),
      await cluster.provision("d", "Delete", {
        csi: { driver: "other", volumeHandle: `v-${POOL}-${"0".repeat(20)}` },
      }),
    ];
    expect((await run()).code).toBe(0);
    expect([await cluster.one("pv-c"), await cluster.one("pv-d")]).toEqual(others);
  });

  test("by the command itself, with a kubeconfig", async () => {
    const before = await cluster.provision("a", "Delete");
    const kubeconfig = plane.kubeconfigFor("person", "admin-of-the-test");
    const words = ["pool", "rehome", POOL, "--to", "node-b", "--kubeconfig", kubeconfig];
    expect(await dmthinCommand(words)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("--apply") as string,
    });
    expect(await dmthinCommand([...words, "--apply", "--context", "nowhere"])).toMatchObject({ code: 2 });
    expect(await dmthinCommand([...words, "--apply", "--context", "person"])).toMatchObject({
      code: 0,
      stderr: "",
    });
    expectMoved(await cluster.one("pv-a"), before);
    const plugin = join(import.meta.dirname, "../../bin/kubectl-dmthin");
    expect(await runProgram(plugin, ...words)).toBe("on node-b already: 1");
  });
});

describe("cut off after any of its writes, and called again", () => {
  const WRITES = { Delete: 7, Retain: 5 } as const;
  const cases = Object.entries(WRITES).flatMap(([policy, writes]) =>
    Array.from({ length: writes }, (_each, index) => [policy, index + 1] as const),
  );

  test.each(cases)("policy %s, after write %i", async (policy, count) => {
    const before = await cluster.provision("a", policy);
    const dying = dyingAfter(count);
    await expect(run(dying.api)).rejects.toThrow("dead");
    expect(dying.writes()).toBe(count);
    // What is about to go, and what was made again, is retained until its claim has it; only the last write takes a note away.
    const left = await cluster.all();
    const loose = left.filter(
      ({ metadata, spec }) =>
        spec.persistentVolumeReclaimPolicy !== "Retain" &&
        (metadata.deletionTimestamp !== undefined || count < WRITES.Delete - 1),
    );
    expect(loose).toEqual([]);
    const isNoted = policy === "Delete" ? count > 1 && count < WRITES.Delete : count < WRITES.Retain;
    expect(await cluster.notes()).toBe(isNoted ? 1 : 0);
    expect((await run()).code).toBe(0);
    expectMoved(await cluster.one("pv-a"), before);
    expect(await cluster.notes()).toBe(0);
  });

  test("there are as many writes as that", async () => {
    for (const [policy, writes] of Object.entries(WRITES)) {
      await cluster.provision(policy === "Delete" ? "a" : "b", policy);
      const dying = dyingAfter(1000);
      expect((await run(dying.api)).code).toBe(0);
      expect([policy, dying.writes()]).toEqual([policy, writes]);
    }
  });
});

describe("it is refused", () => {
  test("for a node without the driver", async () => {
    await cluster.provision("a", "Delete");
    await api.send({ method: "POST", path: "/api/v1/nodes", body: { metadata: { name: "node-c" } } });
    for (const node of ["node-c", "nowhere"]) {
      const { code, text } = await run(api, { node });
      expect([code, text]).toEqual([1, expect.stringMatching(/refused: node .* has no label/)]);
    }
    expect(await cluster.notes()).toBe(0);
  });

  test("while another move of it is not ended", async () => {
    await cluster.provision("a", "Delete");
    await expect(run(dyingAfter(3).api)).rejects.toThrow("dead");
    const { code, text } = await run(api, { node: "node-a" });
    expect([code, text]).toEqual([
      4,
      expect.stringMatching(/pv-a: it is on its way to node-b: end that first/),
    ]);
    expect((await run()).code).toBe(0);
  });

  test("for a PersistentVolume that somebody else holds or has deleted; others are moved", async () => {
    const [, held] = [await cluster.provision("a", "Delete"), await cluster.provision("b", "Delete")];
    const path = `${VOLUMES}/pv-b`;
    const finalizers = [...(held.metadata.finalizers ?? []), "backup.example.com/running"];
    await api.send({ method: "PATCH", path, body: { metadata: { finalizers } } });
    await cluster.provision("c", "Delete");
    await api.send({ method: "DELETE", path: `${VOLUMES}/pv-c` });
    const { code, text } = await run();
    expect(code).toBe(4);
    expect(text).toMatch(/left as it is: pv-b: others hold it: finalizers backup.example.com\/running/);
    expect(text).toMatch(/left as it is: pv-c: somebody has deleted it/);
    expect((await cluster.one("pv-b")).spec["nodeAffinity"]).toEqual(affinityTo("node-a"));
    expect((await cluster.one("pv-a")).spec["nodeAffinity"]).toEqual(affinityTo("node-b"));
  });

  test("for a PersistentVolume with other conditions than its node", async () => {
    const nodeAffinity = {
      required: {
        nodeSelectorTerms: [
          {
            matchExpressions: [
              { key: TOPOLOGY_KEY, operator: "In", values: ["node-a"] },
              { key: "zone", operator: "In", values: ["z"] },
            ],
          },
        ],
      },
    };
    await cluster.provision("a", "Delete", { nodeAffinity });
    const { code, text } = await run();
    expect([code, text]).toEqual([
      4,
      expect.stringMatching(/pv-a: its node affinity does not name one node/),
    ]);
  });

  test("for a pool of which there is nothing", async () => {
    expect((await run()).code).toBe(3);
  });
});

describe("while it is under way", () => {
  test("a claim that is deleted just before the first write takes its volume along, and nothing is made again", async () => {
    await cluster.provision("a", "Delete");
    let isDeleted = false;
    const racing: RawApi = {
      send: async (request) => {
        if (request.method !== "GET" && !isDeleted) {
          isDeleted = true;
          await cluster.deleteClaim("a");
        }
        return api.send(request);
      },
    };
    await expect(run(racing)).rejects.toThrow("409");
    const { spec, status } = await cluster.one("pv-a");
    expect([spec.persistentVolumeReclaimPolicy, status.phase]).toEqual(["Delete", "Released"]);
    const meanwhile = await run();
    expect([meanwhile.code, meanwhile.text]).toEqual([
      4,
      expect.stringMatching(/pv-a: its claim is gone, and it is being deleted/),
    ]);
    // As csi-provisioner does once it has deleted the volume.
    await cluster.deleteVolume("pv-a");
    expect((await run()).code).toBe(3);
    expect([await cluster.all(), await cluster.notes()]).toEqual([[], 0]);
  });

  test("a claim that is deleted after the first write leaves its volume to be moved, and deleted there", async () => {
    await cluster.provision("a", "Delete");
    await expect(run(dyingAfter(1).api)).rejects.toThrow("dead");
    await cluster.deleteClaim("a");
    const { spec, status } = await cluster.one("pv-a");
    expect([spec.persistentVolumeReclaimPolicy, status.phase]).toEqual(["Retain", "Released"]);
    expect((await run()).code).toBe(0);
    const moved = await cluster.one("pv-a");
    expect(moved.spec).toMatchObject({
      persistentVolumeReclaimPolicy: "Delete",
      nodeAffinity: affinityTo("node-b"),
    });
    expect(await cluster.notes()).toBe(0);
  });

  test("claims that Kubernetes calls Lost are waited for, also those of a call that was cut short", async () => {
    const before = await cluster.provision("a", "Delete");
    await expect(run(dyingAfter(4).api)).rejects.toThrow("dead");
    await cluster.callClaim("a", "Lost");
    let isEnded = false;
    const ending = run().then((ended) => {
      isEnded = true;
      return ended;
    });
    await expect.poll(async () => await cluster.notes(), { timeout: 10_000 }).toBe(0);
    expectMoved(await cluster.one("pv-a"), before);
    // Long enough to look more than once.
    await sleep(1000);
    expect(isEnded).toBe(false);
    await cluster.callClaim("a", "Bound");
    expect((await ending).code).toBe(0);
  });

  test("a claim that is deleted leaves its volume retained", async () => {
    await cluster.provision("a", "Delete");
    // Noted, retained, deleted, its finalizers gone, made again.
    await expect(run(dyingAfter(5).api)).rejects.toThrow("dead");
    await cluster.deleteClaim("a");
    const { code, text } = await run();
    expect([code, text]).toEqual([
      0,
      expect.stringMatching(/pv-a: its claim is gone: its reclaim policy stays Retain/),
    ]);
    expect((await cluster.one("pv-a")).spec.persistentVolumeReclaimPolicy).toBe("Retain");
    expect(await cluster.notes()).toBe(0);
  });

  test("another PersistentVolume of its name is not touched, and the note is kept", async () => {
    const before = await cluster.provision("a", "Delete");
    await expect(run(dyingAfter(4).api)).rejects.toThrow("dead");
    const { nodeAffinity, claimRef, ...spec } = before.spec;
    void claimRef;
    const csi = { driver: "other", volumeHandle: "x" };
    await api.send({
      method: "POST",
      path: VOLUMES,
      body: { metadata: { name: "pv-a" }, spec: { ...spec, csi, nodeAffinity } },
    });
    const { code, text } = await run();
    expect([code, text]).toEqual([4, expect.stringMatching(/another one of its name is there now/)]);
    expect(await cluster.notes()).toBe(1);
    await cluster.deleteVolume("pv-a");
    expect((await run()).code).toBe(0);
    expectMoved(await cluster.one("pv-a"), before);
  });
});
