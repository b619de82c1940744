/**
 * SIGKILL for the driver while operations stand between two of their steps: the next start leaves nothing half-made, loses
 * nothing acknowledged, and every call can be repeated (promises 4 and 5). All kinds of operations die together.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { sha256, writeRandom, writeRaw } from "../support/content.ts";
import { CrashBench, type Act } from "../support/crash-bench.ts";
import { run, type MachineState } from "../support/machine-state.ts";
import { expectCode } from "../support/node-bench.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { fromVolume, type TestVolume, type VolumeLife } from "../support/volume-life.ts";

const MIB = 1n << 20n;
/** What promise 5 calls seconds. */
const SOON_MS = 2000;

let bench: CrashBench;
let life: VolumeLife;
/** In use all the time. */
let one: TestVolume;
let two: TestVolume;
let letter: string;
let before: MachineState;

beforeAll(async () => {
  bench = await CrashBench.start("hostile-kill", "8GiB");
  ({ life } = bench.node);
  one = await life.create("one", "ext4");
  two = await life.create("two", "ext4");
  for (const volume of [one, two]) await life.use(volume);
  letter = await writeRandom(`${one.targetPath}/letter`, 8);
  await life.snapshot("kept", one);
  before = await state();
});
afterAll(() => bench.stop());

const state = async (): Promise<MachineState> => ({ ...(await bench.node.state()), usedBlocks: "" });
const journals = (): readonly string[] => [`${one.targetPath}/journal`, `${two.targetPath}/journal`];

/** Both volumes are written to while `work` is done, and lose nothing. */
async function whileWriting(work: (writer: RecordWriter) => Promise<void>): Promise<void> {
  const writer = await RecordWriter.start(...journals());
  await work(writer);
  const durable = await writer.stop();
  for (const journal of journals()) {
    expect(await countRecords(journal)).toBe(durable);
    await run("rm", journal);
  }
}

/** What the operations work on, made anew for each kill. */
async function things() {
  const doomed = await life.create("doomed", "block");
  const doomedCut = await life.snapshot("doomed-cut", one);
  const grown = await life.create("grown", "block");
  const fresh = await life.create("fresh", "ext4");
  // mkfs refuses it: what is left is a volume whose formatting was cut short, which the next stage renews.
  const half = await life.create("half", "xfs", 300n * MIB, {
    parameters: { mkfsOptions: "-d agcount=1000000" },
  });
  await expectCode(life.stage(half), "UNAVAILABLE", /mkfs.xfs .* ended with/);
  return { doomed, doomedCut, grown, fresh, half };
}
type Things = Awaited<ReturnType<typeof things>>;

const calls = ({ doomed, doomedCut, grown, fresh, half }: Things) => ({
  create: () => life.create("new", "ext4"),
  clone: () => life.copy("clone", fromVolume(two), "ext4", two.size),
  snapshot: () => life.snapshot("cut", one),
  group: () => bench.createGroup("both", one, two),
  delete: () => life.delete(doomed),
  deleteSnapshot: () => life.deleteSnapshots(doomedCut),
  renew: () => life.stage(half),
  stage: () => life.stage(fresh),
  // Last: it holds the pool's ids while it stands still.
  expand: () => life.enlarge(grown, 80n * MIB),
});
type Kind = keyof ReturnType<typeof calls>;

/** After which step each operation stands still when the kill comes. */
const KILLS: readonly [string, Readonly<Record<Kind, RegExp>>][] = [
  [
    "after the intent",
    {
      create: /^record put-volume new creating/,
      clone: /^record put-volume clone creating/,
      snapshot: /^record put-snapshot cut creating/,
      group: /^record put-group both creating/,
      delete: /^record put-volume doomed deleting/,
      deleteSnapshot: /^record put-snapshot doomed-cut deleting/,
      renew: /^record put-volume half ready formatting retired/,
      stage: /^activate/,
      expand: /^record put-volume grown ready/,
    },
  ],
  [
    "after the kernel's part",
    {
      create: /^create-thin/,
      clone: /^while-suspended/,
      snapshot: /^while-suspended/,
      group: /^while-suspended/,
      delete: /^delete-thin/,
      deleteSnapshot: /^delete-thin/,
      renew: /^delete-thin/,
      stage: /^record put-volume fresh ready formatting$/,
      expand: /^set-transaction-id/,
    },
  ],
  [
    "after the outcome, before the answer",
    {
      create: /^record put-volume new ready/,
      clone: /^record put-volume clone ready/,
      snapshot: /^record put-snapshot cut ready/,
      group: /^record .*put-group both ready/,
      delete: /^record drop-volume/,
      deleteSnapshot: /^record drop-snapshot/,
      renew: /^create-thin/,
      stage: /^record put-volume fresh ready formatted$/,
      expand: /^set-transaction-id/,
    },
  ],
];

/** Every call once more, those that make something twice: the same answer. Then all of it is taken back. */
async function expectRepeatable(made: Things): Promise<void> {
  const { create, clone, snapshot, group, renew, stage, expand, ...deletions } = calls(made);
  const [volume, copy, cut, both] = [await create(), await clone(), await snapshot(), await group()];
  const again = [await create(), await clone(), await snapshot(), await group()];
  expect(again).toEqual([volume, copy, cut, both]);
  for (const call of Object.values(deletions)) await call();
  expect(await expand()).toBe(80n * MIB);
  await expectCode(renew(), "UNAVAILABLE", /mkfs.xfs .* ended with/);
  await stage();
  await writeFile(`${made.fresh.stagingPath}/letter`, "from a sound filesystem");
  await bench.deleteGroup(both);
  await life.deleteSnapshots(cut);
  for (const each of [made.fresh, made.half]) await life.unstage(each);
  await life.delete(volume, copy, made.fresh, made.half, made.grown);
}

describe("a driver killed in the middle of everything", () => {
  test.each(KILLS)("%s", async (what, stops) => {
    const made = await things();
    await whileWriting(async (writer) => {
      const begun = calls(made);
      const kinds = Object.keys(begun) as Kind[];
      await bench.standStill(kinds.map((kind): Act => ({ call: begun[kind], at: stops[kind] })));
      // As mkfs leaves it when it dies with the driver.
      if (stops.stage.source.includes("formatting"))
        await writeRaw(`/dev/mapper/${made.fresh.device}`, { mebibyte: 0, count: 1 });
      await bench.kill();
      await writer.reach(5);
      await bench.node.restart();
      await writer.reach(5);
    });
    // Deletions are finished; what was not recorded as made is undone; no thin is left over, none is gone.
    expect(await bench.counts()).toEqual(
      what.includes("outcome")
        ? { volumes: 7, snapshots: 4, thins: 11 }
        : { volumes: 5, snapshots: 1, thins: 6 },
    );
    await expectRepeatable(made);
    expect(await sha256(`${one.targetPath}/letter`)).toBe(letter);
    expect(await state()).toEqual(before);
  });
});

describe("a driver killed while it holds volumes still:", () => {
  const group = () => bench.createGroup("both", one, two);
  const snapshot = () => life.snapshot("cut", one);

  test.each([
    ["one, for a snapshot", snapshot, () => [one], async () => life.deleteSnapshots(await snapshot())],
    ["two, for a group", group, () => [one, two], async () => bench.deleteGroup(await group())],
  ])("%s: they go on within seconds", async (_what, call, volumes, takeBack) => {
    await whileWriting(async (writer) => {
      await bench.standStill([{ call, at: /^create-snap/ }]);
      for (const volume of volumes()) expect(await bench.suspended(volume)).toBe(true);
      const begin = performance.now();
      await bench.kill();
      for (const volume of volumes())
        await expect.poll(() => bench.suspended(volume), { timeout: 10_000, interval: 20 }).toBe(false);
      expect(performance.now() - begin).toBeLessThan(SOON_MS);
      await writer.reach(5);
      await bench.node.restart();
    });
    // Nobody was told of it, and it may not be of one point in time.
    expect(await bench.counts()).toEqual({ volumes: 2, snapshots: 1, thins: 3 });
    await call();
    await takeBack();
    expect(await state()).toEqual(before);
  });

  test("together with its resume guard: they go on with the next start", async () => {
    const clone = () => life.copy("clone", fromVolume(two), "ext4", two.size);
    await whileWriting(async (writer) => {
      await bench.standStill([{ call: clone, at: /^create-snap/ }]);
      bench.killGuards();
      await bench.kill();
      await sleep(1000);
      expect(await bench.suspended(two)).toBe(true);
      await bench.node.restart();
      await writer.reach(5);
    });
    const resumed = (await bench.log()).findLast((line) => line.includes('"found suspended devices"'));
    expect(resumed).toContain(two.device);
    expect(await bench.counts()).toEqual({ volumes: 2, snapshots: 1, thins: 3 });
    // And once more, between a block of ids on the disk and in the kernel: the first use of ids reserves one.
    await bench.standStill([{ call: clone, at: /^record put-pool/ }]);
    await bench.kill();
    await bench.node.restart();
    await life.delete(await clone());
    expect(await state()).toEqual(before);
  });
});
