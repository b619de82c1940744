/** Cleaning of orphans before a real API server, with the rights of a controller; nodes serve pools in memory. */
import { CustomObjectsApi } from "@kubernetes/client-node";
import { describe, expect, test, vi } from "vitest";
import { messageOf, PreconditionError } from "../../src/core/errors.ts";
import { orphanNotes } from "../../src/kube/orphan-notes.ts";
import { noteObject, parseVolume } from "../../src/kube/rehome-objects.ts";
import {
  GRACE,
  PLACE,
  lines,
  cleaned,
  bench,
  at,
  put,
  cut,
  isThere,
  look,
  lookTwice,
  clean,
  outcomes,
  meddled,
  useCleaningBench,
} from "../cluster/cleaning-bench.ts";
import { NAMESPACE } from "../cluster/objects.ts";
import { installVolume } from "../cluster/volumes.ts";
import { rosterOf, untilConnected } from "../support/fleet-bench.ts";

useCleaningBench();

test("an orphan is deleted when it is named, told to, and its grace period is over; nothing else is", async () => {
  const [one, other, known] = [put(), put(1), put()];
  await installVolume(bench().plane.admin, { name: "pvc-known", handle: known, claim: "known" });
  expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^refused: no controller has looked/)]);
  await look(GRACE - 20_000);
  expect(outcomes(await clean([one]))).toEqual([
    expect.stringMatching(/^refused: it is an orphan since .*; the grace period ends with /),
  ]);
  expect(isThere(one)).toBe(true);
  await bench().core.deleteNamespacedConfigMap(PLACE);
  await lookTwice();
  const plan = await clean([], false);
  expect(plan.items.map(({ id, outcome }) => [id, outcome])).toEqual([
    [one, "deletable"],
    [other, "deletable"],
  ]);
  expect(outcomes(await clean([one], false))).toEqual(["deletable"]);
  expect(isThere(one)).toBe(true);
  expect(outcomes(await clean([one, known]))).toEqual([
    "deleted",
    "refused: PersistentVolume pvc-known has it (Bound, Delete); it is no orphan as long as that is there",
  ]);
  expect([one, other, known].map(isThere)).toEqual([false, true, true]);
  expect(cleaned.mock.calls).toEqual([["volume", "deleted"]]);
  expect(lines.map(({ message }) => message)).toContain("deleted an orphan");
  expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/does not have it: it is gone/)]);
});

test("what is gone from the list of orphans once, begins anew", async () => {
  const one = put();
  await look(2 * GRACE);
  await installVolume(bench().plane.admin, { name: "pvc-again", handle: one, claim: "again" });
  await look(GRACE);
  const body = await bench().core.readPersistentVolume({ name: "pvc-again" });
  Object.assign(body.metadata ?? {}, { finalizers: [] });
  await bench().core.replacePersistentVolume({ name: "pvc-again", body });
  await bench().core.deletePersistentVolume({ name: "pvc-again" });
  await look(0);
  expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^refused: it is an orphan since/)]);
  expect(isThere(one)).toBe(true);
});

test("notes that nobody understands begin anew, and two writers do not undo each other's", async () => {
  const one = put();
  await look(2 * GRACE);
  const body = await bench().core.readNamespacedConfigMap(PLACE);
  await bench().core.replaceNamespacedConfigMap({
    ...PLACE,
    body: Object.assign(body, { data: { "orphans.json": "?" } }),
  });
  expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^refused: no controller has looked/)]);
  await look(0);
  expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^refused: it is an orphan since/)]);
  const late = orphanNotes(bench().api, PLACE);
  const memory = await late.read();
  await look(0);
  await expect(late.write(memory ?? { lookedAt: 0, since: new Map() })).rejects.toThrow("it answered 409");
});

describe("nothing is deleted", () => {
  test("that somebody has, keeps, may get again, or is about to have again", async () => {
    const [retained, byHand, moving] = [put(), put(), put()];
    const installed = { handle: retained, claim: "retained", policy: "Retain" } as const;
    await installVolume(bench().plane.admin, { name: "pvc-retained", ...installed, phase: "Released" });
    await installVolume(bench().plane.admin, {
      name: "by-hand",
      handle: byHand,
      claim: "by-hand",
      policy: "Delete",
    });
    const claim = await bench().core.createNamespacedPersistentVolumeClaim({
      namespace: "default",
      body: {
        metadata: { name: "lost" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      },
    });
    const wanted = put(0, { name: `pvc-${claim.metadata?.uid}` });
    const moved = parseVolume({
      metadata: { name: "pvc-moving", uid: "uid-of-moving", resourceVersion: "1" },
      spec: { csi: { driver: "csi.dmthin.io", volumeHandle: moving } },
    });
    const note = noteObject(moved, at(0).pool.uuid, "a-turn");
    await bench().core.createNamespacedConfigMap({ namespace: NAMESPACE, body: note });
    await lookTwice();
    expect(outcomes(await clean([retained, byHand, moving, wanted]))).toEqual([
      expect.stringMatching(/^refused: PersistentVolume pvc-retained has it \(Released, Retain\)/),
      expect.stringMatching(/^refused: PersistentVolume by-hand has it/),
      expect.stringMatching(
        /^refused: PersistentVolume pvc-moving has it \(`dmthin pool rehome` is not done/,
      ),
      expect.stringMatching(/^refused: claim default\/lost, for which it was made, is still there/),
    ]);
    expect([retained, byHand, moving, wanted].every(isThere)).toBe(true);
    expect(cleaned.mock.calls).toEqual([]);
  });

  test("that is in use, of another cluster, or has snapshots; those go first", async () => {
    const staging = { path: "/kubelet/1", access: "mount", mountFlags: [] };
    const [staged, foreign, origin] = [put(0, { staging }), put(0, { clusterUid: "theirs" }), put()];
    const snapshot = cut(origin);
    const source = cut(staged);
    put(0, { source: { kind: "snapshot", id: source } });
    await lookTwice();
    expect(outcomes(await clean([staged, foreign, origin, source, snapshot]))).toEqual([
      expect.stringMatching(/^refused: it is staged on node node-a/),
      expect.stringMatching(/^refused: another cluster made it/),
      expect.stringMatching(/^refused: it has snapshots: /),
      expect.stringMatching(/^refused: volumes were made from it: /),
      "deleted",
    ]);
    expect(outcomes(await clean([origin]))).toEqual(["deleted"]);
  });

  test("that a VolumeSnapshot without a content may get again", async () => {
    const custom = bench().plane.admin.makeApiClient(CustomObjectsApi);
    const place = { group: "snapshot.storage.k8s.io", version: "v1", plural: "volumesnapshots" };
    const namespaced = { ...place, namespace: "default" };
    const body = {
      apiVersion: "snapshot.storage.k8s.io/v1",
      kind: "VolumeSnapshot",
      metadata: { name: "nightly" },
      spec: { source: { persistentVolumeClaimName: "data" } },
    };
    const made = (await custom.createNamespacedCustomObject({ ...namespaced, body })) as {
      metadata: { uid: string };
    };
    const wanted = cut(put(), { name: `snapshot-${made.metadata.uid}` });
    await lookTwice();
    expect(outcomes(await clean([wanted]))).toEqual([
      expect.stringMatching(
        /^refused: VolumeSnapshot default\/nightly, for which it was made, is still there/,
      ),
    ]);
    expect(at(0).pool.snapshot(wanted)).toBeDefined();
    await custom.deleteNamespacedCustomObject({ ...namespaced, name: "nightly" });
    expect(outcomes(await clean([wanted]))).toEqual(["deleted"]);
  });

  test("that got a PersistentVolume after the first look", async () => {
    const one = put();
    await lookTwice();
    const late = meddled(async (nth) => {
      if (nth === 2)
        await installVolume(bench().plane.admin, { name: "pvc-late", handle: one, claim: "late" });
    });
    expect(outcomes(await clean([one], true, late))).toEqual([
      expect.stringMatching(/^refused: PersistentVolume pvc-late has it/),
    ]);
    expect(isThere(one)).toBe(true);
  });

  test("where a list of the API server fails, before the first or before the next", async () => {
    const one = put();
    await lookTwice();
    for (const failing of [1, 2]) {
      const failed = meddled((nth) =>
        nth === failing ? Promise.reject(new Error("connection reset")) : Promise.resolve(),
      );
      const answer = await clean([one], true, failed).then(outcomes, (error: unknown) => [messageOf(error)]);
      expect(answer).toEqual([
        expect.stringContaining("PersistentVolumes cannot be listed: connection reset"),
      ]);
      expect(isThere(one)).toBe(true);
    }
  });

  test("of a node that is away, before the first look or after it", async () => {
    const one = put(1);
    await lookTwice();
    const leaves = meddled(async () =>
      bench().router.fleet.follow([...rosterOf([at(0)]), { name: "node-b" }]),
    );
    for (const through of [leaves, bench().api])
      expect(outcomes(await clean([one], true, through))).toEqual([
        expect.stringMatching(/^refused: its pool b{32} could not be listed as a whole: .*node-b/),
      ]);
    bench().router.fleet.follow(rosterOf(bench().nodes));
    await untilConnected(bench().router);
    expect(isThere(one)).toBe(true);
    expect(outcomes(await clean([one]))).toEqual(["deleted"]);
  });

  test("that its node does not let go", async () => {
    const one = put();
    await lookTwice();
    const { pool } = at(0);
    const refuses = vi.spyOn(pool, "deleteVolume").mockRejectedValue(new PreconditionError("it is mounted"));
    expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^failed: .*it is mounted$/)]);
    refuses.mockRestore();
    expect(cleaned.mock.calls).toEqual([["volume", "failed"]]);
    expect(isThere(one)).toBe(true);
  });
});
