import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DamageNotes } from "../../../src/csi/damage.ts";
import { DamagedVolumeError, OutcomeUnknownError } from "../../../src/core/errors.ts";
import { groupId, objectKey, snapshotId, volumeId, type VolumeId } from "../../../src/core/ids.ts";
import { objectsOf, type Believed } from "../../../src/route/objects.ts";
import {
  rosterOf,
  startNode,
  startRouter,
  until,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "../../support/fleet-bench.ts";
import { snapshotRecord, volumeRecord } from "../../support/records.ts";

let node: SimulatedNode;
let router: RouterBench;
let damage: DamageNotes;
beforeEach(async () => {
  damage = new DamageNotes(() => node.feed.poke());
  node = await startNode("node-a", "a", undefined, damage);
  router = await startRouter(rosterOf([node]));
  await untilConnected(router);
});
afterEach(async () => {
  await router.stop();
  await node.stop();
});

const keyOf = (index: number) => objectKey(index.toString(16).padStart(20, "0"));
const idOf = (index: number): VolumeId => volumeId(node.pool.uuid, keyOf(index));
const objects = (believed?: Believed) => {
  const [there] = router.fleet.nodes;
  if (there === undefined) throw new Error("no node");
  const waiting = { signal: AbortSignal.timeout(5000), deadline: Date.now() + 5000 };
  return objectsOf(there, node.pool.uuid, waiting, believed);
};

describe("what a pool holds is listed", () => {
  test("as a whole, over many pages", async () => {
    for (let index = 1; index <= 2500; index += 1)
      node.pool.putVolume(volumeRecord(index, { id: idOf(index), name: `pvc-${index}` }));
    const listed = await objects();
    expect(listed.length).toBe(2500);
    expect(new Set(listed.map(({ id }) => id)).size).toBe(2500);
  });

  test("with what tells whose it is, without what is half made or half deleted", async () => {
    const createdAt = "2026-01-01T00:00:00.000Z";
    const staging = { path: "/kubelet/1", access: "mount" as const, mountFlags: [] };
    node.pool.putVolume(
      volumeRecord(1, { id: idOf(1), name: "pvc-1", createdAt, staging, clusterUid: "ours" }),
    );
    node.pool.putVolume(volumeRecord(2, { id: idOf(2), name: "pvc-2", state: "deleting" }));
    node.pool.putSnapshot(
      snapshotRecord(3, { id: snapshotId(node.pool.uuid, keyOf(3)), name: "s", createdAt }),
    );
    expect(await objects()).toMatchObject([
      { kind: "snapshot", name: "s", clusterUid: "", staged: false },
      { kind: "volume", id: idOf(1), name: "pvc-1", createdAt, clusterUid: "ours", staged: true },
    ]);
  });

  test("with what it is made from, and the group that it is part of", async () => {
    const id = snapshotId(node.pool.uuid, keyOf(3));
    const group = groupId(node.pool.uuid, keyOf(4));
    node.pool.putVolume(volumeRecord(1, { id: idOf(1), source: { kind: "snapshot", id } }));
    node.pool.putVolume(volumeRecord(2, { id: idOf(2) }));
    node.pool.putSnapshot(snapshotRecord(3, { id, sourceVolumeId: idOf(2), groupId: group }));
    expect((await objects()).map(({ source, group: of }) => [source, of])).toEqual([
      [idOf(2), group],
      [id, ""],
      ["", ""],
    ]);
  });

  test("not where it is more than a node is believed, over all its pools", async () => {
    for (let index = 1; index <= 3; index += 1)
      node.pool.putVolume(volumeRecord(index, { id: idOf(index), name: `pvc-${index}` }));
    const believed = { left: 5 };
    expect(await objects(believed)).toHaveLength(3);
    await expect(objects(believed)).rejects.toThrow("node node-a lists more than is believed");
  });

  test.each([
    [256, true],
    [257, false],
  ])("with a name of %i characters: %s", async (length, listed) => {
    node.pool.putVolume(volumeRecord(1, { id: idOf(1), name: "x".repeat(length) }));
    const answer = await objects().catch((error: unknown) => error);
    expect(Array.isArray(answer)).toBe(listed);
    if (!listed) expect(answer).toMatchObject({ kind: "pool-unavailable" });
  });

  test("not where it ends in the middle: a page with nothing on it that says that there is more", async () => {
    const [there] = router.fleet.nodes;
    if (there === undefined) throw new Error("no node");
    let pages = 0;
    const call: (typeof there)["call"] = async (...asked) => {
      const page = await there.call(...asked);
      return (pages += 1) === 2
        ? (Object.assign(page as object, { objects: [], more: true }) as never)
        : page;
    };
    for (let index = 1; index <= 1500; index += 1)
      node.pool.putVolume(volumeRecord(index, { id: idOf(index), name: `pvc-${index}` }));
    const waiting = { signal: AbortSignal.timeout(5000), deadline: Date.now() + 5000 };
    const cut = objectsOf(
      Object.assign(Object.create(there) as typeof there, { call }),
      node.pool.uuid,
      waiting,
    );
    await expect(cut).rejects.toThrow("node node-a lists nothing, and says that there is more");
  });

  test("not at all where its records may be old", async () => {
    node.pool.condition = { kind: "read-only", reason: "foreign hands" };
    await expect(objects()).rejects.toThrow(/takes no changes: foreign hands/);
  });

  test("not where the node has another pool", async () => {
    const [there] = router.fleet.nodes;
    const other = volumeId(node.pool.uuid, keyOf(1))
      .slice(2, 34)
      .replaceAll("a", "b") as typeof node.pool.uuid;
    const waiting = { signal: AbortSignal.timeout(5000), deadline: Date.now() + 5000 };
    await expect(there && objectsOf(there, other, waiting)).rejects.toThrow(/not open on this node/);
  });
});

describe("a volume that is damaged", () => {
  const use = (error?: Error) =>
    damage.watch({ id: idOf(1), name: "pvc-1" }, async () => {
      if (error !== undefined) throw error;
    });
  const seen = () => router.fleet.nodes[0]?.view?.damaged ?? [];

  test("is told of until it can be used", async () => {
    node.pool.putVolume(volumeRecord(1, { id: idOf(1), name: "pvc-1" }));
    await expect(use(new DamagedVolumeError("e2fsck ended with 4"))).rejects.toThrow(/e2fsck/);
    await until(() => seen().length > 0);
    expect(seen()).toEqual([{ id: idOf(1), name: "pvc-1", reason: "e2fsck ended with 4" }]);
    await use();
    await until(() => seen().length === 0);
    expect(seen()).toEqual([]);
  });

  test("is forgotten with the volume, and other failures are no damage", async () => {
    node.pool.putVolume(volumeRecord(1, { id: idOf(1), name: "pvc-1" }));
    await expect(use(new OutcomeUnknownError("busy"))).rejects.toThrow(/busy/);
    expect(damage.list(() => true)).toEqual([]);
    await expect(use(new DamagedVolumeError("gone"))).rejects.toThrow(/gone/);
    await node.pool.deleteVolume(idOf(1));
    expect(damage.list((id) => node.pool.volume(id) !== undefined)).toEqual([]);
    expect(damage.list(() => true)).toEqual([]);
  });
});
