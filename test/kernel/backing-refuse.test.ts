import { closeSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PoolSetupError } from "../../src/core/errors.ts";
import type { PoolName } from "../../src/core/ids.ts";
import type { PartsPoolOptions } from "../../src/core/pool-options.ts";
import { MIB } from "../../src/core/units.ts";
import { probe } from "../../src/host/blkid.ts";
import { describeBlockDevice } from "../../src/host/block-device.ts";
import { readLabelCopies } from "../../src/pool/label-store.ts";
import { Crash, madeDirectory, PoolBench } from "../support/pool-bench.ts";
import { sh } from "../support/sh.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

const BLOCK = 1024 * 1024;

function write(path: string, offset: number, content: Uint8Array): void {
  const fd = openSync(path, "r+");
  writeSync(fd, content, 0, content.length, offset);
  closeSync(fd);
}

/** Of the first two MiB and the last. */
async function digest(path: string): Promise<string> {
  const { size } = await describeBlockDevice(path);
  const hash = createHash("sha256");
  const fd = openSync(path, "r");
  for (const offset of [0, BLOCK, Number(size) - BLOCK]) {
    const block = Buffer.alloc(BLOCK);
    readSync(fd, block, 0, BLOCK, offset);
    hash.update(block);
  }
  closeSync(fd);
  return hash.digest("hex");
}

/** A DOS partition table with one partition. */
function partitionTable(): Uint8Array {
  const sector = Buffer.alloc(512);
  sector.writeUInt8(0x83, 446 + 4);
  sector.writeUInt32LE(2048, 446 + 8);
  sector.writeUInt32LE(20_000, 446 + 12);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

const realpath = (link: string): string => sh("readlink", link).trim();
const FORCE_ALL = (options: PartsPoolOptions): PartsPoolOptions => ({
  ...options,
  force: [options.data, options.metadata],
});

describe("a disk that holds something", () => {
  test.each<readonly [what: string, fill: (disk: string) => void, problem: RegExp]>([
    ["ext4", (disk) => sh("mkfs.ext4", "-q", disk), /holds ext4 \(filesystem\)/],
    ["swap space", (disk) => sh("mkswap", disk), /holds swap/],
    ["a partition table", (disk) => write(disk, 0, partitionTable()), /holds a dos partition table/],
    [
      "an LVM physical volume",
      (disk) => sh("pvcreate", "--quiet", "--devices", realpath(disk), realpath(disk)),
      /holds LVM2_member/,
    ],
    [
      "unknown data in front",
      (disk) => write(disk, 5000, Buffer.from("data")),
      /holds unknown data at byte 5000/,
    ],
    [
      "unknown data at its end",
      (disk) => write(disk, Number(257n * MIB) - 4096, Buffer.from("data")),
      /holds unknown data at byte 269479936/,
    ],
  ])("(%s) is left alone, and overwritten only by force", async (_what, fill, problem) => {
    const options = bench.parts();
    fill(options.data);
    const before = await digest(options.data);
    await expect(bench.open(options)).rejects.toThrow(problem);
    await expect(bench.open({ ...options, force: [options.metadata] })).rejects.toThrow(PoolSetupError);
    expect(await digest(options.data)).toBe(before);
    expect([bench.dmNames(), bench.mounts()]).toEqual([[], []]);

    await expect(bench.open({ ...options, force: [options.data] }, "attach metadata")).rejects.toThrow(Crash);
    expect((await readLabelCopies(realpath(options.data))).reading).toMatchObject({
      kind: "label",
      whole: true,
    });
    await bench.reboot();
    await expect(probe(bench.runner, await describeBlockDevice(options.data))).resolves.toMatchObject({
      recognised: false,
    });
    expect(bench.reports).toEqual([
      expect.stringMatching(/^warn: pool bench: .* is overwritten as force says; it held /),
    ]);
  });
});

describe("a disk that cannot be had", () => {
  test.each<readonly [what: string, spoil: (disk: string) => void, problem: RegExp]>([
    [
      "mounted",
      (disk) => {
        sh("mkfs.ext4", "-q", disk);
        sh("mount", disk, madeDirectory(join(bench.stateDirectory, "mnt")));
      },
      /is in use \(mounted/,
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
          `0 2048 linear ${realpath(disk)} 0`,
        ),
      /dm-\d+ \(DMTHIN-stranger\) is built on it/,
    ],
    ["read-only", (disk) => sh("blockdev", "--setro", disk), /is read-only/],
    ["exclusively open", (disk) => sh("swapon", (sh("mkswap", disk), realpath(disk))), /is in use/],
  ])("(%s) is left alone, forced or not", async (_what, spoil, problem) => {
    const options = bench.parts();
    spoil(options.data);
    await expect(bench.open(FORCE_ALL(options))).rejects.toThrow(problem);
    sh("swapoff", "--all");
    sh("blockdev", "--setrw", options.data);
  });

  test.each<readonly [what: string, options: () => PartsPoolOptions, problem: RegExp]>([
    ["missing", () => bench.parts({ data: "/dev/disk/by-id/none" }), /by-id\/none: no such device/],
    [
      "a plain file",
      () =>
        bench.parts({
          data: (writeFileSync(join(bench.scratch, "plain"), ""), join(bench.scratch, "plain")),
        }),
      /plain: not a block device/,
    ],
    [
      "too small for data",
      () => bench.parts({ data: bench.disk(MIB) }),
      /by-id-0 has 1 MiB; it needs at least 1114112 bytes/,
    ],
    [
      "too small for metadata",
      () => bench.parts({ metadata: bench.disk(136n * MIB) }),
      /needs at least 143654912 bytes \(137 MiB\)/,
    ],
    [
      "the other one too",
      () => {
        const disk = bench.disk(300n * MIB);
        return bench.parts({ data: disk, metadata: realpath(disk) });
      },
      /are one device, \/dev\/loop\d+; name two/,
    ],
  ])("(%s) is named", async (_what, options, problem) => {
    const attempt = bench.open(options());
    await expect(attempt).rejects.toThrow(PoolSetupError);
    await expect(attempt).rejects.toThrow(problem);
  });

  test("(unreadable) is not taken for blank", async () => {
    sh("dmsetup", "create", "broken", "--uuid", "DMTHIN-broken", "--table", "0 600000 error");
    await expect(bench.open(bench.parts({ data: "/dev/mapper/broken" }))).rejects.toThrow(
      /broken cannot be looked at .*; nothing was changed/,
    );
  });
});

describe("disks of pools that are complete", () => {
  test("swapped, mixed, copied, missing or wiped are refused before the first write", async () => {
    const one = bench.parts();
    await bench.made(one);
    const other = bench.parts({ name: "other" as PoolName });
    await bench.made(other);
    const all = [one.data, one.metadata, other.data, other.metadata];
    const before = await Promise.all(all.map(digest));
    const blank = bench.disk(257n * MIB);
    const copy = bench.disk(140n * MIB);
    sh("dd", `if=${one.metadata}`, `of=${copy}`, "bs=1M", "count=2", "conv=fsync");

    const cases: readonly (readonly [Partial<PartsPoolOptions>, RegExp])[] = [
      [{ data: one.metadata, metadata: one.data }, /is the data device of its pool, not metadata/],
      [{ data: other.data }, /belongs to pool other/],
      [{ metadata: other.metadata }, /belongs to pool other \([0-9a-f]{32}\), not bench/],
      [{ data: other.data, metadata: other.metadata }, /belongs to pool other/],
      [{ metadata: blank }, /its metadata device is missing; bring it back/],
      [{ data: blank }, /the data device is missing or was wiped/],
      [{ data: copy }, /is the metadata device of its pool, not data; devices are swapped or copied/],
      [{ catalog: blank }, /the pool was made of metadata, data; configured are metadata, data, catalog/],
    ];
    for (const [changes, problem] of cases) {
      const options = { ...one, ...changes };
      await expect(bench.open(options)).rejects.toThrow(problem);
      await expect(bench.open(FORCE_ALL(options))).rejects.toThrow(problem);
    }
    expect(await Promise.all(all.map(digest))).toEqual(before);
    expect([bench.dmNames(), bench.mounts()]).toEqual([[], []]);
    await bench.open(one);
  });

  test("are made into two pools by neither of two at once", async () => {
    const options = bench.parts();
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
