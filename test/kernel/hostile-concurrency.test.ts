/** Calls that meet on one object, and callers that do not wait: one wins, others join or are told to retry (promise 11). */
import { mkdir, readFile } from "node:fs/promises";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { linesOf, type MachineState } from "../support/machine-state.ts";
import { NodeBench, outcomeOf } from "../support/node-bench.ts";
import { retried } from "../support/retried.ts";
import { capabilityOf, fromVolume, type TestVolume, type VolumeLife } from "../support/volume-life.ts";

let bench: NodeBench;
let life: VolumeLife;
/** Staged and published. */
let used: TestVolume;
let before: MachineState;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "hostile-race", dataSize: "4GiB" });
  ({ life } = bench);
  used = await life.create("used", "ext4");
  await life.use(used);
});
beforeEach(async () => {
  before = await bench.state();
});
afterAll(() => bench.stop());

const times = <T>(count: number, call: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, call));
const codesOf = async (...calls: readonly Promise<unknown>[]): Promise<readonly string[]> =>
  Promise.all(calls.map(async (call) => (await outcomeOf(call)).code));
const MKFS = /"mkfs.ext4","-q"/;
/** Commands that the driver has run, of the kind that changes something. */
async function commands(pattern: RegExp): Promise<number> {
  const log = linesOf(await readFile(bench.driver.log, "utf8"));
  return log.filter((line) => line.includes('"command"') && pattern.test(line)).length;
}
const thinsMade = (): Promise<number> => commands(/"(create_thin|create_snap) /);

describe("twenty equal calls at once", () => {
  test.each([
    ["CreateVolume", () => life.create("equal", "block"), (made: TestVolume) => life.delete(made)],
    [
      "CreateVolume from a volume in use",
      () => life.copy("equal", fromVolume(used), "ext4", used.size),
      (made: TestVolume) => life.delete(made),
    ],
  ])("%s make one thin, and all get it", async (_what, call, remove) => {
    const thins = await thinsMade();
    const made = await times(20, call);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await thinsMade()).toBe(thins + 1);
    for (const volume of made.slice(0, 1)) await times(20, () => remove(volume));
    expect(await bench.state()).toEqual(before);
  });

  test("CreateSnapshot cut once, at one time, and delete once", async () => {
    const thins = await thinsMade();
    const made = await times(20, () => life.snapshot("equal", used));
    expect(new Set(made.map(({ snapshot_id }) => snapshot_id)).size).toBe(1);
    expect(new Set(made.map(({ creation_time }) => JSON.stringify(creation_time))).size).toBe(1);
    expect(await thinsMade()).toBe(thins + 1);
    for (const snapshot of made.slice(0, 1)) await times(20, () => life.deleteSnapshots(snapshot));
    expect(await bench.state()).toEqual(before);
  });

  test("NodeStage make one filesystem and one mount; NodePublish one, and back", async () => {
    const volume = await life.create("equal", "ext4");
    const made = await commands(MKFS);
    await times(20, () => life.stage(volume));
    expect(await commands(MKFS)).toBe(made + 1);
    await times(20, () => life.publish(volume));
    expect(await mountsAt(volume.stagingPath)).toBe(1);
    expect(await mountsAt(volume.targetPath)).toBe(1);
    await times(20, () => life.unpublish(volume));
    await times(20, () => life.unstage(volume));
    await life.delete(volume);
    expect(await bench.state()).toEqual(before);
  });
});

async function mountsAt(path: string): Promise<number> {
  return linesOf(await readFile("/proc/self/mountinfo", "utf8")).filter((line) => line.split(" ")[4] === path)
    .length;
}

describe("different calls on one object at once", () => {
  test("two volumes of one name: one is made, the other call is refused, also when it comes again", async () => {
    const small = () => life.create("name", "block", 64n << 20n);
    const large = () => life.create("name", "block", 128n << 20n);
    const codes = await codesOf(small(), large());
    expect(codes.toSorted()).toEqual([expect.stringMatching(/^(ABORTED|ALREADY_EXISTS)$/), "OK"]);
    const [winner, loser] = codes[0] === "OK" ? [small, large] : [large, small];
    expect(await codesOf(retried(winner), retried(loser))).toEqual(["OK", "ALREADY_EXISTS"]);
    await life.delete(await winner());
    expect(await bench.state()).toEqual(before);
  });

  test("a volume is deleted while it is cut, and cut while it is deleted: each ends, whoever came first", async () => {
    for (const first of ["cut", "delete"]) {
      const volume = await life.create("victim", "block");
      const cut = () => life.snapshot("victim", volume);
      const remove = () => life.delete(volume);
      const codes = await codesOf(...(first === "cut" ? [cut(), remove()] : [remove(), cut()]));
      // The first one's name is taken before the second one looks.
      expect(codes).toEqual(["OK", expect.stringMatching(/^(ABORTED|NOT_FOUND)$/)]);
      if (first === "cut") {
        const snapshot = await cut();
        await retried(remove);
        await life.deleteSnapshots(snapshot);
      } else expect(await codesOf(retried(cut))).toEqual(["NOT_FOUND"]);
      expect(await bench.state()).toEqual(before);
    }
  });

  test("a snapshot is deleted while a volume is made from it: the copy is whole or was never made", async () => {
    const snapshot = await life.snapshot("source", used);
    const copy = () =>
      life.copy("copy", { snapshot: { snapshot_id: snapshot.snapshot_id } }, "ext4", used.size);
    const codes = await codesOf(copy(), life.deleteSnapshots(snapshot));
    expect(codes).toEqual(["OK", "ABORTED"]);
    await retried(() => life.deleteSnapshots(snapshot));
    await life.delete(await copy());
    expect(await bench.state()).toEqual(before);
  });

  test("staged here and there, grown, cut and deleted: one at a time, and nothing is left", async () => {
    const volume = await life.create("busy", "ext4");
    const elsewhere = { ...volume, stagingPath: `${volume.stagingPath}-other` };
    for (const { stagingPath } of [volume, elsewhere]) await mkdir(stagingPath, { recursive: true });
    const stage = ({ id, stagingPath }: TestVolume) =>
      bench.csi.node.nodeStageVolume({
        volume_id: id,
        staging_target_path: stagingPath,
        volume_capability: capabilityOf("ext4"),
      });
    const codes = await codesOf(
      stage(volume),
      stage(elsewhere),
      life.enlarge(volume, 80n << 20n),
      life.snapshot("busy", volume),
      life.delete(volume),
    );
    expect(codes).toEqual(["OK", "ABORTED", "ABORTED", "ABORTED", "ABORTED"]);
    const later = await codesOf(stage(elsewhere), life.delete(volume));
    expect(later).toEqual(["ALREADY_EXISTS", expect.stringMatching(/^(FAILED_PRECONDITION|ABORTED)$/)]);
    await life.unstage(elsewhere);
    await life.unstage(volume);
    await life.delete(volume);
    expect(await bench.state()).toEqual(before);
  });
});

describe("a caller that does not wait", () => {
  const size = { capacity_range: { required_bytes: 64 << 20 } };
  const ext4 = capabilityOf("ext4");

  // A deadline of 1 ms may pass before the driver has heard of it, one of 20 ms passes in the middle of most calls.
  test.each([
    [1, /^DEADLINE_EXCEEDED$/],
    [20, /^(DEADLINE_EXCEEDED|OK)$/],
  ] as const)(
    "longer than %d ms gets what it asked for with a later call, once",
    async (deadlineMs, hurried) => {
      const { controller, groupController, node } = bench.csi;
      const [name, deadline, thins] = [`hurried-${deadlineMs}`, { deadlineMs }, await thinsMade()];
      const both = { name, source_volume_ids: [used.id] };
      const codes = await codesOf(
        controller.createVolume({ name, volume_capabilities: [ext4], ...size }, deadline),
        controller.createSnapshot({ name, source_volume_id: used.id }, deadline),
        groupController.createVolumeGroupSnapshot(both, deadline),
      );
      for (const code of codes) expect(code).toMatch(hurried);
      const volume = await retried(() => life.create(name, "ext4"));
      const snapshot = await retried(() => life.snapshot(name, used));
      const { group_snapshot: group } = await retried(() => groupController.createVolumeGroupSnapshot(both));
      expect(await thinsMade()).toBe(thins + 3);

      const [made, at] = [
        await commands(MKFS),
        { volume_id: volume.id, staging_target_path: volume.stagingPath },
      ];
      await mkdir(volume.stagingPath, { recursive: true });
      const stage = node.nodeStageVolume({ ...at, volume_capability: ext4 }, deadline);
      expect(await codesOf(stage)).toEqual([expect.stringMatching(hurried)]);
      await retried(() => life.stage(volume));
      expect(await commands(MKFS)).toBe(made + 1);
      expect(await mountsAt(volume.stagingPath)).toBe(1);
      expect(await codesOf(node.nodeUnstageVolume(at, deadline))).toEqual([expect.stringMatching(hurried)]);
      await retried(() => life.unstage(volume));

      expect(await codesOf(controller.deleteVolume({ volume_id: volume.id }, deadline))).toEqual([
        "DEADLINE_EXCEEDED",
      ]);
      await retried(() => life.delete(volume));
      await life.deleteSnapshots(snapshot);
      await groupController.deleteVolumeGroupSnapshot({
        group_snapshot_id: group?.group_snapshot_id ?? "",
        snapshot_ids: group?.snapshots.map(({ snapshot_id }) => snapshot_id) ?? [],
      });
      expect(await bench.state()).toEqual(before);
    },
  );

  test("is not needed: what was begun goes on by itself", async () => {
    const request = { name: "alone", volume_capabilities: [ext4], ...size };
    await codesOf(bench.csi.controller.createVolume(request, { deadlineMs: 20 }));
    const listed = async () => (await bench.csi.controller.listVolumes({})).entries.length;
    await expect.poll(listed, { timeout: 10_000 }).toBe(before.volumes.length + 1);
    await life.delete(await life.create("alone", "ext4"));
    expect(await bench.state()).toEqual(before);
  });
});
