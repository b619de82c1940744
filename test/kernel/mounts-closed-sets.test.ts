/** What the closed sets allow is no fiction: the real tools and this kernel take it. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { FS_TYPES, type FsType } from "../../src/core/records.ts";
import { makeFilesystem } from "../../src/host/filesystem.ts";
import { mountFilesystem } from "../../src/host/mount.ts";
import { createRunner, type Runner } from "../../src/host/run.ts";
import { readSuperblock } from "../../src/host/superblock.ts";
import { findTools } from "../../src/host/tools.ts";
import { parseMkfsOptions } from "../../src/mounts/mkfs-options.ts";
import { mountFlagNames, parseMountFlags } from "../../src/mounts/mount-flags.ts";
import { mountFlagsFor } from "../../src/plan/stage.ts";
import { sh } from "../support/sh.ts";
import { scratchDirectory } from "../support/scratch.ts";

const GIB = 2 ** 30;

let runner: Runner;
let directory: string;
let device: string;
beforeAll(async () => {
  runner = createRunner(findTools());
  directory = mkdtempSync(join(scratchDirectory(), "sets-"));
  mkdirSync(join(directory, "mount"));
  writeFileSync(join(directory, "image"), "");
  truncateSync(join(directory, "image"), GIB);
  device = sh("losetup", "--find", "--show", join(directory, "image")).trim();
});
// Zeros everywhere, as on a new thin: mkfs.ext4 is told to count on them.
afterEach(() => sh("blkdiscard", device));
afterAll(() => {
  sh("losetup", "--detach", device);
  rmSync(directory, { recursive: true });
});

async function make(fsType: FsType, text = ""): Promise<void> {
  const options = parseMkfsOptions(text, fsType);
  await makeFilesystem(runner, { fsType, device, options, prezeroed: true });
}

async function mount(fsType: FsType, flags: readonly string[]): Promise<void> {
  const path = join(directory, "mount");
  await mountFilesystem(runner, {
    device,
    path,
    fsType,
    flags: mountFlagsFor(fsType, parseMountFlags(flags, fsType)),
  });
  sh("umount", path);
}

/** A value for each flag that takes one. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  data: ["ordered", "journal", "writeback"],
  commit: ["30"],
  init_itable: ["10"],
  inode_readahead_blks: ["32"],
  max_batch_time: ["15000"],
  min_batch_time: ["0"],
  stripe: ["16"],
  journal_ioprio: ["3"],
  max_dir_size_kb: ["1024"],
  allocsize: ["64k", "1m"],
  logbufs: ["8"],
  logbsize: ["256k"],
  compress: ["zstd:3", "lzo", "no"],
  "compress-force": ["zlib:9"],
  space_cache: ["v2"],
  max_inline: ["2048"],
  metadata_ratio: ["4"],
  thread_pool: ["4"],
};

/** Quotas are mount options for filesystems that were made with them. */
const MKFS: Readonly<Record<FsType, string>> = { ext4: "-O quota,project", xfs: "", btrfs: "" };

describe.each(FS_TYPES)("%s", (fsType) => {
  test("takes every mount flag", async () => {
    await make(fsType, MKFS[fsType]);
    const refused: string[] = [];
    for (const name of mountFlagNames(fsType)) {
      for (const flag of VALUES[name]?.map((value) => `${name}=${value}`) ?? [name]) {
        await mount(fsType, [flag]).catch((error: unknown) => refused.push(`${flag}: ${String(error)}`));
      }
    }
    expect(refused).toEqual([]);
  });
});

const OPTIONS: readonly (readonly [FsType, string])[] = [
  ["ext4", "-b 1024"],
  ["ext4", "-i 8192 -I 512"],
  ["ext4", "-m 1.5 -g 8192 -G 8"],
  ["ext4", "-N 1000"],
  ["ext4", "-T largefile4"],
  ["ext4", "-J size=16"],
  ["ext4", "-O quota,project,large_dir,inline_data,ea_inode,fast_commit,metadata_csum_seed"],
  ["ext4", "-O orphan_file,stable_inodes"],
  [
    "ext4",
    "-O ^metadata_csum,^resize_inode,^dir_index,^flex_bg,^huge_file,^dir_nlink,^extra_isize,^orphan_file",
  ],
  ["xfs", "-b size=1k -n size=4096"],
  ["xfs", "-m crc=1,reflink=0,bigtime=1,finobt=1,inobtcount=1,rmapbt=1"],
  ["xfs", "-i size=1024,maxpct=30,sparse=1,nrext64=1"],
  ["xfs", "-d agcount=4"],
  ["xfs", "-d su=64k,sw=2"],
  ["xfs", "-l size=64m,lazy-count=1,version=2"],
  ["xfs", "-n size=8k,ftype=1"],
  ["xfs", "-s size=4096"],
  ["btrfs", "-m single -d dup"],
  ["btrfs", "-n 32k -s 4096"],
  ["btrfs", "--csum xxhash"],
  ["btrfs", "-O ^no-holes,free-space-tree"],
  ["btrfs", "-O block-group-tree"],
];

test.each(OPTIONS)(
  "mkfs.%s takes %s, the kernel mounts it, and its superblock is known",
  async (fsType, text) => {
    await make(fsType, text);
    const superblock = await readSuperblock(runner, device);
    expect(superblock).toMatchObject({ kind: "filesystem", fsType });
    // xfs leaves out what fills no stripe.
    expect(superblock.kind === "filesystem" && GIB - Number(superblock.size)).toBeOneOf([0, 2 ** 19]);
    await expect(mount(fsType, [])).resolves.toBeUndefined();
  },
);

test("a second filesystem is not made over the first", async () => {
  for (const fsType of ["xfs", "btrfs"] as const) {
    await make(fsType);
    await expect(make(fsType)).rejects.toThrow(/ended with 1/);
    sh("wipefs", "--all", "--quiet", device);
  }
});

test("an unreadable device is an error, and a wiped one is blank or unknown", async () => {
  await expect(readSuperblock(runner, "/dev/loop-that-is-not-there")).rejects.toThrow(/cannot be read/);
  sh("blkdiscard", device);
  await expect(readSuperblock(runner, device)).resolves.toEqual({ kind: "blank" });
});
