/** `dmthin pool rehome` before a real API server, while others change what it works with. */
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import type { RawApi } from "../../src/kube/raw.ts";
import { affinityTo, VOLUMES, type Volume } from "../cluster/claimed-volumes.ts";
import { expectMoved, RehomeTests } from "../cluster/rehome-tests.ts";

const tests = new RehomeTests();
/** Of another driver. */
const OTHERS = { csi: { driver: "other", volumeHandle: "x" } };

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
    const raced = await tests.run(racing);
    expect([raced.code, raced.text]).toEqual([2, expect.stringMatching(/pv-a is being deleted/)]);
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

  test("what somebody changes just before the first write is moved as it is then", async () => {
    await tests.cluster.provision("a", "Delete");
    let isChanged = false;
    const racing: RawApi = {
      send: async (request) => {
        if (request.method !== "GET" && !isChanged) {
          isChanged = true;
          const body = { metadata: { labels: { team: "two" } } };
          await tests.api.send({ method: "PATCH", path: `${VOLUMES}/pv-a`, body });
        }
        return tests.api.send(request);
      },
    };
    expect((await tests.run(racing)).code).toBe(0);
    const { metadata, spec } = await tests.cluster.one("pv-a");
    expect([metadata.labels, spec["nodeAffinity"]]).toEqual([{ team: "two" }, affinityTo("node-b")]);
  });

  test("another PersistentVolume that comes under the name is not touched, and others are moved", async () => {
    await tests.cluster.provision("a", "Delete");
    const before = await tests.cluster.provision("b", "Delete");
    let other: Volume | undefined;
    const racing: RawApi = {
      send: async (request) => {
        if (request.path === `${VOLUMES}/pv-a` && other === undefined) {
          await tests.cluster.deleteVolume("pv-a");
          other = await tests.cluster.provision("a2", "Delete", OTHERS, "pv-a");
        }
        return tests.api.send(request);
      },
    };
    const { code, text } = await tests.run(racing);
    expect([code, text]).toEqual([2, expect.stringMatching(/pv-a is another one now/)]);
    expect([await tests.cluster.one("pv-a"), await tests.cluster.notes()]).toEqual([other, 0]);
    expectMoved(await tests.cluster.one("pv-b"), before);
  });

  test("a volume that somebody kept meanwhile is not deleted by a later call", async () => {
    await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(1).api)).rejects.toThrow("dead");
    // He sees Retain, is content with it, and deletes the claim.
    await tests.cluster.deleteClaim("a");
    const { spec, status } = await tests.cluster.one("pv-a");
    expect([spec.persistentVolumeReclaimPolicy, status.phase]).toEqual(["Retain", "Released"]);
    const seen = tests.watchingPolicies("pv-a");
    const { code, text } = await tests.run(seen.api);
    expect([code, text]).toEqual([0, expect.stringMatching(/pv-a: its claim is gone: .* stays Retain/)]);
    const moved = await tests.cluster.one("pv-a");
    expect(moved.spec).toMatchObject({
      persistentVolumeReclaimPolicy: "Retain",
      nodeAffinity: affinityTo("node-b"),
    });
    expect([moved.metadata.annotations, await tests.cluster.notes()]).toEqual([
      { "pv.kubernetes.io/provisioned-by": "csi.dmthin.io" },
      0,
    ]);
    expect(seen.written()).not.toContain("Delete");
  });

  test.each([1, 2])("a pool that goes home again after write %i leaves nothing changed", async (count) => {
    const before = await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(count).api)).rejects.toThrow("dead");
    expect((await tests.run(tests.api, { node: "node-a" })).code).toBe(0);
    const { metadata, spec } = await tests.cluster.one("pv-a");
    expect([metadata.uid, metadata.annotations, spec]).toEqual([
      before.metadata.uid,
      before.metadata.annotations,
      before.spec,
    ]);
    expect(await tests.cluster.notes()).toBe(0);
  });

  test.each([2, 3, 4, 5, 6])(
    "a pool that goes to a third node after write %i is found there",
    async (count) => {
      const before = await tests.cluster.provision("a", "Delete");
      await expect(tests.run(tests.dyingAfter(count).api, { node: "node-c" })).rejects.toThrow("dead");
      expect((await tests.run()).code).toBe(0);
      expectMoved(await tests.cluster.one("pv-a"), before);
      expect(await tests.cluster.notes()).toBe(0);
    },
  );

  test("claims that Kubernetes calls Lost are waited for, also those of a call that was cut short", async () => {
    const before = await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(4).api)).rejects.toThrow("dead");
    await tests.cluster.callClaim("a", "Lost");
    let isEnded = false;
    const ending = tests.run().then((ended) => {
      isEnded = true;
      return ended;
    });
    const policy = async () => (await tests.cluster.one("pv-a")).spec.persistentVolumeReclaimPolicy;
    await expect.poll(policy, { timeout: 10_000 }).toBe("Delete");
    expectMoved(await tests.cluster.one("pv-a"), before);
    // Long enough to look more than once.
    await sleep(1000);
    expect(isEnded).toBe(false);
    await tests.cluster.callClaim("a", "Bound");
    expect((await ending).code).toBe(0);
  });

  test.each([
    ["noted", 5],
    ["not noted any more", 6],
  ])(
    "a claim that is deleted when its volume is made again and %s leaves it retained",
    async (_when, count) => {
      await tests.cluster.provision("a", "Delete");
      await expect(tests.run(tests.dyingAfter(count).api)).rejects.toThrow("dead");
      await tests.cluster.deleteClaim("a");
      const { code, text } = await tests.run();
      expect([code, text]).toEqual([
        0,
        expect.stringMatching(/pv-a: its claim is gone: its reclaim policy stays Retain/),
      ]);
      expect((await tests.cluster.one("pv-a")).spec.persistentVolumeReclaimPolicy).toBe("Retain");
      expect(await tests.cluster.notes()).toBe(0);
      expect(await tests.run()).toEqual({ code: 0, text: "on node-b already: 1\n" });
    },
  );

  test("a claim that is about to go leaves its volume retained", async () => {
    await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(6).api)).rejects.toThrow("dead");
    await tests.cluster.deleteHeldClaim("a");
    const { code, text } = await tests.run();
    expect([code, text]).toEqual([0, expect.stringMatching(/pv-a: its claim is gone: .* stays Retain/)]);
    const { spec, status } = await tests.cluster.one("pv-a");
    expect([spec.persistentVolumeReclaimPolicy, status.phase]).toEqual(["Retain", "Bound"]);
  });

  test("what somebody says of it after it was noted is not undone: its mark is gone, and it has another label", async () => {
    await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(2).api)).rejects.toThrow("dead");
    const { metadata } = await tests.cluster.one("pv-a");
    const annotations = Object.fromEntries(
      Object.keys(metadata.annotations ?? {}).flatMap((key) =>
        key.startsWith("dmthin.io/") ? [[key, null]] : [],
      ),
    );
    expect(Object.keys(annotations)).toHaveLength(1);
    const body = { metadata: { annotations, labels: { team: "two" } } };
    await tests.api.send({ method: "PATCH", path: `${VOLUMES}/pv-a`, body });
    expect((await tests.run()).code).toBe(0);
    const moved = await tests.cluster.one("pv-a");
    expect([moved.metadata.labels, moved.spec.persistentVolumeReclaimPolicy]).toEqual([
      { team: "two" },
      "Retain",
    ]);
    expect(moved.spec["nodeAffinity"]).toEqual(affinityTo("node-b"));
  });

  test("what somebody says of it between the note and the delete keeps it from being deleted by then", async () => {
    const before = await tests.cluster.provision("a", "Delete");
    const racing: RawApi = {
      send: async (request) => {
        const answer = await tests.api.send(request);
        if (request.method === "POST" && request.path.endsWith("/configmaps")) {
          const body = { metadata: { labels: { team: "two" } } };
          await tests.api.send({ method: "PATCH", path: `${VOLUMES}/pv-a`, body });
        }
        return answer;
      },
    };
    expect((await tests.run(racing)).code).toBe(2);
    expect((await tests.cluster.one("pv-a")).metadata.uid).toBe(before.metadata.uid);
    expect((await tests.run()).code).toBe(0);
    const { metadata, spec } = await tests.cluster.one("pv-a");
    expect([metadata.labels, spec["nodeAffinity"]]).toEqual([{ team: "two" }, affinityTo("node-b")]);
  });

  test.each([2, 3, 5])("one that another claim got after write %i keeps that", async (count) => {
    await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(count).api)).rejects.toThrow("dead");
    await tests.cluster.rebind("a", "b");
    const bound = await tests.cluster.one("pv-a");
    expect(bound.status.phase).toBe("Bound");
    const { code } = await tests.run();
    expect(code).toBe(0);
    const { spec, status } = await tests.cluster.one("pv-a");
    expect([spec.claimRef, status.phase]).toEqual([bound.spec.claimRef, "Bound"]);
    expect([spec.persistentVolumeReclaimPolicy, spec["nodeAffinity"]]).toEqual([
      "Retain",
      affinityTo("node-b"),
    ]);
    expect(await tests.cluster.notes()).toBe(0);
  });

  test("one that somebody put on Delete while finalizers hold it is made again", async () => {
    const before = await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(3).api)).rejects.toThrow("dead");
    const body = { spec: { persistentVolumeReclaimPolicy: "Delete" } };
    await tests.api.send({ method: "PATCH", path: `${VOLUMES}/pv-a`, body });
    expect((await tests.run()).code).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), before);
    expect(await tests.cluster.notes()).toBe(0);
  });

  test("where the API server does not take it, it is not deleted", async () => {
    const before = await tests.cluster.provision("a", "Delete");
    const refusing: RawApi = {
      send: async (request) => {
        const isMade = request.method === "POST" && request.path.startsWith(VOLUMES);
        // As for somebody who may not, or an admission policy would.
        const body = {
          ...request.body,
          spec: { ...(request.body as Volume | undefined)?.spec, capacity: {} },
        };
        return tests.api.send(isMade ? { ...request, body } : request);
      },
    };
    await expect(tests.run(refusing)).rejects.toThrow(/answered 422/);
    expect((await tests.cluster.one("pv-a")).metadata.uid).toBe(before.metadata.uid);
    expect((await tests.run()).code).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), before);
  });

  test("another PersistentVolume of its name is not touched, and the note is kept", async () => {
    const before = await tests.cluster.provision("a", "Delete");
    await expect(tests.run(tests.dyingAfter(4).api)).rejects.toThrow("dead");
    const { nodeAffinity, claimRef, ...spec } = before.spec;
    void claimRef;
    await tests.api.send({
      method: "POST",
      path: VOLUMES,
      body: { metadata: { name: "pv-a" }, spec: { ...spec, ...OTHERS, nodeAffinity } },
    });
    const { code, text } = await tests.run();
    expect([code, text]).toEqual([
      4,
      expect.stringMatching(/its name was another volume's, and that is noted/),
    ]);
    expect(await tests.cluster.notes()).toBe(1);
    await tests.cluster.deleteVolume("pv-a");
    expect((await tests.run()).code).toBe(0);
    expectMoved(await tests.cluster.one("pv-a"), before);
  });
});
