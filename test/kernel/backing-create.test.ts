import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PoolOptions } from "../../src/core/pool-options.ts";
import { bytes, KIB, MIB } from "../../src/core/units.ts";
import { readMountInfo } from "../../src/host/mount-info.ts";
import { readLabelCopies } from "../../src/pool/label-store.ts";
import type { DeviceStack } from "../../src/pool/device-stack.ts";
import { PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

const DEVICES = ["catalog", "data", "meta", "pool", "spare"].map((role) => `dmthin-bench-${role}`);

/** Something durable in the catalog and in the thin metadata: what must be there after any restart. */
async function leaveMarks(stack: DeviceStack): Promise<void> {
  writeFileSync(join(stack.catalogPath, "mark"), "kept");
  await bench.dmsetup.message(stack.poolDevice, "create_thin 7");
}

async function expectMarks(stack: DeviceStack): Promise<void> {
  expect(readFileSync(join(stack.catalogPath, "mark"), "utf8")).toBe("kept");
  await expect(bench.dmsetup.message(stack.poolDevice, "create_thin 7")).rejects.toMatchObject({
    errno: "EEXIST",
  });
}

const KINDS: readonly (readonly [name: string, options: () => PoolOptions])[] = [
  ["loop", () => bench.loop()],
  ["parts", () => bench.parts()],
  [
    "parts with a catalog device",
    () => bench.parts({ metadata: bench.disk(9n * MIB), catalog: bench.disk(129n * MIB) }),
  ],
  ["devices", () => bench.devices()],
];

describe.each(KINDS)("a pool of backing %s", (_kind, options) => {
  test("is made with all its devices, and found as it was by a killed driver's heir, by an orderly one, after a reboot, after it was taken down", async () => {
    const chosen = options();
    const first = await bench.open(chosen);
    expect(first).toMatchObject({
      fresh: true,
      blockSize: 64n * 1024n,
      dataBytes: 256n * MIB,
      metadataBytes: 4n * MIB,
    });
    expect(bench.dmNames()).toEqual(DEVICES);
    const status = await bench.dmsetup.poolStatus(first.poolDevice, { flush: false });
    expect(status).toMatchObject({
      kind: "active",
      mode: "rw",
      transactionId: 0n,
      usedData: 0n,
      totalData: 4096n,
      whenFull: "error_if_no_space",
    });
    expect(sh("dmsetup", "info", "-c", "--noheadings", "-o", "uuid", first.poolDevice).trim()).toBe(
      `DMTHIN-${first.uuid}-pool`,
    );
    await first.finishCreation();
    await first.finishCreation();
    await leaveMarks(first);

    const heir = await bench.open(chosen);
    const { uuid, poolNumber, catalogPath } = first;
    expect(heir).toMatchObject({ fresh: false, uuid, poolNumber, catalogPath });
    expect(bench.steps.filter((step) => !step.startsWith("attach"))).toEqual(["mount catalog"]);
    await expectMarks(heir);

    await heir.release();
    await heir.release();
    expect(bench.mounts()).toEqual([]);
    expect(bench.dmNames()).toEqual(DEVICES);
    await expectMarks(await bench.open(chosen));

    await bench.reboot();
    expect(bench.dmNames()).toEqual([]);
    const rebooted = await bench.open(chosen);
    expect(rebooted).toMatchObject({ fresh: false, uuid });
    await expectMarks(rebooted);

    await rebooted.deactivate();
    await rebooted.deactivate();
    expect([bench.dmNames(), bench.mounts(), bench.loops(join(bench.scratch, "pool"))]).toEqual([[], [], []]);
    await expectMarks(await bench.open(chosen));
  });
});

describe("a pool", () => {
  test("is made afresh as long as it was never finished", async () => {
    const chosen = bench.loop();
    const first = await bench.open(chosen);
    await leaveMarks(first);
    const second = await bench.open(chosen);
    expect(second).toMatchObject({ fresh: true, uuid: first.uuid });
    expect(existsSync(join(second.catalogPath, "mark"))).toBe(false);
    await bench.dmsetup.message(second.poolDevice, "create_thin 7");
  });

  test("heals a label of which one copy was lost", async () => {
    const chosen = bench.loop();
    const first = await bench.open(chosen);
    await first.finishCreation();
    await first.deactivate();
    const path = join(chosen.directory, "metadata.img");
    sh("dd", "if=/dev/urandom", `of=${path}`, "bs=4096", "count=1", "conv=notrunc,fsync");
    expect((await readLabelCopies(path)).reading).toMatchObject({ kind: "label", whole: false });
    const second = await bench.open(chosen);
    await second.deactivate();
    expect((await readLabelCopies(path)).reading).toMatchObject({ kind: "label", whole: true });
  });
});

describe("a loop pool", () => {
  test("keeps its files and its catalog to itself, does direct I/O, and counts the room below", async () => {
    const chosen = bench.loop();
    const stack = await bench.open(chosen);
    expect(statSync(chosen.directory).mode & 0o777).toBe(0o700);
    const files = readdirSync(chosen.directory).toSorted();
    expect(files).toEqual(["catalog.img", "data.img", "metadata.img", "spare.img"]);
    const found = files.map((name) => statSync(join(chosen.directory, name)));
    expect(found.map((file) => file.mode & 0o777)).toEqual([0o600, 0o600, 0o600, 0o600]);
    expect(found.map((file) => BigInt(file.size) / MIB)).toEqual([129n, 257n, 5n, 5n]);
    const allocated = found.map((file) => file.blocks * 512 >= file.size);
    expect(allocated).toEqual([true, false, true, true]);
    expect(await stack.hostBytes?.()).toBe(
      bench.freeBytes() + BigInt(statSync(join(chosen.directory, "data.img")).blocks) * 512n,
    );

    const dio = sh("losetup", "--noheadings", "--list", "-O", "DIO,BACK-FILE")
      .split("\n")
      .filter((line) => line.includes(`${bench.scratch}/pool/`));
    expect(dio.map((line) => line.trim()[0])).toEqual(["1", "1", "1", "1"]);

    const entry = readMountInfo().find((each) => each.mountPoint === stack.catalogPath);
    expect(entry?.options).toEqual(expect.arrayContaining(["rw", "nosuid", "nodev", "noexec", "noatime"]));
    const line = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((each) => each.includes(` ${stack.catalogPath} `));
    expect(line).not.toMatch(/shared:|master:/);
    expect(statSync(join(bench.stateDirectory, stack.uuid)).mode & 0o777).toBe(0o700);
  });

  test("puts a catalog that turned read-only right again", async () => {
    const chosen = bench.loop();
    const first = await bench.open(chosen);
    await first.finishCreation();
    sh("mount", "-o", "remount,ro", first.catalogPath);
    const second = await bench.open(chosen);
    writeFileSync(join(second.catalogPath, "mark"), "writable");
    expect(bench.mounts()).toHaveLength(2);
  });

  test("finds the loop devices it has, however the file was called when they were attached", async () => {
    const chosen = bench.loop();
    const first = await bench.open(chosen);
    await first.finishCreation();
    await first.release();
    sh("mv", chosen.directory, `${chosen.directory}-moved`);
    await bench.open(bench.loop({ directory: `${chosen.directory}-moved` }));
    expect(
      sh("losetup", "--noheadings", "--list")
        .split("\n")
        .filter((line) => line.includes(bench.scratch)),
    ).toHaveLength(4);
  });

  test("says when it makes a new pool, and which settings have no effect on one that exists", async () => {
    const first = await bench.open(bench.loop());
    await first.finishCreation();
    expect(bench.infos).toEqual([`info: pool bench: none is here; a new one is made, uuid ${first.uuid}`]);
    const second = await bench.open(bench.loop({ dataSize: first.dataBytes, whenFull: "queue" }));
    expect(bench.reports).toEqual([
      expect.stringMatching(/is active with "error_if_no_space", configured is ""/),
    ]);
    await second.deactivate();
    await bench.open(bench.loop({ blockSize: bytes(128n * KIB) }));
    expect(bench.infos).toHaveLength(1);
    expect(bench.reports.at(-1)).toMatch(/blockSize 128 KiB has no effect: the pool was made with 64 KiB/);
  });

  test("throws a half-made file away", async () => {
    const chosen = bench.loop();
    await bench.open(chosen, "claim data").catch(() => undefined);
    writeFileSync(join(chosen.directory, "data.img.new"), "half");
    truncateSync(join(chosen.directory, "data.img.new"), 12_345);
    await bench.open(chosen);
    expect(readdirSync(chosen.directory)).toHaveLength(4);
  });
});
