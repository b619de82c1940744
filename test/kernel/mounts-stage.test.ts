import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import {
  DamagedVolumeError,
  IncompatibleExistingError,
  InvalidRequestError,
  PreconditionError,
} from "../../src/core/errors.ts";
import { FS_TYPES } from "../../src/core/records.ts";
import { bytes, MIB } from "../../src/core/units.ts";
import { readMountInfo, topMountAt } from "../../src/host/mount-info.ts";
import { BLOCK, mountAs, MountBench, SMALL, writeDurably } from "../support/mount-bench.ts";
import { sh } from "../support/sh.ts";

let bench: MountBench;
beforeAll(async () => {
  bench = await MountBench.create();
});
afterEach(() => bench.clearVolumes());
afterAll(() => bench.clear());

const sizeOf = (path: string): bigint => BigInt(sh("df", "-B1", "--output=size", path).split("\n")[1] ?? "0");

describe.each(FS_TYPES)("staging %s", (fsType) => {
  test("formats an empty volume once, and gives its files back each time", async () => {
    const volume = await bench.volume("v", mountAs(fsType, ["noatime"]));
    await bench.stage(volume);
    expect(topMountAt(readMountInfo(), volume.staging)).toMatchObject({ fsType });
    expect(bench.record(volume).format).toEqual({ state: "formatted", fsType });
    writeDurably(join(volume.staging, "file"), "kept");

    await bench.stage(volume);
    expect(bench.mountPoints()).toEqual([volume.staging]);

    await bench.unstage(volume);
    expect(bench.mountPoints()).toEqual([]);
    expect(bench.device(volume)).toBeUndefined();
    expect(bench.record(volume).staging).toBeUndefined();
    await bench.unstage(volume);

    await bench.stage(volume);
    expect(readFileSync(join(volume.staging, "file"), "utf8")).toBe("kept");
  });

  test("a new driver finds it staged, and unstages it", async () => {
    const volume = await bench.volume("v", mountAs(fsType));
    await bench.stage(volume);
    await bench.restart();
    await bench.stage(volume);
    await expect(bench.stage(volume, { access: mountAs(fsType, ["noatime"]) })).rejects.toThrow(
      IncompatibleExistingError,
    );
    await bench.unstage(volume);
    expect(bench.device(volume)).toBeUndefined();
  });

  test("after a mkfs that was cut short it takes another thin", async () => {
    const volume = await bench.volume("v", mountAs(fsType));
    const before = bench.record(volume).thinId;
    await bench.own(volume, async (owned) => {
      const device = await owned.activate();
      await owned.setFormat({ state: "formatting", fsType });
      sh("dd", "if=/dev/urandom", `of=${device.path}`, "bs=64k", "count=4", "oflag=direct");
    });
    await bench.stage(volume);
    expect(bench.record(volume)).toMatchObject({ format: { state: "formatted" } });
    expect(bench.record(volume).thinId).not.toBe(before);
  });

  test("never formats a formatted volume that reads as zeros, and leaves no device", async () => {
    const volume = await bench.volume("v", mountAs(fsType));
    await bench.stage(volume);
    await bench.unstage(volume);
    await bench.own(volume, async (owned) => {
      const device = await owned.activate();
      sh("blkdiscard", device.path);
      await expect(owned.mappedSectors()).resolves.toBe(0n);
      await owned.deactivate();
    });
    await expect(bench.stage(volume)).rejects.toThrow(DamagedVolumeError);
    expect(bench.device(volume)).toBeUndefined();
    await expect(bench.stage(volume)).rejects.toThrow(/never formatted again/);
  });

  test("grows to a record that grew while it was away, and while it is in use", async () => {
    const volume = await bench.volume("v", mountAs(fsType));
    await bench.stage(volume);
    const before = sizeOf(volume.staging);
    await bench.unstage(volume);
    const middle = bytes(SMALL[fsType] + 200n * MIB);
    await bench.pool.expandVolume(volume.id, { required: middle });
    await bench.stage(volume);
    const grown = sizeOf(volume.staging);
    expect(grown).toBeGreaterThan(before + 150n * MIB);

    const last = bytes(middle + 200n * MIB);
    await bench.pool.expandVolume(volume.id, { required: last });
    for (let call = 0; call < 2; call += 1) {
      const answer = await bench.mounts.expand(bench.pool, { id: volume.id, path: volume.staging });
      expect(answer).toBe(last);
    }
    expect(sizeOf(volume.staging)).toBeGreaterThan(grown + 150n * MIB);
  });

  test("a copy is mounted beside its origin, larger, and each has its own files", async () => {
    const origin = await bench.volume("v", mountAs(fsType));
    await bench.stage(origin);
    writeDurably(join(origin.staging, "file"), "cut");
    const { record } = await bench.pool.createSnapshot({ name: "s", source: origin.id });
    writeDurably(join(origin.staging, "file"), " and more");

    const size = bytes(SMALL[fsType] + 200n * MIB);
    const restored = await bench.volume("r", mountAs(fsType), {
      source: { kind: "snapshot", id: record.id },
      size,
    });
    const clone = await bench.volume("c", mountAs(fsType), { source: { kind: "volume", id: origin.id } });
    for (const copy of [restored, clone]) await bench.stage(copy);
    expect(readFileSync(join(restored.staging, "file"), "utf8")).toBe("cut");
    expect(readFileSync(join(clone.staging, "file"), "utf8")).toBe("cut and more");
    expect(sizeOf(restored.staging)).toBeGreaterThan(sizeOf(origin.staging) + 150n * MIB);

    writeDurably(join(restored.staging, "own"), "1");
    for (const copy of [restored, clone]) {
      await bench.unstage(copy);
      await bench.stage(copy);
    }
    expect(sh("ls", origin.staging)).not.toMatch(/own/);
    expect(sh("ls", restored.staging)).toMatch(/own/);
  });

  test("a copy made of a crashed disk keeps what fsync promised", async () => {
    const origin = await bench.volume("v", mountAs(fsType));
    const copy = await bench.volume("c", mountAs(fsType));
    await bench.stage(origin);
    sh("sync", "--file-system", origin.staging);
    writeDurably(join(origin.staging, "file"), "promised");
    // The disk as it is at this moment, without the freeze that a snapshot brings.
    await bench.own(copy, async (owned) => {
      const device = await owned.activate();
      sh("dd", `if=${bench.device(origin)}`, `of=${device.path}`, "bs=1M", "iflag=direct", "oflag=direct");
      await owned.setFormat({ state: "copied", fsType });
    });
    await bench.unstage(origin);
    await bench.stage(copy);
    await bench.stage(origin);
    for (const volume of [copy, origin]) {
      expect(readFileSync(join(volume.staging, "file"), "utf8")).toBe("promised");
    }
  });
});

test("xfs gives up on a full pool, so that it can be unmounted", async () => {
  const volume = await bench.volume("v", mountAs("xfs"));
  await bench.stage(volume);
  const name = bench.device(volume)?.replace("/dev/", "");
  expect(readFileSync(`/sys/fs/xfs/${name}/error/metadata/ENOSPC/max_retries`, "utf8").trim()).toBe("0");
});

test("an empty ext4 maps almost nothing", async () => {
  const volume = await bench.volume("v", mountAs("ext4"), { size: bytes(4096n * MIB) });
  await bench.stage(volume);
  await bench.unstage(volume);
  const mapped = await bench.own(volume, async (owned) => {
    await owned.activate();
    return owned.mappedSectors();
  });
  expect(mapped * 512n).toBeLessThan(80n * MIB);
});

test("mkfs options reach the filesystem", async () => {
  const volume = await bench.volume("v", mountAs("ext4"), {
    mkfsOptions: ["-m", "3", "-O", "quota,^metadata_csum"],
  });
  await bench.stage(volume);
  const facts = sh("dumpe2fs", "-h", bench.device(volume) ?? "");
  expect(facts).toMatch(/Filesystem features:.* quota/);
  expect(facts).not.toMatch(/metadata_csum/);
});

describe("a stage that cannot be", () => {
  const refused = async (volume: Parameters<typeof bench.stage>[0], changes: object): Promise<unknown> => {
    try {
      await bench.stage(volume, changes);
    } catch (error) {
      expect(bench.device(volume)).toBeUndefined();
      expect(bench.mountPoints()).toEqual([]);
      return error;
    }
    return undefined;
  };

  test.each([
    ["as another filesystem", { access: mountAs("xfs") }, PreconditionError],
    ["as a raw device", { access: BLOCK }, PreconditionError],
    ["with a flag outside the closed set", { access: mountAs("ext4", ["loop"]) }, InvalidRequestError],
    ["at a relative path", { path: "some/path" }, InvalidRequestError],
    ["outside kubelet's directory", { path: "/tmp" }, InvalidRequestError],
  ])("%s is refused and leaves nothing", async (_what, changes, kind) => {
    const volume = await bench.volume("v", mountAs("ext4"));
    await expect(refused(volume, changes)).resolves.toBeInstanceOf(kind);
  });

  test("at a path that does not exist, or is a file", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    writeFileSync(join(bench.kubelet, "plugins/file"), "");
    for (const name of ["plugins/nothing", "plugins/file"]) {
      const error = await refused(volume, { path: join(bench.kubelet, name) });
      expect(error).toBeInstanceOf(InvalidRequestError);
    }
  });

  test("over somebody else's mount", async () => {
    const volume = await bench.volume("v", mountAs("ext4"));
    sh("mount", "-t", "tmpfs", "none", volume.staging);
    await expect(bench.stage(volume)).rejects.toThrow(PreconditionError);
    await expect(bench.unstage(volume)).rejects.toThrow(/is left alone/);
    expect(topMountAt(readMountInfo(), volume.staging)).toMatchObject({ fsType: "tmpfs" });
  });
});

test("a copy of unknown content is what its superblock says", async () => {
  const volume = await bench.volume("v", mountAs("ext4"));
  await bench.own(volume, async (owned) => {
    sh("mkfs.ext4", "-q", (await owned.activate()).path);
    await owned.setFormat({ state: "copied" });
  });
  await bench.stage(volume, { access: { kind: "mount", flags: [] } });
  expect(bench.record(volume).format).toEqual({ state: "copied", fsType: "ext4" });
});

test("a volume is not deleted while it is mounted, but is after somebody took its mount away", async () => {
  const volume = await bench.volume("v", mountAs("ext4"));
  await bench.stage(volume);
  await expect(bench.pool.deleteVolume(volume.id)).rejects.toThrow(PreconditionError);
  sh("umount", volume.staging);
  await bench.pool.deleteVolume(volume.id);
  expect(bench.pool.volume(volume.id)).toBeUndefined();
  expect(bench.device(volume)).toBeUndefined();
});

test.each(FS_TYPES)("%s that another mount namespace does not let go is staged again", async (fsType) => {
  const volume = await bench.volume("v", mountAs(fsType));
  await bench.stage(volume);
  writeDurably(join(volume.staging, "file"), "kept");
  const hold = ["--mount", "--propagation", "private", "sh", "-c", "echo held; exec sleep 600"];
  const holder = spawn("unshare", hold, { stdio: ["ignore", "pipe", "ignore"] });
  await once(holder.stdout, "data");
  try {
    await expect(bench.unstage(volume)).rejects.toThrow(/is still open/);
    await bench.stage(volume);
    expect(readFileSync(join(volume.staging, "file"), "utf8")).toBe("kept");
  } finally {
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
  await bench.unstage(volume);
  expect(bench.device(volume)).toBeUndefined();
});

describe("a damaged ext4", () => {
  test.each([
    ["that is known to have errors fails its check", ["ssv state 2", "clri <2>"], /e2fsck ended with 4/],
    ["that looks clean is refused by the kernel", ["clri <2>"], /the kernel finds its ext4 damaged/],
  ])("%s, and no device stays", async (_what, damages, message) => {
    const volume = await bench.volume("v", mountAs("ext4"));
    await bench.stage(volume);
    for (let file = 0; file < 20; file += 1) writeFileSync(join(volume.staging, `f${file}`), "x");
    await bench.unstage(volume);
    await bench.own(volume, async (owned) => {
      const { path } = await owned.activate();
      for (const damage of damages) sh("debugfs", "-w", "-R", damage, path);
      await owned.deactivate();
    });
    const result = bench.stage(volume);
    await expect(result).rejects.toThrow(DamagedVolumeError);
    await expect(result).rejects.toThrow(message);
    expect(bench.device(volume)).toBeUndefined();
  });
});
