/** Loop devices, what block devices hold, and a suspend that takes too long, on the kernel itself. */
import { closeSync, openSync } from "node:fs";
import { link, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { BlockDevice } from "../../src/core/dm.ts";
import type { DmName, DmUuid } from "../../src/core/ids.ts";
import { MIB } from "../../src/core/units.ts";
import { probe } from "../../src/host/blkid.ts";
import { describeBlockDevice, isClaimed, readBlock, writeBlock } from "../../src/host/block-device.ts";
import { findDmDevice } from "../../src/host/dm-sysfs.ts";
import { Dmsetup } from "../../src/host/dmsetup.ts";
import { Losetup } from "../../src/host/losetup.ts";
import { createRunner, type Runner } from "../../src/host/run.ts";
import { findTools } from "../../src/host/tools.ts";
import { type LoopFile, type LoopFiles, loopFiles } from "../support/loop-files.ts";
import { scratchDirectory } from "../support/scratch.ts";

const PREFIX = "dmthin-block-test-";
const name = (suffix: string): DmName => `${PREFIX}${suffix}` as DmName;
const uuid = (suffix: string): DmUuid => `DMTHIN-block-test-${suffix}` as DmUuid;
const SECTORS = (8n * MIB) / 512n;

describe("block devices on the kernel", () => {
  let runner: Runner;
  let dmsetup: Dmsetup;
  let losetup: Losetup;
  let loops: LoopFiles;
  let loop: LoopFile;

  beforeAll(async () => {
    runner = createRunner(findTools());
    [dmsetup, losetup] = [new Dmsetup(runner), new Losetup(runner)];
  });
  beforeEach(async () => {
    loops = await loopFiles(runner);
    loop = await loops.attach("disk", 8n * MIB);
  });
  afterEach(async () => {
    await removeDevices();
    await loops.clean();
  });

  async function removeDevices(): Promise<void> {
    const devices = (await dmsetup.list()).filter((device) => device.name.startsWith(PREFIX));
    // The youngest first: it may stand on an older one.
    for (const device of devices.toReversed()) {
      if (device.suspended) await dmsetup.resume(device.name);
      await dmsetup.remove(device.name);
    }
  }

  async function create(suffix: string, table: string): Promise<BlockDevice> {
    await dmsetup.create(name(suffix), uuid(suffix), table);
    return describeBlockDevice(`/dev/mapper/${name(suffix)}`);
  }

  describe("loop devices", () => {
    test("a file is found by what it is, under its old, its new and its other name", async () => {
      const [moved, other] = [join(loops.directory, "moved"), join(loops.directory, "other")];
      await link(loop.file, other);
      await rename(loop.file, moved);
      for (const file of [moved, other]) {
        expect((await losetup.find(file)).map((each) => each.path)).toEqual([loop.path]);
      }
      await writeFile(loop.file, "another file of the same name");
      expect(await losetup.find(loop.file)).toEqual([]);
    });

    test("a detach that the kernel puts off is reported, and done at the last close", async () => {
      const fd = openSync(loop.path, "r");
      await expect(losetup.detach(loop.path)).rejects.toMatchObject({ kind: "precondition" });
      closeSync(fd);
      await losetup.detach(loop.path);
      expect(await losetup.find(loop.file)).toEqual([]);
    });
  });

  describe("what a device holds", () => {
    test("nothing: blank, until a single byte is written", async () => {
      expect(await probe(runner, loop)).toEqual({ kind: "blank" });
      await writeBlock(loop.path, 5000n, Buffer.from([1]));
      expect(await probe(runner, loop)).toEqual({
        kind: "holds",
        what: "unknown data at byte 5000",
        recognised: false,
      });
    });

    test("a filesystem", async () => {
      await runner.run("mkfs.ext4", ["-q", "-L", "mine", loop.path]);
      expect(await probe(runner, loop)).toMatchObject({ kind: "holds", recognised: true });
      expect(await probe(runner, loop)).toMatchObject({
        what: expect.stringMatching(/^ext4.*mine/) as string,
      });
    });

    test.each([
      ["all of it", `0 ${SECTORS} error`],
      ["its first sector", `0 8 error\n8 ${SECTORS - 8n} zero`],
      ["its last sector", `0 ${SECTORS - 8n} zero\n${SECTORS - 8n} 8 error`],
    ])("a device whose content cannot be read (%s) is never blank", async (_, table) => {
      const device = await create(
        "bad",
        table.replaceAll(/(\d+) (\d+) zero/g, `$1 $2 linear ${loop.number} $1`),
      );
      await expect(probe(runner, device)).rejects.toMatchObject({ code: "EIO" });
    });
  });

  test("a device below another, or mounted anywhere, is claimed", async () => {
    expect(await isClaimed(loop.path)).toBe(false);
    const device = await create("upper", `0 ${SECTORS} linear ${loop.number} 0`);
    expect([await isClaimed(loop.path), await isClaimed(device.path)]).toEqual([true, false]);
    await runner.run("mkfs.ext4", ["-q", device.path]);
    const target = await mkdtemp(join(scratchDirectory(), "mount-"));
    await runner.run("mount", [device.path, target]);
    expect(await isClaimed(device.path)).toBe(true);
    await runner.run("umount", [target]);
    await rm(target, { recursive: true });
    expect(await isClaimed(device.path)).toBe(false);
  });

  test("a suspend that is completed long after its deadline does not leave the device suspended", async () => {
    // The write stays under way in the delaying device, a suspend above it waits for it, and no signal ends that.
    await create("slow", `0 ${SECTORS} delay ${loop.number} 0 0 ${loop.number} 0 2500`);
    const slow = findDmDevice(name("slow"));
    const upper = await create("upper", `0 ${SECTORS} linear ${slow?.number} 0`);
    const write = writeBlock(upper.path, 0n, Buffer.alloc(4096, 9));
    await sleep(100);
    const suspend = (timeoutMs: number): Promise<void> => dmsetup.suspend(name("upper"), { timeoutMs });
    await expect(suspend(100)).rejects.toMatchObject({
      errno: "ETIMEDOUT",
      stderr: "no answer within 100 ms: killed, but stuck in the kernel",
    });
    await dmsetup.resume(name("upper"));
    await expect(suspend(100)).rejects.toMatchObject({ errno: "ETIMEDOUT" });
    await write;
    expect(findDmDevice(name("upper"))).toMatchObject({ suspended: false });
    expect(await readBlock(loop.path, 0n, 4096)).toEqual(Buffer.alloc(4096, 9));
    await suspend(20_000);
    expect(findDmDevice(name("upper"))).toMatchObject({ suspended: true });
  });
});
