/** The driver beside systemd-udevd and the rules of lvm2, as on production hosts. */
import { spawn, type ChildProcess } from "node:child_process";
import { readdir, stat, writeFile } from "node:fs/promises";

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { sha256, sha256Raw, writeRandom, writeRaw } from "../support/content.ts";
import { linesOf, run } from "../support/machine-state.ts";
import { expectCode, expectNothingLeft, NodeBench } from "../support/node-bench.ts";
import type { Content, TestVolume } from "../support/volume-life.ts";

const CYCLES = 20;
const LVM_CONF = "/etc/lvm/lvm.conf";
/** As docs/guides/lvm-and-multipath-filters.md gives it. */
const FILTER =
  'devices { global_filter = [ "r|^/dev/mapper/dmthin-|", "r|^/dev/disk/by-id/dm-name-dmthin-|", "r|^/dev/disk/by-id/dm-uuid-DMTHIN-|" ] }';

let bench: NodeBench;
let scanner: ChildProcess | undefined;

beforeAll(async () => {
  await run("udevadm", "settle");
  bench = await NodeBench.start({ pool: "csi-udev", dataSize: "4GiB" });
});
afterAll(() => bench.stop());
afterEach(async () => {
  scanner?.kill();
  scanner = undefined;
  await run("udevadm", "settle");
});

/** Kernel name of a volume's device, `dm-7`; "" where it has none. */
async function kernelName({ device }: TestVolume): Promise<string> {
  const listed = await run(
    "dmsetup",
    "info",
    "-c",
    "--noheadings",
    "--separator",
    " ",
    "-o",
    "name,blkdevname",
  );
  const line = linesOf(listed).find((each) => each.startsWith(`${device} `));
  return line?.slice(device.length + 1) ?? "";
}

const holdersOf = async (volume: TestVolume): Promise<readonly string[]> =>
  readdir(`/sys/block/${await kernelName(volume)}/holders`);

/** What scanners of the host do: every event makes udev open the devices and look at what they hold. */
function scanAllTheTime(): void {
  const trigger = "udevadm trigger --subsystem-match=block --sysname-match='dm-*' --action=change";
  scanner = spawn("sh", ["-c", `while :; do ${trigger}; sleep 0.3; done`], { stdio: "ignore" });
}

test("volumes come and go twenty times while everything is scanned, and nothing is left", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    scanAllTheTime();
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      const content: Content = cycle % 2 === 0 ? "ext4" : "block";
      const volume = await life.create(`cycle-${cycle}`, content);
      await life.use(volume);
      const kernel = await stat(`/dev/${await kernelName(volume)}`);
      expect(kernel.isBlockDevice()).toBe(true);
      // udev takes its link away where a rule could not ask the kernel in time, and has it back with the next event. The driver goes by /dev/dm-N.
      await expect.poll(async () => (await stat(`/dev/mapper/${volume.device}`)).rdev).toBe(kernel.rdev);
      await life.end(volume);
      await expect(stat(`/dev/mapper/${volume.device}`)).rejects.toThrow("ENOENT");
    }
    scanner?.kill();
    await run("udevadm", "settle");
  });
});

test("copies are made of a volume in use while everything is scanned", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const origin = await life.create("scanned", "xfs");
    await life.use(origin);
    const letter = await writeRandom(`${origin.targetPath}/letter`, 2);
    scanAllTheTime();
    const snapshot = await life.snapshot("scanned", origin);
    const copy = await life.copy(
      "scanned-copy",
      { snapshot: { snapshot_id: snapshot.snapshot_id } },
      "xfs",
      origin.size * 2n,
    );
    await life.use(copy);
    expect(await sha256(`${copy.targetPath}/letter`)).toBe(letter);
    await life.enlarge(origin, origin.size * 2n);
    expect(await life.expandOnNode(origin)).toBe(origin.size * 2n);
    await life.end(copy, origin);
    await life.deleteSnapshots(snapshot);
    scanner?.kill();
    await run("udevadm", "settle");
  });
});

/** LVM as the pod would run it: with a configuration of its own, which sees nothing but the pod's device. */
const inPod = (volume: TestVolume, command: string, ...args: readonly string[]): Promise<string> => {
  const device = `/dev/mapper/${volume.device}`;
  const config = `devices { global_filter = [ "a|^${device}$|", "r|.*|" ] use_devicesfile = 0 }`;
  return run(command, "--config", config, ...args);
};

/** A pod with this raw volume makes a volume group in it, with one active logical volume, and ends properly. */
async function makeVolumeGroup(volume: TestVolume, group: string): Promise<void> {
  const device = `/dev/mapper/${volume.device}`;
  await inPod(volume, "pvcreate", "--yes", device);
  await inPod(volume, "vgcreate", group, device);
  await inPod(volume, "lvcreate", "--yes", "--zero", "n", "--size", "8M", "--name", "inner", group);
  await inPod(volume, "vgchange", "--activate", "n", group);
  await run("udevadm", "settle");
}

/** What agents, a boot, or a person at the shell do on the host. */
async function scanByHand(): Promise<void> {
  await run("pvscan", "--cache", "--activate", "ay");
  await run("vgchange", "--activate", "ay");
  await run("udevadm", "settle");
}

/** The host's LVM has this configuration while the work runs. A bind mount: nothing of the machine is changed. */
async function withLvmConfiguration(text: string, work: () => Promise<void>): Promise<void> {
  const file = `${bench.kubeletDirectory}/../lvm.conf`;
  await writeFile(file, `${text}\n`);
  await run("mount", "--bind", file, LVM_CONF);
  try {
    await work();
  } finally {
    await run("umount", LVM_CONF);
  }
}

test("a volume group inside a raw volume is left alone by a host with the documented filter", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const volume = await life.create("with-lvm", "block");
    await withLvmConfiguration(FILTER, async () => {
      await life.use(volume);
      await makeVolumeGroup(volume, "podgroup");
      await scanByHand();
      expect(await holdersOf(volume)).toEqual([]);
      expect(await run("pvs", "--all", "--noheadings", "-o", "pv_name")).not.toContain("dmthin-csi-udev-v-");
      await life.release(volume);
      await life.use(volume);
      await scanByHand();
      expect(await holdersOf(volume)).toEqual([]);
      // What the pod made is still there for the pod.
      expect(await inPod(volume, "lvs", "--noheadings", "-o", "lv_name", "podgroup")).toContain("inner");
      await life.end(volume);
    });
  });
});

test("without the filter the host grabs the volume group: unstage says so, and works once it has let go", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const volume = await life.create("without-filter", "block");
    await withLvmConfiguration("devices { use_devicesfile = 0 }", async () => {
      await life.use(volume);
      await makeVolumeGroup(volume, "straygroup");
      const at = { mebibyte: 40, count: 1 };
      const written = await writeRaw(volume.targetPath, at);
      await scanByHand();
      expect(await holdersOf(volume)).toHaveLength(1);
      await life.unpublish(volume);
      await expectCode(life.unstage(volume), "FAILED_PRECONDITION", /still open/);
      await expectCode(life.delete(volume), "FAILED_PRECONDITION");
      // Nothing is lost by the refusal, and the cure is the host's.
      expect(await sha256Raw(`/dev/mapper/${volume.device}`, at)).toBe(written);
      await run("vgchange", "--activate", "n", "straygroup");
      await life.unstage(volume);
      await life.delete(volume);
    });
  });
});
