import { describe, expect, test } from "vitest";

import { PreconditionError, ToolError } from "../../../src/core/errors.ts";
import type { MountEntry } from "../../../src/core/filesystem.ts";
import { parseMountInfo, readMountInfo, topMountAt } from "../../../src/host/mount-info.ts";
import { bindMount, mountFilesystem, unmount } from "../../../src/host/mount.ts";
import { fakeRunner } from "../../support/fake-runner.ts";

const PLAIN = "--no-canonicalize --internal-only";

describe("mounting", () => {
  test("never turns to read-only by itself", async () => {
    const command = `mount ${PLAIN} --rw -t xfs -o noatime,nouuid /dev/dm-3 /x`;
    const runner = fakeRunner({ [command]: {} });
    const flags = ["noatime", "nouuid"];
    await mountFilesystem(runner, { device: "/dev/dm-3", path: "/x", fsType: "xfs", flags });
    expect(runner.commands).toEqual([command]);
  });

  test("needs no flags", async () => {
    const command = `mount ${PLAIN} --rw -t btrfs /dev/dm-3 /x`;
    const runner = fakeRunner({ [command]: {} });
    await mountFilesystem(runner, { device: "/dev/dm-3", path: "/x", fsType: "btrfs", flags: [] });
    expect(runner.commands).toEqual([command]);
  });

  test.each([
    [false, `mount ${PLAIN} -o bind /a /b`],
    [true, `mount ${PLAIN} -o bind,ro,nosuid,noatime /a /b`],
  ])(
    "a bind mount, read-only %s, is one command and keeps what the source has",
    async (readOnly, command) => {
      const runner = fakeRunner({ [command]: {} });
      await bindMount(runner, "/a", "/b", { readOnly, kept: ["rw", "nosuid", "noatime"] });
      expect(runner.commands).toEqual([command]);
    },
  );
});

describe("unmounting", () => {
  /** Mounted for certain, as long as nobody really runs umount. */
  const root = topMountAt(readMountInfo(), "/");
  const mounted = (): MountEntry => {
    if (root === undefined) throw new Error("no root is mounted");
    return root;
  };
  const COMMAND = `umount ${PLAIN} /`;
  const BUSY = { exitCode: 32, stderr: "umount: /: target is busy.\n" };
  const patience = { totalMs: 40, pauseMs: 5 };

  test("a busy mount is tried again until it is free", async () => {
    const runner = fakeRunner({ [COMMAND]: [BUSY, BUSY, {}] });
    await unmount(runner, mounted(), { totalMs: 5000, pauseMs: 1 });
    expect(runner.commands).toHaveLength(3);
  });

  test("a mount that stays busy is an error in the end, and never forced", async () => {
    const runner = fakeRunner({ [COMMAND]: BUSY });
    await expect(unmount(runner, mounted(), patience)).rejects.toThrow(PreconditionError);
    expect(runner.commands.length).toBeGreaterThan(1);
    expect(new Set(runner.commands)).toEqual(new Set([COMMAND]));
  });

  test("another failure is not tried again", async () => {
    const runner = fakeRunner({ [COMMAND]: { exitCode: 32, stderr: "umount: /: must be superuser.\n" } });
    await expect(unmount(runner, mounted(), patience)).rejects.toThrow(ToolError);
    expect(runner.commands).toHaveLength(1);
  });

  test("what somebody else has unmounted in between counts as done", async () => {
    const [gone] = parseMountInfo("1 0 254:3 / /gone rw - ext4 /dev/dm-3 rw");
    if (gone === undefined) throw new Error("one line, one entry");
    const runner = fakeRunner({
      [`umount ${PLAIN} /gone`]: { exitCode: 32, stderr: "umount: /gone: not mounted.\n" },
    });
    await expect(unmount(runner, gone, patience)).resolves.toBeUndefined();
  });
});
