/** Whole disks that are not had, and what is not written to them. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EnvironmentError, PoolSetupError } from "../../src/core/errors.ts";
import type { PoolName } from "../../src/core/ids.ts";
import type { DevicesPoolOptions } from "../../src/core/pool-options.ts";
import { bytes, MIB } from "../../src/core/units.ts";
import { createRunner } from "../../src/host/run.ts";
import { findTools } from "../../src/host/tools.ts";
import type { Tools } from "../../src/host/tools.ts";
import { openDeviceStack } from "../../src/pool/device-stack.ts";
import { digest, node, tableOn, TABLES, writeAt } from "../support/disks.ts";
import { madeDirectory, PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

const firstOf = ({ devices }: DevicesPoolOptions): string => devices[0] ?? "";
const secondOf = ({ devices }: DevicesPoolOptions): string => devices[1] ?? "";

describe("a disk that holds something", () => {
  test.each<readonly [what: string, fill: (disk: string) => void, problem: RegExp]>([
    [
      "ext4",
      (disk) => sh("mkfs.ext4", "-q", disk),
      /devices\[1\] .*: holds ext4 \(filesystem\); choose another, or name it under force/,
    ],
    [
      "a partition table",
      (disk) => sh("sh", "-c", `echo ,10M | sfdisk --quiet --label gpt ${disk}`),
      /holds a gpt partition table/,
    ],
    [
      "an LVM physical volume",
      (disk) => sh("pvcreate", "--quiet", "--devices", disk, disk),
      /holds LVM2_member/,
    ],
    ["a member of a RAID", (disk) => writeAt(disk, 4096, "\xfc\x4e\x2b\xa9".padEnd(4096, "\x01")), /holds/],
    [
      "data where its label would lie",
      (disk) => writeAt(disk, Number(MIB) + 9000, "data"),
      /holds unknown data at byte 1057576/,
    ],
    ["data at its end", (disk) => writeAt(disk, Number(159n * MIB) - 4096, "data"), /holds unknown data/],
  ])("(%s) is left alone, and overwritten only by force", async (_what, fill, problem) => {
    const options = bench.devices();
    fill(node(secondOf(options)));
    const before = await Promise.all(options.devices.map(digest));
    await expect(bench.open(options)).rejects.toThrow(problem);
    await expect(bench.open({ ...options, force: [firstOf(options)] })).rejects.toThrow(PoolSetupError);
    expect(await Promise.all(options.devices.map(digest))).toEqual(before);
    expect([bench.dmNames(), bench.mounts()]).toEqual([[], []]);

    await bench.made({ ...options, force: [secondOf(options)] });
    expect(await Promise.all(options.devices.map(tableOn))).toEqual(TABLES);
    expect(bench.reports).toEqual([
      expect.stringMatching(/^warn: pool bench: devices\[1\] .* is overwritten as force says; it held /),
    ]);
    expect(
      sh("blkid", "--probe", "--output", "value", "--match-tag", "PTTYPE", node(secondOf(options))),
    ).toBe("gpt");
  });
});

test("a disk of a pool on which somebody has made something since, which its label survived, is left alone", async () => {
  const options = bench.devices();
  await bench.made(options);
  const disk = node(secondOf(options));
  sh("wipefs", "--all", "--quiet", disk);
  sh("pvcreate", "--quiet", "--devices", disk, disk);
  const before = await Promise.all(options.devices.map(digest));
  await expect(bench.open(options)).rejects.toThrow(
    /devices\[1\] .*: has a dmthin label, and holds LVM2_member .* made on it since/,
  );
  await expect(bench.open({ ...options, force: options.devices })).rejects.toThrow(PoolSetupError);
  expect(await Promise.all(options.devices.map(digest))).toEqual(before);
});

describe("a disk that cannot be had", () => {
  test.each<readonly [what: string, spoil: (disk: string) => void, problem: RegExp]>([
    [
      "mounted",
      (disk) => {
        sh("mkfs.ext4", "-q", disk);
        sh("mount", disk, madeDirectory(join(bench.stateDirectory, "mnt")));
      },
      /devices\[1\] .*: is in use \(mounted/,
    ],
    [
      "with something built on it",
      (disk) =>
        sh(
          "dmsetup",
          "create",
          "stranger",
          "--uuid",
          "DMTHIN-stranger",
          "--table",
          `0 2048 linear ${disk} 0`,
        ),
      /dm-\d+ \(DMTHIN-stranger\) is built on it/,
    ],
    [
      "with a mounted partition",
      (disk) => {
        sh("sh", "-c", `echo ,20M | sfdisk --quiet --no-reread --no-tell-kernel --label gpt ${disk}`);
        sh("partx", "--add", disk);
        sh("mkfs.ext4", "-q", `${disk}p1`);
        sh("mount", `${disk}p1`, madeDirectory(join(bench.stateDirectory, "mnt")));
      },
      /is in use \(mounted/,
    ],
    ["read-only", (disk) => sh("blockdev", "--setro", disk), /is read-only/],
  ])("(%s) is left alone, forced or not", async (_what, spoil, problem) => {
    const options = bench.devices();
    const disk = node(secondOf(options));
    const before = await digest(firstOf(options));
    spoil(disk);
    await expect(bench.open({ ...options, force: options.devices })).rejects.toThrow(problem);
    expect(await digest(firstOf(options))).toBe(before);
    sh("blockdev", "--setrw", disk);
    for (const path of bench.mounts()) sh("umount", path);
    sh("sh", "-c", `partx --delete ${disk} 2>/dev/null || :`);
  });

  test.each<readonly [what: string, options: () => DevicesPoolOptions, problem: RegExp]>([
    [
      "missing",
      () =>
        bench.devices({
          devices: [bench.disk(240n * MIB), "/dev/disk/by-id/none", "/dev/disk/by-id/nothing"],
        }),
      /devices\[1\] \/dev\/disk\/by-id\/none: is not there and is waited for; .*devices\[2\] .*nothing: is not there/,
    ],
    [
      "too small to be first",
      () => bench.devices({ devices: [bench.disk(139n * MIB)] }),
      /devices\[0\] .* has 139 MiB; it needs at least 147849216 bytes .* twice 4 MiB of thin metadata .* or set metadataSize lower/,
    ],
    [
      "too small for data",
      () => bench.devices({ devices: [bench.disk(240n * MIB), bench.disk(3n * MIB)] }),
      /devices\[1\] .* has 3 MiB; it needs at least 4194304 bytes/,
    ],
    [
      "too small for so much metadata",
      () => bench.devices({ metadataSize: bytes(64n * MIB) }),
      /twice 64 MiB of thin metadata/,
    ],
    [
      "the other one too",
      () => {
        const disk = bench.disk(300n * MIB);
        return bench.devices({ devices: [disk, node(disk)] });
      },
      /devices\[1\] .* and devices\[0\] .* are one disk, \/dev\/loop\d+; name it once/,
    ],
  ])("(%s) is named", async (_what, options, problem) => {
    const attempt = bench.open(options());
    await expect(attempt).rejects.toThrow(PoolSetupError);
    await expect(attempt).rejects.toThrow(problem);
  });

  test("(by a missing tool) is left alone", async () => {
    const options = bench.devices();
    const before = await Promise.all(options.devices.map(digest));
    const tools = findTools();
    const without: Tools = {
      has: (tool) => tool !== "sfdisk" && tools.has(tool),
      path: (tool) => {
        if (tool === "sfdisk") throw new EnvironmentError("missing tool: sfdisk (Debian package fdisk)");
        return tools.path(tool);
      },
    };
    const attempt = openDeviceStack(options, {
      runner: createRunner(without),
      stateDirectory: bench.stateDirectory,
      report: () => {},
      holdUuid: async () => bench.runner,
    });
    await expect(attempt).rejects.toThrow(/missing tool: sfdisk \(Debian package fdisk\)/);
    expect(await Promise.all(options.devices.map(digest))).toEqual(before);
  });

  test("(a partition, a dm device) is no whole disk", async () => {
    const disk = node(bench.disk(300n * MIB));
    sh("sh", "-c", `echo ,200M | sfdisk --quiet --no-reread --no-tell-kernel --label gpt ${disk}`);
    sh("partx", "--add", disk);
    await expect(bench.open(bench.devices({ devices: [`${disk}p1`] }))).rejects.toThrow(
      /is partition 1 of a disk, not a whole disk; use backing parts/,
    );
    sh("partx", "--delete", disk);
    sh("dmsetup", "create", "stranger", "--uuid", "DMTHIN-stranger", "--table", `0 2048 linear ${disk} 0`);
    await expect(bench.open(bench.devices({ devices: ["/dev/mapper/stranger"] }))).rejects.toThrow(
      /is the device-mapper device stranger, not a whole disk/,
    );
  });
});

describe("disks of a pool that is complete", () => {
  test("mixed, copied, missing, wiped, partitioned anew or cut are refused before the first write", async () => {
    const one = bench.devices();
    await bench.made(one);
    const other = bench.devices({ name: "other" as PoolName });
    await bench.made(other);
    const all = [...one.devices, ...other.devices];
    const before = await Promise.all(all.map(digest));
    const [first = "", second = ""] = one.devices;
    const blank = bench.disk(159n * MIB);
    const copy = bench.disk(159n * MIB);
    sh("dd", `if=${second}`, `of=${copy}`, "bs=1M", "count=3", "conv=fsync");
    const cut = bench.disk(100n * MIB);
    sh("dd", `if=${second}`, `of=${cut}`, "bs=1M", "count=3", "conv=fsync");

    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[first], /disk data-1 of the pool is not among devices: a pool does not give up a disk/],
      [[second], /its first disk, with catalog and metadata, is not among devices/],
      [[blank, second], /its metadata device is missing; bring it back/],
      [[first, blank], /the data-1 device is missing or was wiped/],
      [[first, second, copy], /devices\[2\] .* carry one label, disk data-1 of pool .*: one is a copy/],
      [[first, secondOf(other)], /belongs to pool other/],
      [[firstOf(other), second], /belongs to pool other/],
      [[first, cut], /has 100 MiB .* but the pool uses 165675008 bytes of it: it was cut/],
      [[first, "/dev/disk/by-id/none"], /devices\[1\] .* is not there and is waited for/],
    ];
    for (const [devices, problem] of cases) {
      await expect(bench.open({ ...one, devices })).rejects.toThrow(problem);
      await expect(bench.open({ ...one, devices, force: devices })).rejects.toThrow(problem);
    }
    expect(await Promise.all(all.map(digest))).toEqual(before);
    expect([bench.dmNames(), bench.mounts()]).toEqual([[], []]);

    sh("sh", "-c", `echo ',10M,,,' | sfdisk --quiet --label gpt ${node(second)}`);
    const changed = await digest(second);
    await expect(bench.open({ ...one, force: one.devices })).rejects.toThrow(
      /has a dmthin label, and what somebody else has made on it must be deleted first: partition "" at byte 1048576/,
    );
    expect(await digest(second)).toBe(changed);
    sh("wipefs", "--all", "--quiet", node(second));
    await bench.open(one);
  });

  test("are made into two pools by neither of two at once", async () => {
    const options = bench.devices();
    const outcomes = await Promise.allSettled([
      bench.open(options),
      bench.open({ ...options, name: "rival" as PoolName }),
    ]);
    expect(outcomes.filter((each) => each.status === "fulfilled").length).toBeLessThanOrEqual(1);
    expect(
      outcomes.filter((each) => each.status === "rejected" && !(each.reason instanceof PoolSetupError)),
    ).toEqual([]);
  });
});
