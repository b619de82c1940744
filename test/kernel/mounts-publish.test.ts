import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import {
  CapacityRangeError,
  IncompatibleExistingError,
  InvalidRequestError,
  NotFoundError,
  PreconditionError,
} from "../../src/core/errors.ts";
import { parseId, type VolumeId } from "../../src/core/ids.ts";
import { FS_TYPES } from "../../src/core/records.ts";
import { bytes, MIB } from "../../src/core/units.ts";
import { readMountInfo, topMountAt } from "../../src/host/mount-info.ts";
import type { Pool } from "../../src/pool/engine.ts";
import { BLOCK, mountAs, MountBench, SMALL, writeDurably } from "../support/mount-bench.ts";
import { sh } from "../support/sh.ts";

let bench: MountBench;
beforeAll(async () => {
  bench = await MountBench.create();
});
afterEach(() => bench.clearVolumes());
afterAll(() => bench.clear());

const MULTI = { accessMode: "SINGLE_NODE_MULTI_WRITER" } as const;
const noPool: Pool | undefined = undefined;

describe.each(FS_TYPES)("publishing %s", (fsType) => {
  test("shows the volume, read-only where asked, and leaves no target behind", async () => {
    const volume = await bench.volume("v", mountAs(fsType, ["nosuid"]));
    await bench.stage(volume);
    await bench.publish(volume, MULTI);
    writeDurably(join(volume.target, "file"), "x");
    const reader = `${volume.target}-reader`;
    await bench.publish(volume, { ...MULTI, targetPath: reader, readOnly: true });
    expect(readFileSync(join(reader, "file"), "utf8")).toBe("x");
    expect(() => writeFileSync(join(reader, "more"), "")).toThrow(/EROFS/);
    expect(topMountAt(readMountInfo(), reader)?.options).toEqual(expect.arrayContaining(["ro", "nosuid"]));

    await bench.publish(volume, MULTI);
    expect(bench.mountPoints()).toHaveLength(3);
    await expect(bench.publish(volume, { ...MULTI, readOnly: true })).rejects.toThrow(
      IncompatibleExistingError,
    );
    await expect(bench.unstage(volume)).rejects.toThrow(/still published at/);

    for (const path of [volume.target, reader]) {
      await bench.unpublish(volume, path);
      await bench.unpublish(volume, path);
      expect(existsSync(path)).toBe(false);
    }
    await bench.unstage(volume);
    expect(bench.mountPoints()).toEqual([]);
  });

  test("tells how full it is, and grows by either path", async () => {
    const volume = await bench.volume("v", mountAs(fsType));
    await bench.stage(volume);
    await bench.publish(volume);
    const usage = await bench.mounts.usage(bench.pool, { id: volume.id, path: volume.target });
    if (usage.kind !== "filesystem") throw new Error("a mounted volume has a filesystem");
    expect(usage.bytes.total).toBeGreaterThan(30n * MIB);
    expect(usage.bytes.used + usage.bytes.available).toBeLessThanOrEqual(usage.bytes.total);
    expect(usage.inodes === undefined).toBe(fsType === "btrfs");

    const larger = bytes(SMALL[fsType] + 200n * MIB);
    await bench.pool.expandVolume(volume.id, { required: larger });
    const expand = (path: string) => bench.mounts.expand(bench.pool, { id: volume.id, path });
    await expect(expand(volume.target)).resolves.toBe(larger);
    await expect(expand(volume.staging)).resolves.toBe(larger);
    const after = await bench.mounts.usage(bench.pool, { id: volume.id, path: volume.staging });
    expect(after.kind === "filesystem" && after.bytes.total > usage.bytes.total + 100n * MIB).toBe(true);
  });
});

describe("a raw device", () => {
  const write = (path: string): unknown => {
    try {
      return sh("dd", "if=/dev/zero", `of=${path}`, "bs=4k", "count=1", "oflag=direct", "conv=notrunc");
    } catch (error) {
      return error;
    }
  };

  test("is published as a file that is the device, and grows", async () => {
    const volume = await bench.volume("v", BLOCK);
    await bench.stage(volume);
    await bench.stage(volume);
    expect(bench.mountPoints()).toEqual([]);
    await bench.publish(volume);
    await bench.publish(volume);
    expect(statSync(volume.target).isBlockDevice()).toBe(true);
    expect(write(volume.target)).toBe("");
    const path = volume.target;
    await expect(bench.mounts.usage(bench.pool, { id: volume.id, path })).resolves.toEqual({
      kind: "block",
      total: SMALL.ext4,
    });
    const larger = bytes(SMALL.ext4 * 2n);
    await bench.pool.expandVolume(volume.id, { required: larger });
    await expect(bench.mounts.expand(bench.pool, { id: volume.id, path })).resolves.toBe(larger);
    expect(BigInt(sh("blockdev", "--getsize64", path))).toBe(larger);

    await expect(bench.unstage(volume)).rejects.toThrow(PreconditionError);
    await bench.unpublish(volume);
    expect(existsSync(path)).toBe(false);
    await bench.unstage(volume);
    expect(bench.device(volume)).toBeUndefined();
  });

  test("published read-only cannot be written by anybody, yet grows", async () => {
    const volume = await bench.volume("v", BLOCK);
    await bench.stage(volume);
    await bench.publish(volume, { accessMode: "SINGLE_NODE_READER_ONLY" });
    expect(write(volume.target)).toBeInstanceOf(Error);
    expect(write(bench.device(volume) ?? "")).toBeInstanceOf(Error);
    await expect(bench.publish(volume, { ...MULTI, targetPath: `${volume.target}-writer` })).rejects.toThrow(
      /is published read-only/,
    );
    const larger = bytes(SMALL.ext4 * 2n);
    await bench.pool.expandVolume(volume.id, { required: larger });
    await bench.mounts.expand(bench.pool, { id: volume.id, path: volume.target });
    expect(write(volume.target)).toBeInstanceOf(Error);

    await bench.unpublish(volume);
    await bench.publish(volume);
    expect(write(volume.target)).toBe("");
  });

  test("in use is not unstaged", async () => {
    const volume = await bench.volume("v", BLOCK);
    await bench.stage(volume);
    const loop = sh("losetup", "--find", "--show", bench.device(volume) ?? "").trim();
    await expect(bench.unstage(volume)).rejects.toThrow(PreconditionError);
    sh("losetup", "--detach", loop);
    await bench.unstage(volume);
  });
});

describe("who may publish", () => {
  test.each(["SINGLE_NODE_WRITER", "SINGLE_NODE_SINGLE_WRITER", "SINGLE_NODE_READER_ONLY"] as const)(
    "with %s a second path is refused, the same path is not",
    async (accessMode) => {
      const volume = await bench.volume("v", mountAs("ext4"));
      await bench.stage(volume);
      await bench.publish(volume, { accessMode });
      const second = `${volume.target}-2`;
      await expect(bench.publish(volume, { accessMode, targetPath: second })).rejects.toThrow(
        PreconditionError,
      );
      expect(existsSync(second)).toBe(false);
      await bench.publish(volume, { accessMode });
    },
  );

  test.each([
    ["two single writers", mountAs("ext4"), {}, {}, 2],
    ["a reader and a writer of one raw device", BLOCK, { ...MULTI, readOnly: true }, MULTI, 1],
  ])("of %s at once one wins", async (_who, volumeOf, one, other, mounts) => {
    const volume = await bench.volume("v", volumeOf);
    await bench.stage(volume);
    const second = { ...other, targetPath: `${volume.target}-2` };
    const both = await Promise.allSettled([bench.publish(volume, one), bench.publish(volume, second)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(bench.mountPoints()).toHaveLength(mounts);
  });

  test("what is not staged, or not staged so, is not published", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    await expect(bench.publish(volume)).rejects.toThrow(PreconditionError);
    await bench.stage(volume);
    await expect(bench.publish(volume, { stagingPath: `${volume.staging}-x` })).rejects.toThrow(
      PreconditionError,
    );
    await expect(bench.publish(volume, { access: mountAs("ext4", ["noatime"]) })).rejects.toThrow(
      IncompatibleExistingError,
    );
    sh("umount", volume.staging);
    await expect(bench.publish(volume)).rejects.toThrow(/stage it again/);
    expect(existsSync(volume.target)).toBe(false);
    await bench.stage(volume);
    await bench.publish(volume);
  });
});

describe("a target that is not ours", () => {
  test.each([
    ["a relative path", () => "some/path"],
    ["a path with `..`", () => join(bench.kubelet, "pods") + "/../../x"],
    ["a path outside kubelet's directory", () => "/tmp/x"],
    ["a path whose parent is missing", () => join(bench.kubelet, "pods/none/mount")],
    ["a path inside the volume", () => join(bench.kubelet, "plugins/v/inside")],
    ["the staging path", () => join(bench.kubelet, "plugins/v")],
    ["a path below a planted symlink", () => join(bench.kubelet, "pods/v/link/x")],
    ["a planted symlink", () => join(bench.kubelet, "pods/v/link")],
  ])("%s is refused", async (_what, target) => {
    const volume = await bench.volume("v", mountAs("ext4"));
    symlinkSync("/etc", join(bench.kubelet, "pods/v/link"));
    await bench.stage(volume);
    const before = bench.mountPoints();
    await expect(bench.publish(volume, { targetPath: target() })).rejects.toThrow(InvalidRequestError);
    expect(bench.mountPoints()).toEqual(before);
  });

  test("somebody else's mount is neither covered nor unmounted", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    await bench.stage(volume);
    mkdirSync(volume.target);
    sh("mount", "-t", "tmpfs", "none", volume.target);
    await expect(bench.publish(volume)).rejects.toThrow(PreconditionError);
    await expect(bench.unpublish(volume)).rejects.toThrow(/is left alone/);
    expect(topMountAt(readMountInfo(), volume.target)).toMatchObject({ fsType: "tmpfs" });
  });

  test("another volume's publish is not unmounted", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    const other = await bench.volume("o", mountAs("ext4"));
    await bench.stage(volume);
    await bench.publish(volume);
    await expect(bench.unpublish(other, volume.target)).rejects.toThrow(PreconditionError);
    expect(bench.mountPoints()).toContain(volume.target);
  });

  test("files and full directories are not deleted", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    writeFileSync(join(bench.kubelet, "config.yaml"), "kind: KubeletConfiguration");
    await expect(bench.unpublish(volume, join(bench.kubelet, "config.yaml"))).rejects.toThrow(
      PreconditionError,
    );
    await expect(bench.unpublish(volume, join(bench.kubelet, "pods/v"))).resolves.toBeUndefined();
    mkdirSync(volume.target, { recursive: true });
    writeFileSync(join(volume.target, "file"), "");
    await expect(bench.unpublish(volume)).rejects.toThrow(/not empty/);
    rmSync(join(bench.kubelet, "config.yaml"));
  });
});

describe("unpublishing and unstaging", () => {
  test("unpublish needs neither the pool nor the record, and takes away all layers", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    await bench.stage(volume);
    await bench.publish(volume);
    sh("mount", "--bind", volume.staging, volume.target);
    await bench.mounts.unpublish(noPool, { id: volume.id, path: volume.target });
    expect(bench.mountPoints()).toEqual([volume.staging]);
    expect(existsSync(volume.target)).toBe(false);
  });

  test("the staging path is not unpublished", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    await bench.stage(volume);
    await expect(bench.unpublish(volume, volume.staging)).rejects.toThrow(PreconditionError);
    expect(bench.mountPoints()).toEqual([volume.staging]);
  });

  test("a busy filesystem is a clear error in the end, and goes when it is free", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    await bench.stage(volume);
    const held = sh("bash", "-c", `sleep 1000 >${join(volume.staging, "log")} 2>&1 & echo $!`).trim();
    await expect(bench.unstage(volume)).rejects.toThrow(/still in use/);
    expect(bench.record(volume).staging).toBeDefined();
    process.kill(Number(held));
    await bench.unstage(volume);
    expect(bench.device(volume)).toBeUndefined();
  });

  test("an unknown volume is unstaged, and a path it was not staged at too", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    await bench.stage(volume);
    const unknown = `v-${parseId(volume.id)?.pool}-00000000000000000000` as VolumeId;
    const path = join(bench.kubelet, "plugins/none");
    await bench.mounts.unstage(bench.pool, { id: unknown, path });
    await bench.mounts.unstage(bench.pool, { id: volume.id, path });
    expect(bench.mountPoints()).toEqual([volume.staging]);
  });
});

describe("asking about a path", () => {
  test("that is not the volume's is not found, however it is wrong", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    await bench.stage(volume);
    for (const path of ["some/path", "/etc", volume.target, join(bench.kubelet, "..")]) {
      await expect(bench.mounts.usage(bench.pool, { id: volume.id, path })).rejects.toThrow(NotFoundError);
    }
    await expect(bench.mounts.expand(bench.pool, { id: volume.id, path: volume.target })).rejects.toThrow(
      NotFoundError,
    );
  });

  test("expanding beyond the record, or what is not staged, is refused", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    const request = { id: volume.id, path: volume.staging };
    await expect(bench.mounts.expand(bench.pool, request)).rejects.toThrow(PreconditionError);
    await bench.stage(volume);
    const range = { required: bytes(SMALL.ext4 + 1n) };
    await expect(bench.mounts.expand(bench.pool, { ...request, range })).rejects.toThrow(CapacityRangeError);
  });
});
