import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { devNumber } from "../../../src/core/dm.ts";
import { bytes, KIB } from "../../../src/core/units.ts";
import { arrayEndingOn } from "../../../src/host/md-superblock.ts";

// Neither whole in 4 KiB nor in 64 KiB.
const SIZE = 1000n * KIB + 512n;
const NEWER = 992n * KIB;
const OLDER = 896n * KIB;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "md-"));
});
afterEach(() => rm(directory, { recursive: true }));

function superblock(major: number, minor: number, place = 0n): Buffer {
  const block = Buffer.alloc(512);
  block.writeUInt32LE(0xa92b4efc, 0);
  block.writeUInt32LE(major, 4);
  block.writeUInt32LE(minor, 8);
  block.writeBigUInt64LE(place / 512n, 144);
  return block;
}

async function look(block: Buffer, at: bigint, from: bigint): Promise<string | undefined> {
  const path = join(directory, "device");
  const file = await open(path, "w");
  await file.truncate(Number(SIZE));
  await file.write(block, 0, block.length, Number(at));
  await file.close();
  return arrayEndingOn({ path, number: devNumber(7, 0), size: bytes(SIZE) }, bytes(from));
}

test.each<readonly [what: string, block: Buffer, at: bigint, from: bigint, version: string | undefined]>([
  ["metadata 1.0", superblock(1, 0, NEWER), NEWER, 0n, "1.0"],
  ["metadata 1.0, right behind the pool", superblock(1, 0, NEWER), NEWER, NEWER, "1.0"],
  ["metadata 0.90", superblock(0, 90), OLDER, 0n, "0.90"],
  ["metadata 0.90, right behind the pool", superblock(0, 90), OLDER, OLDER, "0.90"],
  ["what a pod wrote, as 1.0", superblock(1, 0, NEWER), NEWER, NEWER + 512n, undefined],
  ["what a pod wrote, as 0.90", superblock(0, 90), OLDER, OLDER + 512n, undefined],
  ["one of a device that was shorter", superblock(1, 0, OLDER), NEWER, 0n, undefined],
  ["one of another version", superblock(0, 91), OLDER, 0n, undefined],
  ["another magic", Buffer.alloc(512, 1), NEWER, 0n, undefined],
  ["nothing", Buffer.alloc(512), NEWER, 0n, undefined],
])("at the end of a device: %s", async (_what, block, at, from, version) => {
  expect(await look(block, at, from)).toBe(version);
});
