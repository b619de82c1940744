/** A disk that goes bad under one pool: errors stay in it, every call ends, and it comes back by itself. */
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { MachineState } from "../../support/machine-state.ts";
import { outcomeOf } from "../../support/node-bench.ts";
import { countRecords, RecordWriter } from "../../support/record-writer.ts";
import { ROLES, type Part, type Role, type Way } from "../disk/bad-disk.ts";
import {
  DEADLINE_MS,
  DiskBench,
  letterIn,
  makeBadVolumes,
  ON_BAD,
  type BadVolumes,
} from "../disk/disk-bench.ts";
import { given } from "./given.ts";

const { seed, share } = given();

/** Until all calls are under way: each starts a process or two, and the test kernel has one processor. */
const BEGIN_MS = 1500;

let bench: DiskBench;
beforeAll(async () => {
  bench = await DiskBench.start();
});
afterAll(() => bench.end());

interface Fault {
  readonly part: Part;
  readonly way: Way;
  /** What the driver says of the pool meanwhile; absent where it can go on, or where that is chance. */
  readonly says?: RegExp;
}

/** By the seed: three in a row try each device. */
const one = (offset: number): Role => ROLES[(seed + offset) % ROLES.length] ?? "data";
const REPAIR = /not open: bad \(.*mend its disk, .* run dmthin pool repair bad/;
const FAULTS: readonly Fault[] = [
  { part: "data", way: "failing" },
  { part: "metadata", way: "failing", says: REPAIR },
  { part: "catalog", way: "failing", says: /not open: bad \(.*again/ },
  { part: "data", way: "stuck" },
  { part: "metadata", way: "stuck" },
  {
    part: "catalog",
    way: "stuck",
    says: /its catalog failed .*again when what is under way on it has ended/,
  },
  {
    part: "whole disk",
    way: "stuck",
    says: /its catalog failed .*again when what is under way on it has ended/,
  },
  { part: one(0), way: "slow" },
  { part: one(1), way: "refusing writes" },
  { part: one(2), way: "up and down" },
];
const TRIED = share ? FAULTS.filter(({ part, way }) => part === "catalog" && way === "failing") : FAULTS;

describe.each(TRIED)("while the $part under a pool is $way", ({ part, way, says }) => {
  const tag = `${part}-${way}`.replaceAll(" ", "-");
  // Where they are stuck: together more than the driver has threads.
  const times = way === "stuck" ? 5 : 1;
  let before: MachineState;
  let volumes: BadVolumes;
  let writer: RecordWriter;

  beforeAll(async () => {
    before = await bench.state();
    volumes = await makeBadVolumes(bench, tag);
    writer = await RecordWriter.start(`${volumes.written.targetPath}/records`);
    await bench.disk.turn(part, way);
  });
  // Whatever became of the tests, so that the next fault finds a healthy disk.
  afterAll(() => bench.disk.heal(part));

  test("promise 7: calls about another pool take their usual time; those about it end, with codes that mean 'ask again'", async () => {
    const calls = bench.calls(tag, volumes, times);
    await sleep(BEGIN_MS);
    expect(bench.tooSlow(await bench.round())).toEqual([]);
    expect(await calls).toEqual([]);
    // A catalog has 15 s to answer.
    if (says !== undefined) await expect.poll(() => bench.absence(), { timeout: 40_000 }).toMatch(says);
  });

  test("promise 9: pods that use it can end, or are told to ask again; nothing is unmounted by force", async () => {
    const { raw, staged } = volumes;
    // The kernel itself waits for these disks: it must, or what was written would be lost.
    const stuck = way === "stuck" && part !== "catalog";
    const end = async (call: () => Promise<unknown>): Promise<void> => {
      if (!stuck) return void (await bench.again(call));
      const begin = performance.now();
      expect((await outcomeOf(call())).code).toMatch(/^(OK|ABORTED|DEADLINE_EXCEEDED|UNAVAILABLE)$/);
      expect(performance.now() - begin).toBeLessThan(DEADLINE_MS + 15_000);
    };
    for (const each of [raw, staged]) {
      if (each === raw) await end(() => bench.unpublish(each));
      await end(() => bench.unstage(each));
    }
    // The kernel has one lock for all thin tables: nobody may wait there for this disk.
    if (stuck) expect(bench.tooSlow(await bench.round())).toEqual([]);
    expect(await bench.forcedUnmounts()).toEqual([]);
  });

  test("promises 2, 7: well again, it is back without a restart of the driver; what fsync confirmed is there, and nothing is left over", async () => {
    const { pid } = bench.driver;
    await bench.disk.heal(part);
    // The filesystem may have given up: then its program has failed, and its pod starts anew.
    await writer.stop().catch(() => undefined);
    await bench.again(() => bench.bad.unpublish(volumes.written));
    for (const each of [volumes.written, volumes.staged, volumes.idle])
      await bench.again(() => bench.bad.unstage(each));
    await bench.again(() => bench.bad.release(volumes.raw));
    await bench.mended();
    await bench.again(() => bench.bad.use(volumes.written));
    expect(await countRecords(`${volumes.written.targetPath}/records`)).toBeGreaterThanOrEqual(
      writer.durable,
    );
    expect(await letterIn(volumes)).toBe(volumes.letter);
    await bench.again(() => bench.bad.stage(volumes.staged));
    await bench.settle(tag, volumes, times);
    await bench.bad.release(volumes.written);
    await bench.bad.unstage(volumes.staged);
    await bench.bad.delete(volumes.written, volumes.staged, volumes.raw, volumes.idle);
    expect(bench.driver.pid).toBe(pid);
    expect(await bench.state()).toEqual(before);
  });
});

// The kernel answers 0 to a message whose commit fails: only the pool's status tells.
test("promise 4: a volume that the metadata's disk did not take is not acknowledged", async () => {
  const make = (name: string) => bench.bad.create(name, "block", 64n << 20n, ON_BAD);
  const before = await make("taken");
  await bench.disk.turn("metadata", "refusing writes");
  try {
    expect((await outcomeOf(make("not-taken"))).code).toBe("UNAVAILABLE");
  } finally {
    await bench.disk.heal("metadata");
  }
  await bench.mended();
  const made = await bench.again(() => make("not-taken"));
  for (const each of [before, made]) {
    await bench.bad.use(each);
    await bench.bad.release(each);
    await bench.bad.delete(each);
  }
});
