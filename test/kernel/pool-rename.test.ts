/** A pool gets another name, on each backing, and whatever stops that in between leaves a pool that opens under one of the two. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { PoolName } from "../../src/core/ids.ts";
import { poolDeviceName } from "../../src/core/ids.ts";
import type { PoolOptions } from "../../src/core/pool-options.ts";
import { MIB } from "../../src/core/units.ts";
import { readBlock, writeBlock } from "../../src/host/block-device.ts";
import { DISK_LABEL_FROM } from "../../src/pool/devices/disk-layout.ts";
import { holdIdlePool } from "../../src/pool/idle-pool.ts";
import type { IdlePool } from "../../src/pool/idle-pool.ts";
import { readLabelCopies } from "../../src/pool/label-store.ts";
import { node, tableOn } from "../support/disks.ts";
import { Crash, PoolBench } from "../support/pool-bench.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

const MOVED = "moved" as PoolName;

async function rename(options: PoolOptions, as: PoolName, crashBefore?: string): Promise<readonly string[]> {
  const steps: string[] = [];
  const pool: IdlePool = await holdIdlePool(options, {
    runner: bench.runner,
    stateDirectory: bench.stateDirectory,
    report: () => {},
    as,
    onStep: (step) => {
      if (step === crashBefore) throw new Crash(step);
      steps.push(step);
    },
  });
  try {
    await pool.rename();
  } finally {
    await pool.close();
  }
  return steps;
}

const threeDisks = () =>
  bench.devices({ devices: [bench.disk(240n * MIB), bench.disk(159n * MIB), bench.disk(103n * MIB)] });

const STEPS = ["remove linear devices", "label metadata ready", "label data-1 ready", "label data-2 ready"];

async function labelsOf(paths: readonly string[], from: bigint): Promise<readonly string[]> {
  const all = await Promise.all(paths.map((path) => readLabelCopies(path, from)));
  return all.map(({ reading }) =>
    reading.kind === "label" ? `${reading.label.name} ${reading.label.sequence}` : reading.kind,
  );
}

describe("a pool gets another name", () => {
  test("on whole disks, in these steps, and its partitions follow at the next opening", async () => {
    const options = threeDisks();
    await bench.made(options);
    const steps = await rename(options, MOVED);
    expect(steps.slice(-4)).toEqual(STEPS);
    expect(bench.dmNames()).toEqual([]);
    await bench.open({ ...options, name: MOVED });
    expect(await tableOn(options.devices[2] ?? "")).toEqual(["dmthin-moved-data 1+101"]);
    expect(bench.dmNames()).toEqual(
      (["catalog", "data", "meta", "pool", "spare"] as const).map((role) => poolDeviceName(MOVED, role)),
    );
  });

  test("on parts and on a loop pool", async () => {
    for (const options of [bench.parts(), bench.loop()]) {
      await bench.made(options);
      await rename(options, MOVED);
      await expect(bench.open(options)).rejects.toThrow(/belongs to pool moved \([0-9a-f]{32}\), not bench/);
      await (await bench.open({ ...options, name: MOVED })).deactivate();
    }
  });

  test.each(STEPS.map((step, index) => [index, step] as const))(
    "and a crash before step %i (%s) leaves one that opens, with its disks in another order",
    async (index, step) => {
      const options = threeDisks();
      await bench.made(options);
      await expect(rename(options, MOVED, step)).rejects.toThrow(new Crash(step));
      expect(bench.dmNames()).toEqual([]);
      await bench.reboot();
      const shuffled = { ...options, devices: options.devices.toReversed() };
      const hasNewName = index > 1;
      const [right, wrong] = hasNewName ? [MOVED, options.name] : [options.name, MOVED];
      await expect(bench.open({ ...shuffled, name: wrong })).rejects.toThrow(/belongs to pool|first disk/);
      await bench.open({ ...shuffled, name: right });
      expect(await labelsOf(options.devices.map(node), DISK_LABEL_FROM)).toEqual(
        Array.from({ length: 3 }, () => (hasNewName ? "moved 3" : "bench 2")),
      );
      expect(await tableOn(options.devices[1] ?? "")).toEqual([`dmthin-${right}-data 1+157`]);
    },
  );

  test("and never takes an old copy of a disk for one that the change has not reached", async () => {
    const options = bench.parts();
    await bench.made(options);
    const old = await readBlock(node(options.data), 0n, Number(MIB));
    const between = "between" as PoolName;
    await rename(options, between);
    const last = await readBlock(node(options.data), 0n, Number(MIB));
    await expect(rename({ ...options, name: between }, MOVED, "label data ready")).rejects.toThrow(Crash);
    await writeBlock(node(options.data), 0n, old);
    await expect(bench.open({ ...options, name: MOVED })).rejects.toThrow(/belongs to pool bench/);
    await writeBlock(node(options.data), 0n, last);
    await (await bench.open({ ...options, name: MOVED })).deactivate();
    expect(await labelsOf([options.metadata, options.data].map(node), 0n)).toEqual(["moved 4", "moved 4"]);
  });
});
