/** Calls that meet on one object: one wins, others join or are told to retry; on different objects they go side by side. */
import { mkdir } from "node:fs/promises";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { CrashBench } from "../../support/crash-bench.ts";
import type { MachineState } from "../../support/machine-state.ts";
import { outcomeOf, type NodeBench } from "../../support/node-bench.ts";
import { retried } from "../../support/retried.ts";
import {
  capabilityOf,
  fromSnapshot,
  fromVolume,
  type TestVolume,
  type VolumeLife,
} from "../../support/volume-life.ts";
import { commandsRun, mountsAt } from "../concurrency/counting.ts";
import { brokenInvariants } from "../concurrency/invariants.ts";
import { Caller } from "../fuzz/caller.ts";
import { encode, RPCS } from "../fuzz/contract.ts";
import { LeftCalls } from "../fuzz/left-calls.ts";
import { LIFECYCLE, liveAtRandom } from "../fuzz/lifecycle.ts";
import { privateText } from "../fuzz/hostile-values.ts";
import { World } from "../fuzz/world.ts";
import { Random } from "../random.ts";
import { given } from "./given.ts";

const { seed, share } = given();
const ROUNDS = share ? 1 : 8;
/** Of three to six calls, each up to three times. */
const CALLS_A_ROUND = share ? 3 : 5;
/** Enough to be heard, and less than a filesystem takes to be made. */
const GONE_MS = 30;

let crash: CrashBench;
let bench: NodeBench;
let life: VolumeLife;
/** Staged and published, all the time. */
let used: TestVolume;
let before: MachineState;

beforeAll(async () => {
  crash = await CrashBench.start("concurrency", "6GiB");
  bench = crash.node;
  ({ life } = bench);
  used = await life.create("used", "ext4");
  await life.use(used);
});
beforeEach(async () => {
  before = await bench.state();
});
afterEach(async () => expectAsBefore());
afterAll(() => crash.stop());

/** Whatever the calls were, nothing is left of them. */
async function expectAsBefore(): Promise<void> {
  expect(await bench.state()).toEqual(before);
}
const times = <T>(count: number, call: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, call));
const codesOf = (...calls: readonly Promise<unknown>[]): Promise<readonly string[]> =>
  Promise.all(calls.map(async (call) => (await outcomeOf(call)).code));
const commands = (pattern: RegExp): Promise<number> => commandsRun(bench.driver, pattern);
const thinsMade = (): Promise<number> => commands(/"(create_thin|create_snap) /);

describe("promise 11: twenty equal calls at once", () => {
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
  });

  test("CreateSnapshot cut once, at one time, and delete once", async () => {
    const thins = await thinsMade();
    const made = await times(20, () => life.snapshot("equal", used));
    expect(new Set(made.map(({ snapshot_id }) => snapshot_id)).size).toBe(1);
    expect(new Set(made.map(({ creation_time }) => JSON.stringify(creation_time))).size).toBe(1);
    expect(await thinsMade()).toBe(thins + 1);
    for (const snapshot of made.slice(0, 1)) await times(20, () => life.deleteSnapshots(snapshot));
  });

  test("NodeStage make one filesystem and one mount; NodePublish one, and back", async () => {
    const MKFS = /"mkfs.ext4","-q"/;
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
  });
});

describe("promise 11: different calls at once", () => {
  test("for two volumes of one name: one is made, the other call is refused, also when it comes again", async () => {
    const small = () => life.create("name", "block", 64n << 20n);
    const large = () => life.create("name", "block", 128n << 20n);
    const codes = await codesOf(small(), large());
    expect(codes.toSorted()).toEqual([expect.stringMatching(/^(ABORTED|ALREADY_EXISTS)$/), "OK"]);
    const [winner, loser] = codes[0] === "OK" ? [small, large] : [large, small];
    expect(await codesOf(retried(winner), retried(loser))).toEqual(["OK", "ALREADY_EXISTS"]);
    await life.delete(await winner());
  });

  test.each(["cut", "delete"])("a volume is cut and deleted: each ends, first the %s", async (first) => {
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
  });

  test("a snapshot is deleted while a volume is made from it: the copy is whole or was never made", async () => {
    const snapshot = await life.snapshot("source", used);
    const copy = () => life.copy("copy", fromSnapshot(snapshot), "ext4", used.size);
    expect(await codesOf(copy(), life.deleteSnapshots(snapshot))).toEqual(["OK", "ABORTED"]);
    await retried(() => life.deleteSnapshots(snapshot));
    await life.delete(await copy());
  });

  test("staged here and there, grown, cut and deleted: one at a time", async () => {
    const volume = await life.create("busy", "ext4");
    const elsewhere = { ...volume, stagingPath: `${volume.stagingPath}-other` };
    for (const { stagingPath } of [volume, elsewhere]) await mkdir(stagingPath, { recursive: true });
    const codes = await codesOf(
      stageAt(volume),
      stageAt(elsewhere),
      life.enlarge(volume, 80n << 20n),
      life.snapshot("busy", volume),
      life.delete(volume),
    );
    expect(codes).toEqual(["OK", "ABORTED", "ABORTED", "ABORTED", "ABORTED"]);
    const later = await codesOf(stageAt(elsewhere), life.delete(volume));
    expect(later).toEqual(["ALREADY_EXISTS", expect.stringMatching(/^(FAILED_PRECONDITION|ABORTED)$/)]);
    await life.unstage(elsewhere);
    await life.unstage(volume);
    await life.delete(volume);
  });

  test("two volumes staged at one path, and published at one: one is there, and it is the right one", async () => {
    const [one, other] = [await life.create("one", "ext4"), await life.create("other", "ext4")];
    await mkdir(one.stagingPath, { recursive: true });
    const codes = await codesOf(stageAt(one), stageAt({ ...other, stagingPath: one.stagingPath }));
    expect(codes).toEqual(["OK", expect.stringMatching(/^(ABORTED|FAILED_PRECONDITION)$/)]);
    expect(await mountsAt(one.stagingPath)).toBe(1);
    await life.stage(other);
    const published = await codesOf(
      life.publish(one, { target: one.targetPath }),
      life.publish(other, { target: one.targetPath }),
    );
    // Whichever came first.
    expect(published.toSorted()).toEqual([expect.stringMatching(/^(ABORTED|FAILED_PRECONDITION)$/), "OK"]);
    expect(await mountsAt(one.targetPath)).toBe(1);
    await life.unpublish(published[0] === "OK" ? one : other, one.targetPath);
    await life.unstage(one);
    await life.delete(one);
    await life.unstage(other);
    await life.delete(other);
  });
});

const stageAt = ({ id, stagingPath }: TestVolume): Promise<unknown> =>
  bench.csi.node.nodeStageVolume({
    volume_id: id,
    staging_target_path: stagingPath,
    volume_capability: capabilityOf("ext4"),
  });

describe("promises 11, 4: many callers at once who know nothing of each other", () => {
  test.each(Array.from({ length: ROUNDS }, (_, index) => index + 1))(
    "round %d leaves nothing half done",
    async (round) => {
      const random = new Random(seed, `round ${round}`);
      const world = new World(bench, []).keeping(used.id);
      const caller = new Caller(bench.driver.endpoint);
      const left = LeftCalls.of(bench.driver);
      const rpcs = RPCS.filter(({ name }) => LIFECYCLE.has(name));
      await world.start();
      const complaints: string[] = [];
      for (let count = 0; count < CALLS_A_ROUND; count += 1) {
        await world.look();
        const message = () => world.plausible(random);
        const learn: World["learn"] = (...made) => world.learn(...made);
        complaints.push(
          ...(await liveAtRandom(caller, { random, rpcs, message, learn, private: privateText })),
        );
      }
      await left.ended(caller);
      caller.close();
      expect([...complaints, ...(await brokenInvariants(bench))]).toEqual([]);
      await world.clear();
    },
  );
});

test("promises 4, 11: a volume that is mounted behind its caller's back is taken down when that has ended", async () => {
  const world = new World(bench, []).keeping(used.id);
  await world.start();
  const caller = new Caller(bench.driver.endpoint);
  const left = LeftCalls.of(bench.driver);
  // Whichever is listed first: each at its own path, which is in the way of the other one's unstage while it is mounted.
  const volumes = [await life.create("alpha", "ext4"), await life.create("gamma", "ext4")];
  const stage = RPCS.find(({ name }) => name === "NodeStageVolume");
  if (stage === undefined) throw new Error("no rpc NodeStageVolume");
  const answers = volumes.map(({ id, name }) => {
    const staging_target_path = `${bench.kubeletDirectory}/plugins/fuzz-${name}`;
    const request = { volume_id: id, staging_target_path, volume_capability: capabilityOf("ext4") };
    return caller.send(stage, encode(stage.request, request), GONE_MS);
  });
  const codes = (await Promise.all(answers)).map(({ code }) => code);
  expect(codes).toEqual(["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
  await left.ended(caller);
  caller.close();
  await world.clear();
});

describe("promise 11: while one operation stands still in its middle", () => {
  const all = [
    ["CreateVolume", /create-thin/, (volume: TestVolume) => life.create("still-new", "ext4", volume.size)],
    ["NodeStageVolume", /ran mkfs/, (volume: TestVolume) => life.stage(volume)],
    ["CreateSnapshot", /record put-snapshot/, (volume: TestVolume) => life.snapshot("still", volume)],
    ["DeleteVolume", /record put-volume/, (volume: TestVolume) => life.delete(volume)],
  ] as const;

  test.each(share ? all.filter((_each, index) => index === seed % all.length) : all)(
    "others of other objects go on, and those of its own do not begin: %s",
    async (what, at, call) => {
      const volume = await life.create("still", "ext4");
      await crash.standStill([{ call: () => call(volume), at }]);
      // It stands for ever; those after it do not.
      await crash.go();
      const beside = await life.create("beside", "ext4");
      await life.use(beside);
      await life.deleteSnapshots(await life.snapshot("beside", beside));
      await life.enlarge(beside, 80n << 20n);
      await life.end(beside);
      expect(await life.stats(used)).not.toEqual([]);
      const rivals = {
        CreateVolume: () => life.create("still-new", "block", 96n << 20n),
        NodeStageVolume: () => life.enlarge(volume, 96n << 20n),
        CreateSnapshot: () => life.delete(volume),
        DeleteVolume: () => life.snapshot("rival", volume),
      };
      expect(await codesOf(rivals[what]())).toEqual([expect.stringMatching(/^(ABORTED|NOT_FOUND)$/)]);
      await crash.kill();
      await bench.restart();
      const again = await outcomeOf(retried<unknown>(() => call(volume)));
      expect(again.code).toBe("OK");
      if (what === "CreateVolume") await life.delete(await life.create("still-new", "ext4", volume.size));
      if (what === "NodeStageVolume") await life.unstage(volume);
      if (what === "CreateSnapshot") await life.deleteSnapshots(await life.snapshot("still", volume));
      await life.delete(volume);
    },
  );
});
