import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { devNumber } from "../../../src/core/dm.ts";
import {
  describeBlockDevice,
  holders,
  readBlock,
  sizeOf,
  writeBlock,
} from "../../../src/host/block-device.ts";

describe("blocks of a device", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "block-"));
    path = join(directory, "device");
    await writeFile(path, Buffer.alloc(8192));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test("a block written is read back, and its neighbours stay", async () => {
    await writeBlock(path, 4096n, Buffer.alloc(512, 7));
    expect(await readBlock(path, 4096n, 512)).toEqual(Buffer.alloc(512, 7));
    const all = await readFile(path);
    expect(all.subarray(0, 4096)).toEqual(Buffer.alloc(4096));
    expect(all.subarray(4608)).toEqual(Buffer.alloc(3584));
  });

  test("a read past the end is an error, not a short block", async () => {
    await expect(readBlock(path, 8000n, 512)).rejects.toThrow("ends at 8192");
  });

  test("a write never makes what it writes to", async () => {
    await expect(writeBlock(join(directory, "none"), 0n, Buffer.alloc(1))).rejects.toMatchObject({
      code: "ENOENT",
    });
  });

  test.each([
    ["a missing path", "none", "no such device"],
    ["a file", "device", "not a block device"],
    ["a link to a file", "link", /not a block device \(it is .*device\)/],
  ])("%s is refused as a device", async (_, name, message) => {
    await symlink(path, join(directory, "link"));
    await expect(describeBlockDevice(join(directory, name))).rejects.toThrow(message);
    await expect(describeBlockDevice(join(directory, name))).rejects.toMatchObject({ kind: "pool-setup" });
  });

  test("a device the kernel does not have has no size and no holders", () => {
    const none = devNumber(4095, 1);
    expect(() => sizeOf(none)).toThrow("block device 4095:1: sysfs has no size");
    expect(holders(none)).toEqual([]);
  });
});
