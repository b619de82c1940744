/**
 * A suspended device never outlives its driver for long, whoever dies and however (promise 5); and what was cut is one
 * point in time, or is taken back (promise 3).
 */
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { run } from "../../support/machine-state.ts";
import { expectCode, outcomeOf } from "../../support/node-bench.ts";
import type { TestVolume } from "../../support/volume-life.ts";
import type { Death } from "../kill/points.ts";
import {
  isAnySuspended,
  isSuspended,
  SuspendBench,
  untilResumed,
  whileWriting,
} from "../suspend/suspend-bench.ts";
import { figure } from "./given.ts";

/** What promise 5 calls seconds. */
const SOON_MS = 3000;
/** A snapshot whose resume fails four times. */
const CALL_MS = 7000;
/** The bracket's deadline, and what a busy machine adds. */
const DEADLINE_MS = 30_000;

let bench: SuspendBench;
beforeAll(async () => {
  bench = await SuspendBench.start();
}, 240_000);
afterAll(() => bench.node.stop());

describe("promises 5, 3: a driver killed while it holds an ext4, a btrfs and a raw device still:", () => {
  test.each<[Death, string, "all" | "first"]>([
    ["process", "alone; the guard that it had started goes on", "all"],
    ["process", "when it holds only the first of them", "first"],
    ["container", "with its container, and never restarted; the guard lives in another", "all"],
  ])("%s, %s: they go on within seconds", async (death, _what, held) => {
    await bench.node.start(death);
    const volumes = bench.kinds;
    const name = await whileWriting(volumes, async (writer) => {
      const made = await bench.standInBracket(volumes, held);
      await bench.node.kill(death);
      const took = await untilResumed(volumes);
      figure(`resumed ${Math.round(took)} ms after the kill (${death})`);
      expect(took).toBeLessThan(SOON_MS);
      await writer.reach(5);
      await sleep(1000);
      await writer.reach(5);
      return made;
    });
    await bench.node.start("process");
    await bench.expectGroupRepeatable(name, volumes);
    await bench.node.kill("process");
  });
});

test("promise 5: a guard whose first resume fails tries again, and thaws only then", async () => {
  await bench.node.start("process");
  const volumes = [bench.tree];
  const uuid = await run("dmsetup", "info", "-c", "--noheadings", "-o", "uuid", bench.tree.device);
  const name = await whileWriting(volumes, async (writer) => {
    const made = await bench.standInBracket(volumes);
    bench.node.tools.order("fail-once", `dmsetup resume --uuid ${uuid}`);
    await bench.node.kill("process");
    expect(await untilResumed(volumes)).toBeLessThan(SOON_MS);
    // A thaw before the resume would wait, be given up, and leave it read-only.
    await writer.reach(5);
    return made;
  });
  await bench.node.noRules();
  await bench.node.start("process");
  await bench.expectGroupRepeatable(name, volumes);
  await bench.node.kill("process");
});

describe("promise 5: guard and driver killed together:", () => {
  test("the first act of the next start resumes", async () => {
    await bench.node.start("cgroup");
    const name = await whileWriting(bench.kinds, async (writer) => {
      const made = await bench.standInBracket(bench.kinds);
      await bench.node.kill("cgroup");
      const before = bench.node.log().length;
      await sleep(1000);
      expect(await isAnySuspended(bench.kinds)).toBe(true);
      await bench.node.start("process");
      await writer.reach(5);
      const messages = bench.node
        .log()
        .slice(before)
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
      const first = messages.find(({ msg }) => msg !== "command") ?? {};
      expect(first).toMatchObject({
        msg: "found suspended devices",
        resumed: expect.arrayContaining(bench.kinds.map(({ device }) => device)) as unknown,
        thawed: [bench.tree.stagingPath],
        afterMs: expect.any(Number) as unknown,
      });
      figure(`resumed ${String(first["afterMs"])} ms after the start of the next driver`);
      return made;
    });
    await bench.expectGroupRepeatable(name, bench.kinds);
    await bench.node.kill("process");
  });

  test.each([
    [
      "has an unknown key",
      () => JSON.stringify({ stateDirectory: bench.node.stateDirectory, nonsense: true }),
    ],
    ["is cut in the middle", () => `stateDirectory: ${bench.node.stateDirectory}\npools: [{ name: "ha`],
  ])("also where the configuration %s", async (_what, text) => {
    await bench.node.start("cgroup");
    const name = await whileWriting(bench.kinds, async (writer) => {
      const made = await bench.standInBracket(bench.kinds);
      await bench.node.kill("cgroup");
      await sleep(500);
      expect(await isAnySuspended(bench.kinds)).toBe(true);
      expect(await bench.node.startMisconfigured(text())).toBe(1);
      expect(await isAnySuspended(bench.kinds)).toBe(false);
      // Into the btrfs too: that was frozen by its mount.
      await writer.reach(5);
      return made;
    });
    await bench.node.start("process");
    await bench.expectGroupRepeatable(name, bench.kinds);
    await bench.node.kill("process");
  });
});

describe("promises 5, 3: a guard that ends while it is armed:", () => {
  test("killed, the one of the driver: the driver resumes, and takes the snapshot back", async () => {
    await bench.node.start("process");
    const name = bench.named();
    await whileWriting([bench.one, bench.two], async (writer) => {
      const { ended } = await bench.beginSlowly(name);
      process.kill(bench.node.ownGuardPid ?? Number.NaN, "SIGKILL");
      bench.node.tools.release();
      expect(await ended).toMatchObject({
        code: "UNAVAILABLE",
        details: expect.stringMatching(/guard/) as string,
      });
      expect(await isSuspended(bench.one)).toBe(false);
      await writer.reach(5);
    });
    await bench.node.noRules();
    await bench.expectSnapshotRepeatable(name, bench.one);
    await bench.node.kill("process");
  });

  test("killed and restarted, the one of another container: it resumes, and the snapshot is taken back", async () => {
    await bench.node.start("container");
    const name = bench.named();
    await whileWriting([bench.one, bench.two], async (writer) => {
      const { ended } = await bench.beginSlowly(name);
      await bench.node.restartGuard();
      await untilResumed([bench.one]);
      await writer.reach(5);
      bench.node.tools.release();
      expect(await ended).toMatchObject({ code: "UNAVAILABLE" });
    });
    await bench.node.noRules();
    await bench.expectSnapshotRepeatable(name, bench.one);
    await bench.node.kill("container");
  });

  test("told to end by SIGTERM: it stays for as long as the bracket, and resumes when the driver dies", async () => {
    await bench.node.start("process");
    const first = bench.named();
    const { ended } = await bench.beginSlowly(first);
    process.kill(bench.node.ownGuardPid ?? Number.NaN, "SIGTERM");
    bench.node.tools.release();
    expect(await ended).toMatchObject({ code: "OK" });
    await bench.node.noRules();
    await bench.expectSnapshotRepeatable(first, bench.one);
    await whileWriting([bench.one, bench.two], async (writer) => {
      await bench.standInBracket([bench.one, bench.two]);
      process.kill(bench.node.ownGuardPid ?? Number.NaN, "SIGTERM");
      await sleep(200);
      await bench.node.kill("process");
      await untilResumed([bench.one, bench.two]);
      await writer.reach(5);
    });
  });
});

describe("promises 5, 3: with the driver alive,", () => {
  beforeAll(() => bench.node.start("process"));
  afterAll(() => bench.node.kill("process"));

  // Linux since 6.8 lets a freeze of the device nest in the user's; others refuse, as btrfs is by its mount.
  test.each<[string, () => TestVolume, readonly string[]]>([
    ["an ext4", () => bench.one, ["OK", "FAILED_PRECONDITION"]],
    ["a btrfs", () => bench.tree, ["FAILED_PRECONDITION"]],
  ])("%s that its user has frozen stays frozen, whether it is cut or not", async (_what, choose, codes) => {
    const volume = choose();
    const { targetPath } = volume;
    const cuts = async (): Promise<void> => {
      const alone = await outcomeOf(bench.place.life.snapshot("frozen", volume));
      expect(codes).toContain(alone.code);
      if (alone.code !== "OK") expect(alone.details).toMatch(/frozen by somebody/);
      await whileWriting([bench.two], async (writer) => {
        const group = await outcomeOf(bench.place.group("frozen", bench.two, volume));
        expect(group.code).toBe(alone.code);
        await writer.reach(5);
      });
    };
    await run("fsfreeze", "--freeze", targetPath);
    try {
      await cuts();
      expect(await isAnySuspended([volume, bench.two])).toBe(false);
      // It is frozen still: it cannot be frozen once more.
      await expect(run("fsfreeze", "--freeze", targetPath)).rejects.toThrow(/busy/);
    } finally {
      await run("fsfreeze", "--unfreeze", targetPath);
    }
    await whileWriting([volume], (writer) => writer.reach(5));
    await bench.place.deleteGroup(await bench.place.group("frozen", bench.two, volume));
    await bench.place.life.deleteSnapshots(await bench.place.life.snapshot("frozen", volume));
    await bench.expectNoCopy();
  });

  test("a resume that fails once is tried again, and the snapshot stands", async () => {
    const name = bench.named();
    await bench.node.rule("fail-once", `^CreateSnapshot "${name}" #\\d+ ran dmsetup resume`);
    await whileWriting([bench.one], async (writer) => {
      const made = await bench.place.life.snapshot(name, bench.one);
      expect(await isSuspended(bench.one)).toBe(false);
      await writer.reach(5);
      await bench.place.life.deleteSnapshots(made);
    });
    await bench.node.noRules();
    bench.node.tools.release();
  });

  test.each([
    ["an ext4", () => bench.one],
    ["a btrfs", () => bench.tree],
  ])("%s that the driver cannot resume is reported, and resumed by the guard", async (_what, choose) => {
    const volume = choose();
    const name = bench.named();
    await bench.node.rule("fail", `^CreateSnapshot "${name}" #\\d+ ran dmsetup resume`);
    await whileWriting([volume], async (writer) => {
      const begin = performance.now();
      await expectCode(bench.place.life.snapshot(name, volume), "UNAVAILABLE", /resume failed/);
      await untilResumed([volume]);
      const took = performance.now() - begin;
      figure(`resumed by the guard ${Math.round(took)} ms after the call, where the driver cannot`);
      expect(took).toBeLessThan(CALL_MS + SOON_MS);
      await writer.reach(5);
    });
    await bench.node.noRules();
    await bench.expectSnapshotRepeatable(name, volume);
  });

  test("a disk that does not answer ends the bracket in time, and nothing is suspended once it does", async () => {
    const data = "dmthin-halt-data";
    const name = bench.named();
    await whileWriting([bench.raw], async (writer) => {
      await run("dmsetup", "suspend", "--noflush", "--nolockfs", data);
      await sleep(300);
      const begin = performance.now();
      const { code } = await outcomeOf(bench.place.life.snapshot(name, bench.raw));
      const took = performance.now() - begin;
      await run("dmsetup", "resume", data);
      expect(code).toBe("UNAVAILABLE");
      expect(took).toBeLessThan(DEADLINE_MS);
      await writer.reach(5);
      // A suspend that was given up may yet complete in the kernel: then it is undone.
      for (let round = 0; round < 5; round += 1) {
        await sleep(500);
        await writer.reach(5);
      }
      expect(await isSuspended(bench.raw)).toBe(false);
    });
    await bench.expectSnapshotRepeatable(name, bench.raw);
  });

  test("a group of twenty is one point in time for all", async () => {
    const members = await bench.makeMembers(20);
    const group = await whileWriting(members, async (writer) => {
      writer.takeLongestMs();
      const made = await bench.place.group(bench.named(), ...members);
      await writer.reach(2);
      figure(`a group of ${members.length} held its writer up for ${writer.takeLongestMs()} ms`);
      return made;
    });
    const counts = await bench.countRecordsIn(group, members);
    // Each record was made durable in one member after the other.
    expect(counts).toEqual(counts.toSorted((first, second) => second - first));
    expect((counts[0] ?? 0) - (counts.at(-1) ?? 0)).toBeLessThanOrEqual(1);
    expect(counts.at(-1)).toBeGreaterThan(0);
    await bench.place.deleteGroup(group);
    await bench.place.life.end(...members);
  }, 300_000);
});
