/** A pool on selected disks that is there: its labels say which they are, and only a higher count gets it others. */
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DeviceMissingError } from "../../src/core/errors.ts";
import { MIB } from "../../src/core/units.ts";
import { planPool } from "../../src/pool/pool-plan.ts";
import { grow, PoolBench } from "../support/pool-bench.ts";
import { ScsiDisks } from "../support/scsi-disks.ts";
import { MEBIBYTES, SelectorBench, sums } from "../support/selector-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
let scsi: ScsiDisks;
let selectors: SelectorBench;
const selecting: SelectorBench["selecting"] = (...words) => selectors.selecting(...words);
const add: SelectorBench["add"] = (...words) => selectors.add(...words);

beforeAll(() => {
  scsi = new ScsiDisks(MEBIBYTES);
});
afterAll(() => scsi.end());
beforeEach(async () => {
  bench = await PoolBench.create();
  selectors = new SelectorBench(bench, scsi);
});
afterEach(async () => {
  await bench.clear();
  scsi.clear();
});

describe("a pool that is there", () => {
  test("gets another disk only when count says so, and then no other number of them", async () => {
    const [first = "", second = ""] = await add("Quick 1", 2);
    const options = selecting({});
    await bench.complete(options);
    const third = await scsi.add("Quick 1");
    const more = selecting({ count: 3 });
    expect((await planPool(options, bench.runner)).kind).toBe("none");
    expect(await planPool(more, bench.runner)).toMatchObject({ kind: "grow", refusals: [] });
    const fourth = await scsi.add("Quick 1");
    const before = sums([third, fourth]);
    const unsure = await bench.open(more);
    expect(await grow(unsure, more)).toEqual([
      expect.stringMatching(/^is to have 1 disk more \(3 disks with model Quick\*\), and 2 would do/),
    ]);
    expect(sums([third, fourth])).toEqual(before);
    sh("mkfs.ext4", "-q", fourth);
    const held = sums([fourth]);
    const stack = await bench.open(more);
    expect(await grow(stack, more)).toEqual([]);
    expect(stack.dataBytes).toBeGreaterThan(290n * MIB);
    expect(sums([fourth])).toEqual(held);
    expect(await selectors.standings(more)).toEqual([
      ...[first, second, third].map((disk) => `${disk} own`),
      `${fourth} unneeded the pool has its 3 disks`,
    ]);
    // Less is no way back.
    expect(await grow(await bench.open(options), options)).toEqual([
      "select.count 2 has no effect: the pool has 3 disks and gives none up",
    ]);
  });

  test("waits for a disk that is gone, although an empty one would do", async () => {
    const [, second = ""] = await add("Quick 1", 2);
    const options = selecting({});
    await bench.made(options);
    sh("dd", `if=${second}`, `of=${join(bench.scratch, "second")}`, "bs=1M", "status=none");
    const empty = await scsi.add("Quick 1");
    sh("blkdiscard", "--zeroout", second);
    const before = sums([second, empty]);
    const attempt = bench.open(options);
    await expect(attempt).rejects.toThrow(DeviceMissingError);
    await expect(attempt).rejects.toThrow(/its disk data-1 is on no disk of this machine and is waited for/);
    expect(sums([second, empty])).toEqual(before);
    sh("dd", `if=${join(bench.scratch, "second")}`, `of=${second}`, "bs=1M", "status=none", "conv=fsync");
    await bench.open(options);
  });

  test("is not mixed up with another of its name: the one in use stays, none is guessed", async () => {
    const [disk = ""] = await add("Quick 1", 1);
    const options = selecting({ count: 1 });
    await bench.made(bench.devices({ devices: [disk] }));
    const image = bench.disk(148n * MIB);
    sh("dd", `if=${disk}`, `of=${image}`, "bs=1M", "count=3", "conv=fsync", "status=none");
    expect((await planPool(options, bench.runner)).kind).toBe("none");
    const copy = await scsi.add("Quick 1");
    await bench.made(bench.devices({ devices: [copy] }));
    await expect(bench.open(options)).rejects.toThrow(
      /two pools of that name are here: \w{32} on \/dev\/sd\w+; \w{32} on \/dev\/sd\w+/,
    );
    const { uuid } = await bench.open(bench.devices({ devices: [copy] }));
    expect((await bench.open(options)).uuid).toBe(uuid);
  });
});
