/** Growth of a pool on whole disks: by a disk that is added, by disks that became longer, and through every gap between its steps. */
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { DevicesPoolOptions } from "../../src/core/pool-options.ts";
import { bytes, MIB } from "../../src/core/units.ts";
import type { DeviceStack } from "../../src/pool/device-stack.ts";
import { DISK_LABEL_FROM } from "../../src/pool/devices/disk-layout.ts";
import { holdIdlePool } from "../../src/pool/idle-pool.ts";
import { readLabelCopies } from "../../src/pool/label-store.ts";
import { digest, node, tableOn, TABLES } from "../support/disks.ts";
import { Crash, grow, PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

const THIN = "dmthin-bench-v-00000000000000000000";

/** An active thin as large as the pool's data now, full of content. Answers how to tell that it is still there. */
async function fullThin(stack: DeviceStack): Promise<() => void> {
  await bench.dmsetup.message(stack.poolDevice, "create_thin 1");
  const table = `0 ${stack.dataBytes / 512n} thin ${stack.poolNumber} 1`;
  sh("dmsetup", "create", THIN, "--uuid", `DMTHIN-${stack.uuid}-v-00000000000000000000`, "--table", table);
  const chunk = randomBytes(Number(MIB));
  const file = openSync(`/dev/mapper/${THIN}`, "r+");
  for (let offset = 0n; offset < stack.dataBytes; offset += MIB) {
    chunk.writeBigUInt64LE(offset);
    writeSync(file, chunk, 0, chunk.length, Number(offset));
  }
  closeSync(file);
  const sum = (): string =>
    sh("sh", "-c", `dd if=/dev/mapper/${THIN} bs=1M iflag=direct status=none | sha256sum`);
  sh("sync");
  const before = sum();
  return () => expect(sum()).toBe(before);
}

const added = (options: DevicesPoolOptions, size = 103n * MIB): DevicesPoolOptions => ({
  ...options,
  devices: [...options.devices, bench.disk(size)],
});

describe("a pool on whole disks", () => {
  test("takes in a disk that is added to its list, under a thin that fills it, and keeps it", async () => {
    const options = bench.devices();
    const stack = await bench.complete(options);
    const isThere = await fullThin(stack);
    expect(await grow(stack, options)).toEqual([]);
    const longer = added(options);
    const again = await bench.open(longer);
    expect(await grow(again, longer)).toEqual([]);
    expect(await bench.totals(again)).toBe("5696/1024 rw");
    expect(bench.infos.at(-1)).toMatch(/has grown: data from 256 MiB to 356 MiB/);
    expect(await tableOn(longer.devices[2] ?? "")).toEqual(["dmthin-bench-data 1+101"]);
    expect(await Promise.all(options.devices.map(tableOn))).toEqual(TABLES);
    isThere();
    expect(await grow(again, longer)).toEqual([]);
    sh("dmsetup", "remove", THIN);
    await again.deactivate();

    await bench.reboot();
    const rebooted = await bench.open({ ...longer, devices: longer.devices.toReversed() });
    expect(rebooted).toMatchObject({ uuid: stack.uuid, fresh: false, dataBytes: 356n * MIB });
    expect(await grow(rebooted, longer)).toEqual([]);
    await rebooted.deactivate();
    await expect(bench.open(options)).rejects.toThrow(/disk data-2 of the pool is not among devices/);
  });

  test("takes what its disks have become, with the table and its second copy, and metadata where there is room", async () => {
    const options = bench.devices();
    const stack = await bench.complete(options);
    const isThere = await fullThin(stack);
    const [first = "", second = ""] = options.devices;
    bench.growDisk(first, 260n * MIB);
    bench.growDisk(second, 200n * MIB);
    const wished = { ...options, metadataSize: bytes(12n * MIB) };
    expect(await grow(stack, wished)).toEqual([]);
    // The first disk has room for metadata and spare of 8 MiB more each.
    expect(await tableOn(first)).toEqual([
      ...(TABLES[0]?.slice(0, 3) ?? []),
      "dmthin-bench-data 138+101",
      "dmthin-bench-metadata 239+8",
      "dmthin-bench-spare 247+8",
      "dmthin-bench-data 255+4",
    ]);
    expect(await tableOn(second)).toEqual(["dmthin-bench-data 1+198"]);
    for (const disk of options.devices)
      expect(sh("sfdisk", "--verify", node(disk))).toMatch(/No errors detected/);
    // 100 + 197 + 3 MiB of data.
    expect(await bench.totals(stack)).toBe("4800/3072 rw");
    isThere();
    expect(await grow(stack, wished)).toEqual([]);
    sh("dmsetup", "remove", THIN);
    await stack.deactivate();
    await bench.reboot();
    expect(await bench.totals(await bench.open(wished))).toBe("4800/3072 rw");
  });

  test("grows into what was held back, and its table protects that from the start", async () => {
    const options = bench.devices({ reserve: { percent: 25 } });
    const stack = await bench.complete(options);
    // A quarter of 240 and of 159 MiB less than 100 and 156.
    expect(await bench.totals(stack)).toBe("2500/1024 rw");
    expect(await Promise.all(options.devices.map(tableOn))).toEqual(TABLES);
    const isThere = await fullThin(stack);
    expect(await grow(stack, options)).toEqual([]);
    expect(await grow(stack, bench.devices({ devices: options.devices }))).toEqual([]);
    expect(await bench.totals(stack)).toBe("4096/1024 rw");
    expect(await Promise.all(options.devices.map(tableOn))).toEqual(TABLES);
    isThere();
    sh("dmsetup", "remove", THIN);
    await stack.deactivate();
    await bench.reboot();
    expect(await bench.totals(await bench.open(options))).toBe("4096/1024 rw");
  });

  test("opens without a disk that it cannot have, says why, and takes it by force", async () => {
    const options = bench.devices();
    await bench.complete(options);
    const longer = added(options);
    const newcomer = longer.devices[2] ?? "";
    sh("mkfs.ext4", "-q", node(newcomer));
    const before = await digest(newcomer);
    const stack = await bench.open(longer);
    expect(await grow(stack, longer)).toEqual([
      expect.stringMatching(
        /^devices\[2\] .*: holds ext4 \(filesystem\); choose another, or name it under force/,
      ),
    ]);
    expect([await bench.totals(stack), await digest(newcomer)]).toEqual(["4096/1024 rw", before]);
    const tiny = { ...longer, devices: [...options.devices, bench.disk(2n * MIB)] };
    expect(await grow(await bench.open(tiny), tiny)).toEqual([
      expect.stringMatching(/is too small for a block of data/),
    ]);

    const absent = { ...longer, devices: [...options.devices, "/dev/disk/by-id/none"] };
    expect(await grow(await bench.open(absent), absent)).toEqual([
      expect.stringMatching(/^devices\[2\] .*none: is not there and is waited for/),
    ]);
    expect(await bench.totals(stack)).toBe("4096/1024 rw");

    const forced = { ...longer, force: [newcomer] };
    expect(await grow(await bench.open(forced), forced)).toEqual([]);
    expect(bench.reports.at(-1)).toMatch(/devices\[2\] .* is overwritten as force says; it held ext4/);
    expect(await bench.totals(stack)).toBe("5696/1024 rw");
  });

  const STEPS = [
    "label metadata ready",
    "label data-1 ready",
    "claim data-2",
    "extend data-2",
    "label metadata ready",
    "label data-1 ready",
    "label data-2 ready",
    "grow dmthin-bench-data",
    "grow dmthin-bench-pool data",
  ];

  test.each(STEPS.map((step, index) => [index, step] as const))(
    "that a crash stopped before step %i of taking in a disk (%s) goes on with it",
    async (index, step) => {
      const options = bench.devices();
      await bench.complete(options);
      const longer = added(options);
      const earlier = STEPS.slice(0, index).filter((each) => each === step).length;
      const crash = bench.open(longer, step, earlier).then((stack) => grow(stack, longer));
      await expect(crash).rejects.toThrow(new Crash(step));
      // What is active still has its old length: only then is there something to grow.
      if (!step.startsWith("grow")) await bench.reboot();
      const stack = await bench.open(longer);
      expect(await grow(stack, longer)).toEqual([]);
      expect(await bench.totals(stack)).toBe("5696/1024 rw");
      const labels = await Promise.all(
        longer.devices.map((each) => readLabelCopies(node(each), DISK_LABEL_FROM)),
      );
      const sequences = labels.map(({ reading }) => reading.kind === "label" && reading.label.sequence);
      expect([new Set(sequences).size, sequences[0]]).toEqual([1, index > 0 && index < 5 ? 5 : 4]);
      expect(await tableOn(longer.devices[2] ?? "")).toEqual(["dmthin-bench-data 1+101"]);
    },
  );

  test("goes on in the same life where a step of taking in a disk failed", async () => {
    const options = bench.devices();
    await bench.complete(options);
    const longer = added(options);
    const stack = await bench.open(longer, "extend data-2");
    await expect(grow(stack, longer)).rejects.toThrow(Crash);
    bench.allowAll();
    expect(await grow(stack, longer)).toEqual([]);
    expect(await bench.totals(stack)).toBe("5696/1024 rw");
  });

  test("has passed every step of taking in a disk", async () => {
    const options = bench.devices();
    await bench.complete(options);
    const longer = added(options);
    const stack = await bench.open(longer);
    const opened = bench.steps.length;
    expect(await grow(stack, longer)).toEqual([]);
    expect(bench.steps.slice(opened)).toEqual(STEPS);
  });

  test("never takes a disk that was to join once for the one that joined in its place", async () => {
    const options = bench.devices();
    await (await bench.complete(options)).deactivate();
    const abandoned = added(options);
    const stack = await bench.open(abandoned, "extend data-2");
    await expect(grow(stack, abandoned)).rejects.toThrow(Crash);
    await bench.reboot();
    const other = added(options);
    const grown = await bench.open(other);
    await grow(grown, other);
    await grown.deactivate();
    await expect(bench.open(abandoned)).rejects.toThrow(
      /is older than the metadata device: it is an old copy/,
    );
    expect(readFileSync("/proc/mounts", "utf8")).not.toContain(bench.stateDirectory);
  });

  test("can have all of its metadata and of its spare exchanged, where both lie in pieces", async () => {
    const options = bench.devices();
    const stack = await bench.complete(options);
    const longer = { ...added(options), metadataSize: bytes(8n * MIB) };
    const grown = await bench.open(longer);
    expect(await grow(grown, longer)).toEqual([]);
    await bench.dmsetup.message(stack.poolDevice, "create_thin 1");
    await grown.deactivate();
    const tables = (): readonly string[] =>
      ["meta", "spare"].map((role) => sh("dmsetup", "table", `dmthin-bench-${role}`));
    await bench.open(longer);
    const before = tables();
    expect(before.join("\n").split("\n")).toHaveLength(4);
    await (await bench.open(longer)).deactivate();
    for (const expected of [before.toReversed(), before]) {
      const idle = await holdIdlePool(longer, {
        runner: bench.runner,
        stateDirectory: bench.stateDirectory,
        report: () => {},
        onStep: () => {},
      });
      await idle.swapMetaAndSpare();
      await idle.close();
      const again = await holdIdlePool(longer, {
        runner: bench.runner,
        stateDirectory: bench.stateDirectory,
        report: () => {},
        onStep: () => {},
      });
      expect(tables()).toEqual(expected);
      await again.close();
    }
    await bench.open(longer);
    await expect(bench.dmsetup.message(stack.poolDevice, "create_thin 1")).rejects.toMatchObject({
      errno: "EEXIST",
    });
  });
});
