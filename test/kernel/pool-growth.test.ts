/** Growth of a pool's devices under a running thin: what it leaves, what it refuses, and every gap between its steps. */
import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, realpathSync, writeSync } from "node:fs";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { bytes, MIB } from "../../src/core/units.ts";
import type { DeviceStack } from "../../src/pool/device-stack.ts";
import { readLabelCopies } from "../../src/pool/label-store.ts";
import { Crash, grow, PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

const THIN = "dmthin-bench-v-00000000000000000000";

/** A thin with content on it, active. Answers how to tell that the content is still there. */
async function activeThin(stack: DeviceStack): Promise<() => void> {
  await bench.dmsetup.message(stack.poolDevice, "create_thin 1");
  const table = `0 262144 thin ${stack.poolNumber} 1`;
  sh("dmsetup", "create", THIN, "--uuid", `DMTHIN-${stack.uuid}-v-00000000000000000000`, "--table", table);
  const content = randomBytes(4 << 20);
  const file = openSync(`/dev/mapper/${THIN}`, "r+");
  writeSync(file, content);
  closeSync(file);
  const digest = createHash("sha256").update(content).digest("hex");
  return () => {
    sh("sync");
    sh("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches");
    const found = sh("sh", "-c", `head -c ${4 << 20} /dev/mapper/${THIN} | sha256sum`);
    expect(found.split(" ")[0]).toBe(digest);
  };
}

const larger = { dataSize: bytes(512n * MIB), metadataSize: bytes(8n * MIB) };

describe("a loop pool", () => {
  test("grows data and metadata, by itself and under a running thin, and changes nothing but lengths", async () => {
    const stack = await bench.complete(bench.loop());
    const isThere = await activeThin(stack);
    const before = sh("dmsetup", "table", stack.poolDevice).split(" ");
    expect(await grow(stack, bench.loop(larger))).toEqual([]);
    expect(await bench.totals(stack)).toBe("8192/2048 rw");
    isThere();
    const after = sh("dmsetup", "table", stack.poolDevice).split(" ");
    expect(after).toEqual(before.with(1, "1048576").with(6, "1638"));
    expect([stack.dataBytes, stack.metadataBytes]).toEqual([512n * MIB, 8n * MIB]);
    expect(bench.infos.at(-1)).toMatch(/has grown: data from 256 MiB to 512 MiB, meta from 4 MiB to 8 MiB/);

    expect(await grow(stack, bench.loop(larger))).toEqual([]);
    // Features that are configured by now wait for the next activation.
    const longer = bench.loop({ ...larger, dataSize: bytes(768n * MIB), whenFull: "queue" });
    const again = await bench.open(longer);
    expect(await grow(again, longer)).toEqual([]);
    expect(await bench.totals(again)).toBe("12288/2048 rw");
    expect(sh("dmsetup", "table", stack.poolDevice)).toMatch(/ 128 2457 1 error_if_no_space ?$/);
    isThere();
    sh("dmsetup", "remove", THIN);
    await again.deactivate();
    expect(await bench.totals(await bench.open(bench.loop()))).toBe("12288/2048 rw");
  });

  test("never shrinks, and says so", async () => {
    const stack = await bench.complete(bench.loop());
    const smaller = bench.loop({ dataSize: bytes(64n * MIB), metadataSize: bytes(0) });
    expect(await grow(stack, smaller)).toEqual([
      "dataSize 64 MiB has no effect: the pool has 256 MiB and never shrinks",
      "metadataSize 0 B has no effect: the pool has 4 MiB and never shrinks",
    ]);
    expect(await bench.totals(stack)).toBe("4096/1024 rw");
  });

  test("gets no metadata that the filesystem below has no room for, but its data", async () => {
    const stack = await bench.complete(bench.loop());
    const metadataSize = bytes(((bench.freeBytes() / MIB) * MIB * 3n) / 4n);
    const [refusal, ...others] = await grow(stack, bench.loop({ ...larger, metadataSize }));
    expect(refusal).toMatch(
      /the filesystem of .* free; thin metadata of .* with its spare needs .*: free some/,
    );
    expect(others).toEqual([]);
    expect(await bench.totals(stack)).toBe("8192/1024 rw");
  });

  test("gets no data that its metadata could not list", async () => {
    const stack = await bench.complete(bench.loop());
    const [refusal] = await grow(stack, bench.loop({ dataSize: bytes(MIB << 20n) }));
    expect(refusal).toMatch(/takes 1060 blocks of metadata and \d+ are free; set metadataSize higher/);
    expect(await bench.totals(stack)).toBe("4096/1024 rw");
    const { metadataSize, ...rest } = bench.loop({ dataSize: bytes(MIB << 17n) });
    expect(metadataSize).toBeDefined();
    expect(await grow(stack, rest)).toEqual([]);
    // 128 bytes for each block of data.
    expect(await bench.totals(stack)).toBe("2097152/65536 rw");
  });

  const STEPS = [
    "extend metadata",
    "extend spare",
    "extend data",
    "label metadata ready",
    "label data ready",
    "label spare ready",
    "label catalog ready",
    "grow dmthin-bench-meta",
    "grow dmthin-bench-spare",
    "grow dmthin-bench-data",
    "grow dmthin-bench-pool metadata",
    "grow dmthin-bench-pool data",
  ];

  test("that a crash stopped before any step of growing goes on with it at the next open", async () => {
    const stack = await bench.complete(bench.loop());
    const isThere = await activeThin(stack);
    for (const step of STEPS) {
      await expect(
        bench.open(bench.loop(), step).then((opened) => grow(opened, bench.loop(larger))),
      ).rejects.toThrow(new Crash(step));
      isThere();
    }
    const opened = await bench.open(bench.loop());
    expect(await bench.totals(opened)).toBe("8192/2048 rw");
    isThere();
    await bench.open(bench.loop());
    expect(bench.steps.filter((step) => /label|grow/.test(step))).toEqual([]);
    expect(bench.reports).toEqual([]);
  });

  test("passes exactly those steps", async () => {
    const stack = await bench.complete(bench.loop());
    bench.steps.length = 0;
    await grow(stack, bench.loop(larger));
    expect(bench.steps).toEqual(STEPS);
  });

  test("that lost its power before a label was written is as it was, and after the first one has grown", async () => {
    await bench.complete(bench.loop());
    const [extends3, labels] = [STEPS.slice(0, 3), STEPS.slice(3, 7)];
    for (const step of [...extends3, "label metadata ready"]) {
      const crash = bench.open(bench.loop(), step).then((opened) => grow(opened, bench.loop(larger)));
      await expect(crash).rejects.toThrow(new Crash(step));
      await bench.reboot();
      expect(await bench.totals(await bench.open(bench.loop()))).toBe("4096/1024 rw");
    }
    const opened = await bench.open(bench.loop(), "label data ready");
    await expect(grow(opened, bench.loop(larger))).rejects.toThrow(Crash);
    await bench.reboot();
    expect(await bench.totals(await bench.open(bench.loop()))).toBe("8192/2048 rw");
    expect(bench.steps.filter((step) => step.startsWith("label"))).toEqual(labels.slice(1));
  });
});

describe("a pool on given parts", () => {
  test("takes what its data device has become, and moves its spare behind longer metadata", async () => {
    const options = bench.parts();
    const stack = await bench.complete(options);
    const isThere = await activeThin(stack);
    expect(await grow(stack, options)).toEqual([]);
    bench.growDisk(options.data, 514n * MIB);
    const { metadataSize, ...rest } = options;
    expect(metadataSize).toBe(4n * MIB);
    // Without a metadataSize the metadata follows the data; it does not fit, and the data grows all the same.
    const [refusal] = await grow(stack, rest);
    expect(refusal).toMatch(
      /thin metadata should have 64 MiB: .* needs a metadata device of 273678336 bytes/,
    );
    expect(await bench.totals(stack)).toBe("8208/1024 rw");

    bench.growDisk(options.metadata, 133n * MIB + 16n * MIB);
    expect(await grow(stack, { ...options, metadataSize: bytes(8n * MIB) })).toEqual([]);
    expect(await bench.totals(stack)).toBe("8208/2048 rw");
    isThere();
    const { reading } = await readLabelCopies(realpathSync(options.metadata));
    expect(reading).toMatchObject({
      label: { extents: { meta: { offset: 133n * MIB, length: 8n * MIB }, spare: { offset: 141n * MIB } } },
    });
    sh("dmsetup", "remove", THIN);
    await bench.reboot();
    expect(await bench.totals(await bench.open(options))).toBe("8208/2048 rw");
    expect(bench.dmNames()).toHaveLength(5);
  });
});
