/** Group snapshots, the lists of snapshots, and what stays the same when a call is repeated. */
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Snapshot__Output } from "../../src/generated/csi.ts";
import { expectCode, expectNothingLeft, NodeBench, outcomeOf } from "../support/node-bench.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { FILESYSTEMS, fromSnapshot, type TestVolume } from "../support/volume-life.ts";

let bench: NodeBench;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "csi-lists", dataSize: "16GiB" });
});
afterAll(() => bench.stop());

async function snapshotGroup(name: string, volumes: readonly TestVolume[]) {
  const { group_snapshot: group } = await bench.csi.groupController.createVolumeGroupSnapshot({
    name,
    source_volume_ids: volumes.map(({ id }) => id),
  });
  if (group === null) throw new Error("CreateVolumeGroupSnapshot answered no group");
  return group;
}

const referenceTo = ({ group_snapshot_id, snapshots }: Awaited<ReturnType<typeof snapshotGroup>>) => ({
  group_snapshot_id,
  snapshot_ids: snapshots.map(({ snapshot_id }) => snapshot_id),
});

test("a group snapshot of volumes in use is one point in time", async () => {
  await expectNothingLeft(bench, async () => {
    const { life, csi } = bench;
    const volumes: TestVolume[] = [];
    for (const fsType of FILESYSTEMS) volumes.push(await life.create(`member-${fsType}`, fsType));
    for (const volume of volumes) await life.use(volume);
    const writer = await RecordWriter.start(...volumes.map(({ targetPath }) => `${targetPath}/journal`));
    const groups = [];
    for (const name of ["monday", "tuesday", "wednesday"]) {
      const before = writer.durable;
      const group = await snapshotGroup(name, volumes);
      groups.push({ group, before, after: writer.durable + 1 });
      await writer.reach(5);
    }
    await writer.stop();

    for (const { group, before, after } of groups) {
      expect(group).toMatchObject({ ready_to_use: true });
      expect(group.snapshots.map((each) => each.source_volume_id)).toEqual(volumes.map(({ id }) => id));
      const counts: number[] = [];
      for (const [index, snapshot] of group.snapshots.entries()) {
        expect(snapshot).toMatchObject({
          group_snapshot_id: group.group_snapshot_id,
          creation_time: group.creation_time,
        });
        const { content, size } = volumes[index] as TestVolume;
        const copy = await life.copy(`copy-${content}`, fromSnapshot(snapshot), content, size);
        await life.use(copy);
        counts.push(await countRecords(`${copy.targetPath}/journal`));
        await life.end(copy);
      }
      const [a = 0, b = 0, c = 0] = counts;
      // Records go to the first, then the second, then the third.
      expect([a, b, c]).toEqual([a, b, c].toSorted((one, other) => other - one));
      expect(c).toBeGreaterThanOrEqual(a - 1);
      expect(c).toBeGreaterThanOrEqual(before);
      expect(a).toBeLessThanOrEqual(after);
    }
    await life.end(...volumes);
    for (const { group } of groups) await csi.groupController.deleteVolumeGroupSnapshot(referenceTo(group));
  });
});

test("a group snapshot is made once, found again, and deleted only as a whole", async () => {
  await expectNothingLeft(bench, async () => {
    const { life, csi } = bench;
    const volumes = [
      await life.create("raw", "block"),
      await life.create("mounted", "ext4"),
      await life.create("other", "ext4"),
    ];
    const [raw, mounted, other] = volumes as [TestVolume, TestVolume, TestVolume];
    await life.use(raw);
    await life.use(mounted);
    const group = await snapshotGroup("pair", [raw, mounted]);
    expect(await snapshotGroup("pair", [mounted, raw])).toEqual(group);
    await expectCode(snapshotGroup("pair", [raw, other]), "ALREADY_EXISTS", /other volumes/);
    const reference = referenceTo(group);
    const found = await csi.groupController.getVolumeGroupSnapshot(reference);
    expect(found.group_snapshot).toEqual(group);
    const [member] = group.snapshots as [Snapshot__Output, ...Snapshot__Output[]];
    await expectCode(life.deleteSnapshots(member), "INVALID_ARGUMENT", /delete the group/);
    await expectCode(
      csi.groupController.deleteVolumeGroupSnapshot({ ...reference, snapshot_ids: [member.snapshot_id] }),
      "INVALID_ARGUMENT",
    );
    const listed = await csi.controller.listSnapshots({});
    expect(listed.entries.map(({ snapshot }) => snapshot)).toEqual(
      group.snapshots.toSorted((one, next) => (one.snapshot_id < next.snapshot_id ? -1 : 1)),
    );
    await csi.groupController.deleteVolumeGroupSnapshot(reference);
    await csi.groupController.deleteVolumeGroupSnapshot(reference);
    await expectCode(csi.groupController.getVolumeGroupSnapshot(reference), "NOT_FOUND");
    await life.end(raw, mounted);
    await life.delete(other);
  });
});

/** Ids of all pages, in order. */
async function pages(maxEntries: number): Promise<readonly (readonly string[])[]> {
  const found: string[][] = [];
  let token = "";
  do {
    const page = await bench.csi.controller.listSnapshots({
      max_entries: maxEntries,
      starting_token: token,
    });
    found.push(page.entries.map(({ snapshot }) => snapshot?.snapshot_id ?? ""));
    token = page.next_token;
  } while (token !== "");
  return found;
}

test("snapshots are listed by page, by source and by id", async () => {
  await expectNothingLeft(bench, async () => {
    const { life, csi } = bench;
    const [one, other] = [await life.create("one", "ext4"), await life.create("other", "block")];
    const snapshots: Snapshot__Output[] = [];
    for (let number = 0; number < 7; number += 1)
      snapshots.push(await life.snapshot(`list-${number}`, number % 2 === 0 ? one : other));
    const ids = snapshots.map(({ snapshot_id }) => snapshot_id);
    const paged = await pages(3);
    expect(paged.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(paged.flat().toSorted()).toEqual(ids.toSorted());

    const idsOf = async (request: Parameters<typeof csi.controller.listSnapshots>[0]) =>
      (await csi.controller.listSnapshots(request)).entries.map(({ snapshot }) => snapshot?.snapshot_id);
    expect(await idsOf({ source_volume_id: other.id })).toEqual([ids[1], ids[3], ids[5]]);
    expect(await idsOf({ snapshot_id: ids[4] ?? "" })).toEqual([ids[4]]);
    expect(await idsOf({ snapshot_id: ids[4] ?? "", source_volume_id: other.id })).toEqual([]);
    expect(await idsOf({ snapshot_id: "nobody-made-this" })).toEqual([]);
    await expectCode(csi.controller.listSnapshots({ starting_token: "17" }), "ABORTED");

    // A page goes on where the last one ended, although its last entry is gone by then.
    const first = await csi.controller.listSnapshots({ max_entries: 2 });
    const [, last] = first.entries;
    await csi.controller.deleteSnapshot({ snapshot_id: last?.snapshot?.snapshot_id ?? "" });
    const second = await csi.controller.listSnapshots({ max_entries: 2, starting_token: first.next_token });
    expect(second.entries.map(({ snapshot }) => snapshot?.snapshot_id)).toEqual(paged.flat().slice(2, 4));

    await life.deleteSnapshots(...snapshots);
    await life.delete(one, other);
  });
});

test("a repeated CreateSnapshot answers the same, its time included, also by the next driver", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const volume = await life.create("repeated", "ext4");
    const other = await life.create("repeated-2", "ext4");
    await life.use(volume);
    const snapshot = await life.snapshot("cut", volume);
    expect(Math.abs(Number(snapshot.creation_time?.seconds) * 1000 - Date.now())).toBeLessThan(60_000);
    expect(await life.snapshot("cut", volume)).toEqual(snapshot);
    await expectCode(life.snapshot("cut", other), "ALREADY_EXISTS");
    await bench.driver.kill();
    await bench.restart();
    expect(await life.snapshot("cut", volume)).toEqual(snapshot);
    const { snapshot: found } = await bench.csi.controller.getSnapshot({ snapshot_id: snapshot.snapshot_id });
    expect(found).toEqual(snapshot);
    await life.deleteSnapshots(snapshot, snapshot);
    await life.end(volume);
    await life.delete(other);
  });
});

test("calls of one name at once make one object", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const creations = await Promise.all(
      Array.from({ length: 4 }, () => life.create("once", "ext4").then(({ id }) => id)),
    );
    expect(new Set(creations).size).toBe(1);
    const volume = await life.create("once", "ext4");
    await life.use(volume);
    const cuts = await Promise.all(
      Array.from({ length: 4 }, () => life.snapshot("once", volume).then(({ snapshot_id }) => snapshot_id)),
    );
    expect(new Set(cuts).size).toBe(1);
    const [wanted, rival] = await Promise.all([
      outcomeOf(life.create("two-sizes", "block", 64n << 20n)),
      outcomeOf(life.create("two-sizes", "block", 128n << 20n)),
    ]);
    // Who came second is told to wait, or that the name is taken by something else.
    expect([wanted.code, rival.code].filter((code) => code === "OK")).toHaveLength(1);
    expect(["ABORTED", "ALREADY_EXISTS"]).toContain(wanted.code === "OK" ? rival.code : wanted.code);
    const listed = await bench.csi.controller.listVolumes({});
    expect(listed.entries).toHaveLength(2);
    const { snapshot } = await bench.csi.controller.getSnapshot({ snapshot_id: cuts[0] ?? "" });
    if (snapshot !== null) await life.deleteSnapshots(snapshot);
    await life.end(volume);
    const left = await bench.csi.controller.listVolumes({});
    for (const entry of left.entries)
      await bench.csi.controller.deleteVolume({ volume_id: entry.volume?.volume_id ?? "" });
  });
});
