/** Mounts that somebody uses: tried again, then a clear error, and nothing is taken from whoever uses them. */
import { readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { run, type MachineState } from "../../support/machine-state.ts";
import { expectCode, NodeBench, outcomeOf } from "../../support/node-bench.ts";
import { retried } from "../../support/retried.ts";
import type { TestVolume, VolumeLife } from "../../support/volume-life.ts";
import { commandsRun, mountsAt, running } from "../concurrency/counting.ts";
import { HOLDS, OtherNamespace } from "../concurrency/holders.ts";
import { given } from "./given.ts";

const { seed, share } = given();
const CHOSEN_HOLDS = share ? HOLDS.filter((_each, index) => index === seed % HOLDS.length) : HOLDS;

let bench: NodeBench;
let life: VolumeLife;
/** Staged and published, all the time. */
let used: TestVolume;
let before: MachineState;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "busy-mounts", dataSize: "4GiB" });
  ({ life } = bench);
  used = await life.create("used", "ext4");
  await life.use(used);
});
beforeEach(async () => {
  before = await bench.state();
});
afterEach(async () => expectAsBefore());
afterAll(() => bench.stop());

/** But for the number of blocks: a filesystem that is in use writes by itself. */
async function expectAsBefore(): Promise<void> {
  expect({ ...(await bench.state()), usedBlocks: "" }).toEqual({ ...before, usedBlocks: "" });
}

const UMOUNTS = /\["umount"/;
describe("promise 9: a mount with", () => {
  const cases = CHOSEN_HOLDS.flatMap(({ what, hold }) =>
    (["unpublish", "unstage"] as const).map((verb) => ({ what, hold, verb })),
  );

  test.each(cases)("$what is not given up: $verb", async ({ hold, verb }) => {
    const volume = await life.create("held", "ext4");
    await life.stage(volume);
    if (verb === "unpublish") await life.publish(volume);
    const path = verb === "unpublish" ? volume.targetPath : volume.stagingPath;
    const release = () => (verb === "unpublish" ? life.unpublish(volume) : life.unstage(volume));
    const holder = await hold(path);
    const tries = await commandsRun(bench.driver, UMOUNTS);
    const calls = Promise.all(Array.from({ length: 5 }, () => outcomeOf(release())));
    let most = 0;
    for (let sample = 0; sample < 20; sample += 1) {
      most = Math.max(most, await running("umount"));
      await sleep(100);
    }
    // Another volume does not wait for this one.
    await life.unpublish(used);
    await life.publish(used);
    for (const outcome of await calls) {
      expect(outcome.code).toBe("FAILED_PRECONDITION");
      expect(outcome.details).toMatch(/is still in use after 10 s: .* it is unmounted when they end/);
    }
    expect(most).toBeLessThanOrEqual(1);
    // Tried again and again, by one of the five.
    expect((await commandsRun(bench.driver, UMOUNTS)) - tries).toBeGreaterThan(3);
    expect((await commandsRun(bench.driver, UMOUNTS)) - tries).toBeLessThan(50);
    expect(await commandsRun(bench.driver, /\["umount".*"-(l|f|-lazy|-force)/)).toBe(0);
    expect(await mountsAt(path)).toBe(1);
    expect(await run("dmsetup", "info", "-c", "--noheadings", "-o", "name", volume.device)).toBe(
      volume.device,
    );
    await holder.release();
    await release();
    if (verb === "unpublish") await life.unstage(volume);
    await life.delete(volume);
  });
});

test("promise 9: a device is not removed while a mount of it exists in another mount namespace", async () => {
  const volume = await life.create("elsewhere", "ext4");
  await life.use(volume);
  const other = await OtherNamespace.start();
  await life.unpublish(volume);
  await expectCode(life.unstage(volume), "FAILED_PRECONDITION", /is still open \(a mount, a raw block user/);
  // Not by the target: removing its directory, as CSI demands, takes it out of every namespace.
  await other.run("dd", "if=/dev/zero", `of=${volume.stagingPath}/alive`, "bs=4k", "count=1", "conv=fsync");
  expect(await run("dmsetup", "info", "-c", "--noheadings", "-o", "name", volume.device)).toBe(volume.device);
  await expectCode(life.delete(volume), "FAILED_PRECONDITION");
  await other.end();
  await retried(() => life.unstage(volume));
  // What was written in there was not lost.
  await life.stage(volume);
  expect(await readdir(volume.stagingPath)).toContain("alive");
  await life.unstage(volume);
  await life.delete(volume);
});
