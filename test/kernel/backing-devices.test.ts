/** Whole disks: what is written to them, and which disk is which. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DevicesPoolOptions } from "../../src/core/pool-options.ts";
import { bytes, MIB } from "../../src/core/units.ts";
import { describeBlockDevice } from "../../src/host/block-device.ts";
import { readPartitionTable } from "../../src/host/sfdisk.ts";
import { DISK_LABEL_FROM } from "../../src/pool/devices/disk-layout.ts";
import { readLabelCopies } from "../../src/pool/label-store.ts";
import { node, tableOn, TABLES } from "../support/disks.ts";
import { Crash, PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

const firstOf = ({ devices }: DevicesPoolOptions): string => devices[0] ?? "";
const secondOf = ({ devices }: DevicesPoolOptions): string => devices[1] ?? "";

describe("whole disks", () => {
  test("get a partition table, a label in their second MiB, and dm-linear devices over the disks themselves", async () => {
    const options = bench.devices();
    const stack = await bench.open(options);
    await stack.finishCreation();
    expect(await Promise.all(options.devices.map(tableOn))).toEqual(TABLES);
    const labels = await Promise.all(
      options.devices.map((each) => readLabelCopies(node(each), DISK_LABEL_FROM)),
    );
    expect(labels.map(({ reading }) => reading)).toMatchObject([
      { kind: "label", whole: true, label: { member: "metadata", index: 0, sequence: 2, state: "ready" } },
      { kind: "label", whole: true, label: { member: "data", index: 1, sequence: 2, state: "ready" } },
    ]);
    const numbers = await Promise.all(
      options.devices.map(async (each) => (await describeBlockDevice(each)).number),
    );
    expect(sh("dmsetup", "table", "dmthin-bench-data").trim().split("\n")).toEqual([
      `0 204800 linear ${numbers[0]} ${139 * 2048}`,
      `204800 319488 linear ${numbers[1]} ${2 * 2048}`,
    ]);
    // While the pool is active nobody else gets the disk, nor a partition of it.
    expect(() => sh("mkfs.ext4", "-q", node(firstOf(options)))).toThrow(/in use/);
    expect(sh("sfdisk", "--verify", node(firstOf(options)))).toMatch(/No errors detected/);
  });

  test("take their table again where it was lost or is as a cut-off change left it", async () => {
    const options = bench.devices();
    await bench.made(options);
    sh("wipefs", "--all", "--quiet", node(firstOf(options)));
    sh("sfdisk", "--quiet", "--delete", node(secondOf(options)), "1");
    expect(await tableOn(firstOf(options))).toEqual([]);
    await bench.open(options);
    expect(await Promise.all(options.devices.map(tableOn))).toEqual(TABLES);
  });

  test("take it again where a crash left only the beginning of it", async () => {
    const options = bench.devices();
    await bench.made(options);
    const size = Number(159n * 2048n);
    for (const sector of [1, size - 1])
      sh(
        "dd",
        "if=/dev/zero",
        `of=${node(secondOf(options))}`,
        "bs=512",
        `seek=${sector}`,
        "count=1",
        "conv=fsync",
      );
    expect(await tableOn(secondOf(options))).toEqual([]);
    await bench.open(options);
    expect(await Promise.all(options.devices.map(tableOn))).toEqual(TABLES);
  });

  test("may have sectors of 4 KiB", async () => {
    const file = join(bench.scratch, "sectors.img");
    sh("truncate", "--size", "240M", file);
    const disk = sh("losetup", "--find", "--show", "--direct-io=on", "--sector-size", "4096", file);
    const options = bench.devices({ devices: [disk] });
    const stack = await bench.open(options);
    await stack.finishCreation();
    expect((await readPartitionTable(bench.runner, disk))?.partitions).toMatchObject([
      { start: MIB, size: 129n * MIB },
      { start: 130n * MIB },
      { start: 134n * MIB },
      { start: 138n * MIB, size: 101n * MIB },
    ]);
    await stack.deactivate();
    expect(await bench.open(options)).toMatchObject({ fresh: false, dataBytes: 100n * MIB });
  });

  test("in another order are the same pool", async () => {
    const options = bench.devices();
    await bench.made(options);
    const stack = await bench.open({ ...options, devices: options.devices.toReversed() });
    expect(stack).toMatchObject({ fresh: false, dataBytes: 256n * MIB });
  });

  test("of which one was claimed and the rest was not are gone on with in another order, too", async () => {
    const options = bench.devices({
      devices: [bench.disk(240n * MIB), bench.disk(159n * MIB), bench.disk(99n * MIB)],
    });
    await expect(bench.open(options, "claim data-2")).rejects.toThrow(Crash);
    const [first = "", second = "", third = ""] = options.devices;
    const stack = await bench.open({ ...options, devices: [third, second, first] });
    await stack.finishCreation();
    expect(stack.dataBytes).toBe(352n * MIB);
  });

  test("keep their block size, and say that another has no effect", async () => {
    const options = bench.devices();
    await bench.made(options);
    const stack = await bench.open({ ...options, blockSize: bytes(MIB) });
    expect(stack.blockSize).toBe(MIB / 16n);
    expect(bench.reports).toEqual([expect.stringMatching(/blockSize 1 MiB has no effect/)]);
  });
});
