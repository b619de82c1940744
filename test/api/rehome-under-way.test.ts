/** `dmthin pool rehome` before a real API server, while others change what it works with. */
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import type { RawApi } from "../../src/kube/raw.ts";
import { affinityTo, VOLUMES } from "../cluster/claimed-volumes.ts";
import { expectMoved, RehomeTests } from "../cluster/rehome-tests.ts";

const tests = new RehomeTests();

describe("while it is under way", () => {
  test("a claim that is deleted just before the first write takes its volume along, and nothing is made again", async () => {
    await tests.cluster.provision("a", "Delete");
    let isDeleted = false;
    const racing: RawApi = {
      send: async (request) => {
        if (request.method !== "GET" && !isDeleted) {
          isDeleted = true;
          await tests.cluster.deleteClaim("a");
        }
        return tests.api.send(request);
      },
    };
    await expect(tests.run(racing)).rejects.toThrow("409");
    const { spec, status } = await tests.cluster.one("pv-a");
    expect([spec.persistentVolumeReclaimPolicy, status.phase]).toEqual(["Delete", "Released"]);
    const meanwhile = await tests.run();
    expect([meanwhile.code, meanwhile.text]).toEqual([
      4,
      expect.stringMatching(/pv-a: its claim is gone, and it is being deleted/),
    ]);
    // As csi-provisioner does once it has deleted the volume.
    await tests.cluster.deleteVolume("pv-a");
    expect((await tests.run()).code).toBe(3);
    expect([await tests.cluster.all(), await tests.cluster.notes()]).toEqual([[], 0]);
  });

  test("a claim that is deleted after the first write leaves its volume to be moved, and deleted there", async () => {
    await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(1).api)).rejects.toThrow("dead");
    await tests.cluster.deleteClaim("a");
    const { spec, status } = await tests.cluster.one("pv-a");
    expect([spec.persistentVolumeReclaimPolicy, status.phase]).toEqual(["Retain", "Released"]);
    expect((await tests.run()).code).toBe(0);
    const moved = await tests.cluster.one("pv-a");
    expect(moved.spec).toMatchObject({
      persistentVolumeReclaimPolicy: "Delete",
      nodeAffinity: affinityTo("node-b"),
    });
    expect(await tests.cluster.notes()).toBe(0);
  });

  test("claims that Kubernetes calls Lost are waited for, also those of a call that was cut short", async () => {
    const before = await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(4).api)).rejects.toThrow("dead");
    await tests.cluster.callClaim("a", "Lost");
    let isEnded = false;
    const ending = tests.run().then((ended) => {
      isEnded = true;
      return ended;
    });
    await expect.poll(() => tests.cluster.notes(), { timeout: 10_000 }).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), before);
    // Long enough to look more than once.
    await sleep(1000);
    expect(isEnded).toBe(false);
    await tests.cluster.callClaim("a", "Bound");
    expect((await ending).code).toBe(0);
  });

  test("a claim that is deleted leaves its volume retained", async () => {
    await tests.cluster.provision("a", "Delete");
    // Noted, retained, deleted, its finalizers gone, made again.
    await expect(tests.run(tests.dyingAfter(5).api)).rejects.toThrow("dead");
    await tests.cluster.deleteClaim("a");
    const { code, text } = await tests.run();
    expect([code, text]).toEqual([
      0,
      expect.stringMatching(/pv-a: its claim is gone: its reclaim policy stays Retain/),
    ]);
    expect((await tests.cluster.one("pv-a")).spec.persistentVolumeReclaimPolicy).toBe("Retain");
    expect(await tests.cluster.notes()).toBe(0);
  });

  test("another PersistentVolume of its name is not touched, and the note is kept", async () => {
    const before = await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(4).api)).rejects.toThrow("dead");
    const { nodeAffinity, claimRef, ...spec } = before.spec;
    void claimRef;
    const csi = { driver: "other", volumeHandle: "x" };
    await tests.api.send({
      method: "POST",
      path: VOLUMES,
      body: { metadata: { name: "pv-a" }, spec: { ...spec, csi, nodeAffinity } },
    });
    const { code, text } = await tests.run();
    expect([code, text]).toEqual([4, expect.stringMatching(/another one of its name is there now/)]);
    expect(await tests.cluster.notes()).toBe(1);
    await tests.cluster.deleteVolume("pv-a");
    expect((await tests.run()).code).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), before);
  });
});
