import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { BlockDevice, DevNumber } from "../../../src/core/dm.ts";
import { DamagedVolumeError, EnvironmentError, ToolError } from "../../../src/core/errors.ts";
import { bytes } from "../../../src/core/units.ts";
import {
  checkFilesystem,
  failWhenFull,
  growFilesystem,
  makeFilesystem,
  renewBtrfsIdentity,
} from "../../../src/host/filesystem.ts";
import { fakeRunner } from "../../support/fake-runner.ts";

const DEVICE = "/dev/dm-3";
const VERSION = "mkfs.ext4 -V";

describe("making a filesystem", () => {
  const PREZEROED = "mkfs.ext4 -q -b 4096 -m 0 -E nodiscard,assume_storage_prezeroed=1";
  const LAZY = "mkfs.ext4 -q -b 4096 -m 0 -E nodiscard,lazy_itable_init=1";

  test.each([
    ["1.47.0", true, PREZEROED],
    ["1.48", true, PREZEROED],
    ["2.0.1", true, PREZEROED],
    ["1.46.6", true, LAZY],
    ["1.47.2", false, LAZY],
  ])("e2fsprogs %s on a thin that zeroes: %s", async (version, prezeroed, command) => {
    const runner = fakeRunner({
      [VERSION]: { stderr: `mke2fs ${version} (5-Feb-2023)\n` },
      [`${command} ${DEVICE}`]: {},
    });
    await makeFilesystem(runner, { fsType: "ext4", device: DEVICE, options: [], prezeroed });
    expect(runner.commands.at(-1)).toBe(`${command} ${DEVICE}`);
  });

  test("options come after the defaults, so that they win, and before the device", async () => {
    const command = `${LAZY} -m 5 -O quota ${DEVICE}`;
    const runner = fakeRunner({ [command]: {} });
    const options = ["-m", "5", "-O", "quota"];
    await makeFilesystem(runner, { fsType: "ext4", device: DEVICE, options, prezeroed: false });
    expect(runner.commands).toEqual([command]);
  });

  test.each([
    ["xfs", "mkfs.xfs -q -K -i size=512 /dev/dm-3"],
    ["btrfs", "mkfs.btrfs -q -K -i size=512 /dev/dm-3"],
  ] as const)("%s discards nothing and forces nothing", async (fsType, command) => {
    const runner = fakeRunner({ [command]: {} });
    await makeFilesystem(runner, { fsType, device: DEVICE, options: ["-i", "size=512"], prezeroed: true });
    expect(runner.commands).toEqual([command]);
  });
});

describe("checking a filesystem", () => {
  const COMMAND = "e2fsck -p /dev/dm-3";

  test.each([0, 1, 2, 3])("e2fsck's exit code %i is fine", async (exitCode) => {
    const runner = fakeRunner({ [COMMAND]: { exitCode } });
    await expect(checkFilesystem(runner, "ext4", DEVICE)).resolves.toBeUndefined();
  });

  test.each([4, 5, 8, 12, 16, 32])(
    "e2fsck's exit code %i keeps the volume from being mounted",
    async (exitCode) => {
      const stdout = "/dev/dm-3: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n";
      const result = checkFilesystem(fakeRunner({ [COMMAND]: { exitCode, stdout } }), "ext4", DEVICE);
      await expect(result).rejects.toThrow(DamagedVolumeError);
      await expect(result).rejects.toThrow(/UNEXPECTED INCONSISTENCY/);
    },
  );

  test("what is mounted elsewhere is not checked, and left to the mount", async () => {
    const reply = {
      exitCode: 8,
      stdout: "/dev/dm-3 is in use.\n",
      stderr: "e2fsck: Cannot continue, aborting.\n",
    };
    const result = checkFilesystem(fakeRunner({ [COMMAND]: reply }), "ext4", DEVICE);
    await expect(result).resolves.toBeUndefined();
  });

  test("an e2fsck that was killed is no verdict", async () => {
    const result = checkFilesystem(fakeRunner({ [COMMAND]: { exitCode: undefined } }), "ext4", DEVICE);
    await expect(result).rejects.toThrow(ToolError);
  });

  test.each(["xfs", "btrfs"] as const)("nothing is run for %s", async (fsType) => {
    const runner = fakeRunner({});
    await checkFilesystem(runner, fsType, DEVICE);
    expect(runner.commands).toEqual([]);
  });
});

test.each([
  ["ext4", "resize2fs /dev/dm-3"],
  ["xfs", "xfs_growfs -d /mnt/x"],
  ["btrfs", "btrfs filesystem resize max /mnt/x"],
] as const)("%s grows by its own tool", async (fsType, command) => {
  const runner = fakeRunner({ [command]: {} });
  await growFilesystem(runner, fsType, DEVICE, "/mnt/x");
  expect(runner.commands).toEqual([command]);
});

test("a copy whose identity cannot be changed is reported as damaged, with the tool's reason", async () => {
  const stderr = "ERROR: UUID rewrite in progress, cannot change metadata_uuid\n";
  const result = renewBtrfsIdentity(
    fakeRunner({ "btrfstune -f -m /dev/dm-3": { exitCode: 1, stderr } }),
    DEVICE,
  );
  await expect(result).rejects.toThrow(DamagedVolumeError);
  await expect(result).rejects.toThrow(/UUID rewrite in progress/);
});

describe("an xfs on a full pool", () => {
  let sys: string;
  beforeEach(() => {
    sys = mkdtempSync(join(tmpdir(), "sys-"));
  });
  afterEach(() => rmSync(sys, { recursive: true }));
  const device: BlockDevice = { path: DEVICE, number: "254:3" as DevNumber, size: bytes(1) };

  test("is told to give up instead of trying for ever", () => {
    const directory = join(sys, "fs/xfs/dm-3/error/metadata/ENOSPC");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "max_retries"), "-1\n");
    failWhenFull(device, sys);
    expect(readFileSync(join(directory, "max_retries"), "utf8")).toBe("0\n");
  });

  test("that cannot be told so is an error", () => {
    expect(() => failWhenFull(device, sys)).toThrow(EnvironmentError);
  });
});
