/** `dmthin pool plan`: shows what opening would do, and changes nothing. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { DevicesPoolOptions, PoolOptions } from "../../src/core/pool-options.ts";
import { bytes, MIB } from "../../src/core/units.ts";
import { wishOf } from "../../src/pool/growth.ts";
import { planPool } from "../../src/pool/pool-plan.ts";
import type { PoolPlan } from "../../src/pool/pool-plan.ts";
import { node, tableOn } from "../support/disks.ts";
import { Crash, PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

const MAIN = join(import.meta.dirname, "../../src/main.ts");

/** All that there is: every byte of the disks, dm devices, mounts, loop devices. */
const machine = (disks: readonly string[]): readonly string[] => [
  ...disks.map((disk) => sh("sha256sum", node(disk))),
  ...bench.dmNames(),
  ...bench.mounts(),
  sh("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE,RO"),
];

async function plan(options: PoolOptions, disks: readonly string[]): Promise<PoolPlan> {
  const before = machine(disks);
  const found = await planPool(options, bench.runner);
  expect(machine(disks)).toEqual(before);
  return found;
}

const changes = (found: PoolPlan): readonly string[] =>
  found.kind === "refuse" ? found.problems : found.devices.map(({ member, change }) => `${member} ${change}`);

async function made(options: PoolOptions): Promise<void> {
  const stack = await bench.open(options);
  await stack.finishCreation();
  await stack.grow(wishOf(options), (work) => work());
}

const added = (options: DevicesPoolOptions): DevicesPoolOptions => ({
  ...options,
  devices: [...options.devices, bench.disk(103n * MIB)],
});

describe("a plan", () => {
  test("of a new pool is what is then made", async () => {
    const options = bench.devices();
    const found = await plan(options, options.devices);
    expect(found).toMatchObject({
      kind: "create",
      sizes: {
        data: 256n * MIB,
        metadata: 4n * MIB,
        spare: 4n * MIB,
        catalog: 128n * MIB,
        blockSize: 65_536n,
      },
      refusals: [],
    });
    expect(found).not.toHaveProperty("uuid");
    expect(changes(found)).toEqual(["metadata take", "data-1 take"]);
    const planned =
      found.kind === "refuse"
        ? []
        : found.devices.map(({ partitions = [] }) =>
            partitions.map(({ name, start, size }) => `${name} ${start / MIB}+${size / MIB}`),
          );
    await made(options);
    expect(await Promise.all(options.devices.map(tableOn))).toEqual(planned);
  });

  test("says that nothing is to be done, what a crash has left to do, and what is missing", async () => {
    const options = bench.devices();
    await expect(bench.open(options, "claim data-1")).rejects.toThrow(Crash);
    const cutOff = await plan(options, options.devices);
    expect([cutOff.kind, ...changes(cutOff)]).toEqual(["finish", "metadata keep", "data-1 take"]);
    await made(options);
    const active = await plan(options, options.devices);
    expect([active.kind, ...changes(active)]).toEqual(["none", "metadata keep", "data-1 keep"]);
    await bench.reboot();
    const idle = await plan(options, options.devices);
    expect([idle.kind, ...changes(idle)]).toEqual(["none", "metadata keep", "data-1 keep"]);
    sh("wipefs", "--all", "--quiet", node(options.devices[1] ?? ""));
    const wiped = await plan(options, options.devices);
    expect([wiped.kind, ...changes(wiped)]).toEqual(["mend", "metadata keep", "data-1 mend"]);
  });

  test("of growth has the sizes before and after, the disk that joins, and what cannot be done", async () => {
    const options = bench.devices();
    await made(options);
    const longer = added(options);
    bench.growDisk(options.devices[1] ?? "", 200n * MIB);
    const wished = { ...longer, metadataSize: bytes(2048n * MIB) };
    const found = await plan(wished, longer.devices);
    expect(found).toMatchObject({
      kind: "grow",
      before: { data: 256n * MIB },
      sizes: { data: 397n * MIB, metadata: 4n * MIB },
      refusals: [expect.stringMatching(/thin metadata should have 2 GiB: no disk has/)],
    });
    expect(changes(found)).toEqual(["metadata keep", "data-1 extend", "data-2 take"]);
    await made(longer);
    expect(await plan(longer, longer.devices)).toMatchObject({ kind: "none", sizes: { data: 397n * MIB } });
  });

  test("of what would be refused says each reason", async () => {
    const options = bench.devices();
    for (const disk of options.devices) sh("mkfs.ext4", "-q", node(disk));
    const found = await plan(options, options.devices);
    expect(found.kind).toBe("refuse");
    expect(changes(found)).toEqual([
      expect.stringMatching(/^devices\[0\] .*: holds ext4/),
      expect.stringMatching(/^devices\[1\] .*: holds ext4/),
    ]);
    expect(await plan({ ...options, force: options.devices }, options.devices)).toMatchObject({
      kind: "create",
      notes: [
        expect.stringMatching(/devices\[0\] .* is overwritten/),
        expect.stringMatching(/devices\[1\] .*/),
      ],
    });
    const missing = { ...options, devices: ["/dev/disk/by-id/none"] };
    expect(changes(await plan(missing, []))).toEqual([
      "devices[0] /dev/disk/by-id/none: is not there and is waited for; plug it in, or correct the path",
    ]);
  });

  test("can be had of the other backings, too", async () => {
    const loop = await plan(bench.loop(), []);
    expect([loop.kind, ...changes(loop)]).toEqual([
      "create",
      "metadata take",
      "data take",
      "spare take",
      "catalog take",
    ]);
    const parts = bench.parts();
    const found = await plan(parts, [parts.metadata, parts.data]);
    expect([found.kind, ...changes(found)]).toEqual(["create", "metadata take", "data take"]);
    await made(parts);
    expect((await plan(parts, [parts.metadata, parts.data])).kind).toBe("none");
  });
});

test("the command says it in words and in JSON, with exit codes", () => {
  const options = bench.devices();
  const [first = "", second = ""] = options.devices;
  const config = join(bench.scratch, "config.yaml");
  const write = (devices: readonly string[]): void =>
    writeFileSync(
      config,
      `endpoint: unix:///run/csi.sock\nnodeName: n\npools: [{name: bench, backing: devices, devices: [${devices.join()}], metadataSize: 4MiB}]\n`,
    );
  const dmthin = (...args: readonly string[]): string =>
    execFileSync(process.execPath, [MAIN, "pool", "plan", "bench", "--config", config, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
  write([first, second]);
  const before = machine(options.devices);
  const text = dmthin();
  expect(text.split("\n").slice(0, 4)).toEqual([
    "pool bench (devices) would be made",
    `devices[0] ${first}: metadata, 240 MiB (251658240 bytes), would be taken`,
    "  partition dmthin-bench-catalog at 1048576, 129 MiB (135266304 bytes)",
    "  partition dmthin-bench-metadata at 136314880, 4 MiB (4194304 bytes)",
  ]);
  expect(text).toMatch(
    /pool: data 256 MiB \(268435456 bytes\) in blocks of 64 KiB; metadata 4 MiB and as much spare; catalog 128 MiB; can promise 224 MiB .* when empty\nnothing was changed\n$/,
  );
  expect(JSON.parse(dmthin("-o", "json"))).toMatchObject({
    pool: "bench",
    kind: "create",
    backing: "devices",
    sizes: { data: "268435456" },
    devices: [
      {
        member: "metadata",
        change: "take",
        labelFrom: "1048576",
        parts: [{ role: "catalog", offset: "2097152" }, {}, {}, {}],
      },
      { member: "data-1", partitions: [{ name: "dmthin-bench-data", start: "1048576", size: "164626432" }] },
    ],
  });
  write([first, "/dev/disk/by-id/none"]);
  expect(() => dmthin()).toThrow(expect.objectContaining({ status: 1 }));
  expect(machine(options.devices)).toEqual(before);
});
