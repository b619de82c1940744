/** Cleaning of orphans before a real API server, with the rights of a controller; nodes serve pools in memory. */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CoreV1Api } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { runOrphansCommand } from "../../src/commands/orphans-command.ts";
import type { CleaningAnswer } from "../../src/core/cluster-orphans.ts";
import { messageOf, PreconditionError } from "../../src/core/errors.ts";
import { objectKey, snapshotId, volumeId, type SnapshotId, type VolumeId } from "../../src/core/ids.ts";
import type { Api } from "../../src/kube/api.ts";
import { lookForOrphans } from "../../src/kube/cluster-look.ts";
import { orphanCleaner } from "../../src/kube/orphan-cleaning.ts";
import { noteOrphans, orphanNotes, type OrphanNotes } from "../../src/kube/orphan-notes.ts";
import { noteObject, parseVolume } from "../../src/kube/rehome-objects.ts";
import { ControllerMonitor } from "../../src/monitor/controller-monitor.ts";
import type { ControlPlane } from "../cluster/control-plane.ts";
import { NAMESPACE } from "../cluster/objects.ts";
import { startOrphanBench, type OrphanBench } from "../cluster/orphan-bench.ts";
import { installVolume } from "../cluster/volumes.ts";
import { rosterOf, untilConnected, type RouterBench, type SimulatedNode } from "../support/fleet-bench.ts";
import { recordingLog } from "../support/recording-log.ts";
import { snapshotRecord, volumeRecord } from "../support/records.ts";

const OLD = "2026-01-01T00:00:00.000Z";
const GRACE = 60_000;
const EVERY = 1_800_000;

let bench: OrphanBench;
let plane: ControlPlane;
let core: CoreV1Api;
let api: Api;
let clusterUid: string;
let nodes: readonly SimulatedNode[];
let router: RouterBench;
let notes: OrphanNotes;
let count = 0;
const { log, lines } = recordingLog();
const cleaned = vi.fn<(kind: string, outcome: string) => void>();

function at(index: number): SimulatedNode {
  const node = nodes[index];
  if (node === undefined) throw new RangeError(`no node ${index}`);
  return node;
}
const key = () => objectKey((count += 1).toString(16).padStart(20, "0"));
/** On a node, and of no claim that there is unless given. */
function put(node = 0, changes: object = {}): VolumeId {
  const id = volumeId(at(node).pool.uuid, key());
  const name = `pvc-${randomUUID()}`;
  at(node).pool.putVolume(volumeRecord(count, { id, name, createdAt: OLD, clusterUid, ...changes }));
  return id;
}
function cut(volume: VolumeId, changes: object = {}): SnapshotId {
  const id = snapshotId(at(0).pool.uuid, key());
  const made = { id, name: id, createdAt: OLD, clusterUid, sourceVolumeId: volume, ...changes };
  at(0).pool.putSnapshot(snapshotRecord(count, made));
  return id;
}
const isThere = (id: VolumeId): boolean => nodes.some(({ pool }) => pool.volume(id) !== undefined);
const looking = () => ({ nodes: () => router.fleet.nodes, clusterUid, namespace: NAMESPACE, graceMs: GRACE });
/** As the controller that leads does it, so long ago. */
async function look(agoMs: number): Promise<void> {
  await noteOrphans(notes, await lookForOrphans(api, looking()), { now: Date.now() - agoMs, everyMs: EVERY });
}
const cleaner = (through: Pick<Api, "core" | "custom"> = api) =>
  orphanCleaner(through, { ...looking(), everyMs: EVERY, notes: orphanNotes(api, PLACE), cleaned, log });
const PLACE = { namespace: NAMESPACE, name: "dmthin-orphans" };
const clean = (ids: readonly string[], apply = true, through?: Pick<Api, "core" | "custom">) =>
  cleaner(through)({ ids, apply });
const outcomes = ({ items }: CleaningAnswer): readonly string[] =>
  items.map(({ outcome, why }) => [outcome, ...(why === undefined ? [] : [why])].join(": "));

/** An API server to which something happens before the PersistentVolumes are listed for the n-th time. */
function meddled(happens: (nth: number) => Promise<void>): Pick<Api, "core" | "custom"> {
  let nth = 0;
  const lists = api.core.listPersistentVolume.bind(api.core);
  const changed = Object.assign(Object.create(api.core) as CoreV1Api, {
    listPersistentVolume: async (...options: Parameters<CoreV1Api["listPersistentVolume"]>) => {
      await happens((nth += 1));
      return lists(...options);
    },
  });
  return { ...api, core: changed };
}

beforeAll(async () => {
  bench = await startOrphanBench();
  ({ plane, core, api, clusterUid, nodes, router } = bench);
  notes = orphanNotes(api, PLACE);
});

afterAll(() => bench.stop());

beforeEach(() => cleaned.mockClear());

test("an orphan is deleted when it is named, told to, and its grace period is over; nothing else is", async () => {
  const [one, other, known] = [put(), put(1), put()];
  await installVolume(plane.admin, { name: "pvc-known", handle: known, claim: "known" });
  expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^refused: no controller has looked/)]);
  await look(GRACE - 20_000);
  expect(outcomes(await clean([one]))).toEqual([
    expect.stringMatching(/^refused: it is an orphan since .*; the grace period ends with /),
  ]);
  expect(isThere(one)).toBe(true);
  await core.deleteNamespacedConfigMap(PLACE);
  await look(GRACE + 1000);
  await look(0);
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
  await installVolume(plane.admin, { name: "pvc-again", handle: one, claim: "again" });
  await look(GRACE);
  const body = await core.readPersistentVolume({ name: "pvc-again" });
  Object.assign(body.metadata ?? {}, { finalizers: [] });
  await core.replacePersistentVolume({ name: "pvc-again", body });
  await core.deletePersistentVolume({ name: "pvc-again" });
  await look(0);
  expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^refused: it is an orphan since/)]);
  expect(isThere(one)).toBe(true);
});

test("notes that nobody understands begin anew, and two writers do not undo each other's", async () => {
  const one = put();
  await look(2 * GRACE);
  const body = await core.readNamespacedConfigMap(PLACE);
  await core.replaceNamespacedConfigMap({
    ...PLACE,
    body: Object.assign(body, { data: { "orphans.json": "?" } }),
  });
  expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^refused: no controller has looked/)]);
  await look(0);
  expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^refused: it is an orphan since/)]);
  const late = orphanNotes(api, PLACE);
  const memory = await late.read();
  await look(0);
  await expect(late.write(memory ?? { lookedAt: 0, since: new Map() })).rejects.toThrow("it answered 409");
});

describe("nothing is deleted", () => {
  test("that somebody has, keeps, may get again, or is about to have again", async () => {
    const [retained, byHand, moving] = [put(), put(), put()];
    const installed = { handle: retained, claim: "retained", policy: "Retain" } as const;
    await installVolume(plane.admin, { name: "pvc-retained", ...installed, phase: "Released" });
    await installVolume(plane.admin, { name: "by-hand", handle: byHand, claim: "by-hand", policy: "Delete" });
    const claim = await core.createNamespacedPersistentVolumeClaim({
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
    const note = noteObject(moved, at(0).pool.uuid);
    await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: note });
    await look(GRACE + 1000);
    await look(0);
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
    await look(GRACE + 1000);
    await look(0);
    expect(outcomes(await clean([staged, foreign, origin, source, snapshot]))).toEqual([
      expect.stringMatching(/^refused: it is staged on node node-a/),
      expect.stringMatching(/^refused: another cluster made it/),
      expect.stringMatching(/^refused: it has snapshots: /),
      expect.stringMatching(/^refused: volumes were made from it: /),
      "deleted",
    ]);
    expect(outcomes(await clean([origin]))).toEqual(["deleted"]);
  });

  test("that got a PersistentVolume after the first look", async () => {
    const one = put();
    await look(GRACE + 1000);
    await look(0);
    const late = meddled(async (nth) => {
      if (nth === 2) await installVolume(plane.admin, { name: "pvc-late", handle: one, claim: "late" });
    });
    expect(outcomes(await clean([one], true, late))).toEqual([
      expect.stringMatching(/^refused: PersistentVolume pvc-late has it/),
    ]);
    expect(isThere(one)).toBe(true);
  });

  test("where a list of the API server fails, before the first or before the next", async () => {
    const one = put();
    await look(GRACE + 1000);
    await look(0);
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
    await look(GRACE + 1000);
    await look(0);
    const leaves = meddled(async () => router.fleet.follow([...rosterOf([at(0)]), { name: "node-b" }]));
    for (const through of [leaves, api])
      expect(outcomes(await clean([one], true, through))).toEqual([
        expect.stringMatching(/^refused: its pool b{32} could not be listed as a whole: .*node-b/),
      ]);
    router.fleet.follow(rosterOf(nodes));
    await untilConnected(router);
    expect(isThere(one)).toBe(true);
    expect(outcomes(await clean([one]))).toEqual(["deleted"]);
  });

  test("that its node does not let go", async () => {
    const one = put();
    await look(GRACE + 1000);
    await look(0);
    const { pool } = at(0);
    const refuses = vi.spyOn(pool, "deleteVolume").mockRejectedValue(new PreconditionError("it is mounted"));
    expect(outcomes(await clean([one]))).toEqual([expect.stringMatching(/^failed: .*it is mounted/)]);
    refuses.mockRestore();
    expect(cleaned.mock.calls).toEqual([["volume", "failed"]]);
    expect(isThere(one)).toBe(true);
  });
});

test("the command asks a controller, prints what is destroyed, and counts it", async () => {
  const one = put();
  await look(GRACE + 1000);
  await look(0);
  const sight = { ready: true, leads: true, nodesThere: 2, nodesAway: 0 };
  const monitor = new ControllerMonitor("1.2.3", () => sight);
  const stateDirectory = join(bench.directory, "state");
  const counted = { ...looking(), everyMs: EVERY, notes: orphanNotes(api, PLACE), log };
  const cleanOrphans = orphanCleaner(api, {
    ...counted,
    cleaned: (...each) => monitor.counters.orphanCleaned(...each),
  });
  await monitor.listen({ stateDirectory, orphans: async () => undefined, cleanOrphans, log });
  const configuration = join(bench.directory, "controller.yaml");
  writeFileSync(configuration, `stateDirectory: ${stateDirectory}\n`);
  const ask = async (apply: boolean): Promise<readonly [number, string]> => {
    const said = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const request = { kind: "orphans", cluster: true, json: false, configuration } as const;
    const code = await runOrphansCommand({ ...request, clean: { ids: [one], apply } });
    const text = said.mock.calls.map(([chunk]) => String(chunk)).join("");
    said.mockRestore();
    return [code, text];
  };
  expect(await ask(false)).toEqual([
    0,
    expect.stringMatching(new RegExp(`^would be deleted +volume +${one}`, "m")),
  ]);
  expect(isThere(one)).toBe(true);
  expect(await ask(true)).toEqual([0, expect.stringMatching(new RegExp(`^deleted +volume +${one}`, "m"))]);
  expect(isThere(one)).toBe(false);
  const metrics = await monitor.registry.metrics();
  monitor.close();
  expect(metrics).toMatch(/^dmthin_orphans_cleaned_total\{kind="volume",outcome="deleted"\} 1$/m);
});
