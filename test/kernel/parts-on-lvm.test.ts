/** A pool on two logical volumes of real LVM: what LVM does with them under volumes in use, and what it refuses. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Snapshot__Output } from "../../src/generated/csi.ts";
import { logFrom, type CommandLog } from "../support/command-log.ts";
import { sha256, writeRandom } from "../support/content.ts";
import { startDriver, type TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { poolWords } from "../support/pool-words.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { VolumeGroup } from "../support/volume-group.ts";
import {
  fromSnapshot,
  SHARED_DIRECTORIES,
  SMALL,
  VolumeLife,
  type TestVolume,
} from "../support/volume-life.ts";

const POOL = "onlvm";

let directory: string;
let group: VolumeGroup;
let driver: TestDriver | undefined;
let life: VolumeLife;
let volume: TestVolume;
let snapshot: Snapshot__Output;
let content: string;

const csi = () => {
  if (driver === undefined) throw new Error("the driver is not running");
  return driver.client;
};
const inVolume = (name: string, of = volume): string => join(of.targetPath, name);

async function start(): Promise<CommandLog> {
  const log = logFrom(join(directory, "driver.log"));
  const [data, metadata] = [group.path("data"), group.path("metadata")];
  const pools = [{ name: POOL, backing: "parts", data, metadata }];
  driver = await startDriver({ directory, pools, untilListening: true });
  return log;
}

async function stop(): Promise<void> {
  expect(await driver?.stop()).toBe(0);
  driver = undefined;
}

async function until(log: CommandLog, line: RegExp): Promise<void> {
  const end = performance.now() + 90_000;
  while (!line.test(log.text())) {
    if (performance.now() > end) throw new Error(`no ${line} in:\n${log.text().slice(-4000)}`);
    await sleep(100);
  }
}

/** Records go on while `work` is done and for some time after it, and none that was durable is lost. */
async function underWriter(work: () => Promise<void>): Promise<void> {
  const writer = await RecordWriter.slowly(20, inVolume("records"));
  let durable: number;
  try {
    await work();
    await writer.reach(writer.durable + 20);
  } finally {
    durable = await writer.stop();
  }
  expect(await countRecords(inVolume("records"))).toBeGreaterThanOrEqual(durable);
}

/** All that would take the volumes from under the pool. */
async function takingAwayIsRefused(): Promise<void> {
  const inUse = /is used by another device|in use/;
  await expect(group.lvm("vgchange", "--activate=n", group.name)).rejects.toThrow(inUse);
  for (const each of ["data", "metadata"]) {
    await expect(group.lvm("lvchange", "--activate=n", group.lv(each))).rejects.toThrow(inUse);
    await expect(group.lvm("lvremove", "--yes", group.lv(each))).rejects.toThrow(inUse);
  }
}

beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/on-lvm-`);
  for (const each of SHARED_DIRECTORIES) await mkdir(join(directory, "kubelet", each), { recursive: true });
  await run("modprobe", "dm-mirror");
  group = await VolumeGroup.create("dmthinparts", [2048, 2048]);
  const [first = ""] = group.disks;
  await group.lvm("lvcreate", "--yes", "--name=metadata", "--size=300M", group.name, first);
  await group.lvm("lvcreate", "--yes", "--name=data", "--size=512M", group.name, first);
  life = new VolumeLife({ csi, kubeletDirectory: join(directory, "kubelet"), pool: POOL });
});

afterAll(async () => {
  try {
    await driver?.stop();
  } finally {
    await takeDown(POOL, [directory]);
    await group.remove();
    await rm(directory, { recursive: true, force: true });
  }
});

test("a longer data volume makes the pool longer, under a writer", async () => {
  await until(await start(), /"pool onlvm is open"/);
  volume = await life.create("one", "ext4");
  await life.use(volume);
  content = await writeRandom(inVolume("content"), 8);
  snapshot = await life.snapshot("cut", volume);
  await underWriter(async () => {
    await group.lvm("lvextend", "--size=+256M", group.lv("data"));
    const log = logFrom(join(directory, "driver.log"));
    process.kill(driver?.pid ?? 0, "SIGHUP");
    await until(log, /pool onlvm has grown: data from 511 MiB to 767 MiB/);
  });
  expect(await sha256(inVolume("content"))).toBe(content);
});

test("LVM moves both to another disk, under a writer", async () => {
  const [first = "", second = ""] = group.disks;
  await underWriter(async () => {
    await group.lvm("pvmove", "--interval=1", first, second);
    await group.lvm("vgreduce", group.name, first);
  });
  expect(await sha256(inVolume("content"))).toBe(content);
  expect((await poolWords(POOL)).mode).toBe("rw");
});

test("LVM does not deactivate or remove them while the pool is up, staged or not, with a driver or without", async () => {
  await takingAwayIsRefused();
  await life.release(volume);
  await takingAwayIsRefused();
  await stop();
  await takingAwayIsRefused();
  await until(await start(), /"pool onlvm is open"/);
  await life.use(volume);
  expect(await sha256(inVolume("content"))).toBe(content);
});

test("a data volume that LVM has cut is refused, and opened when it is as long as it was", async () => {
  await life.release(volume);
  await stop();
  await takeDown(POOL, []);
  await group.lvm("lvreduce", "--yes", "--size=-256M", group.lv("data"));
  const log = await start();
  await until(
    log,
    /dmthinparts\/data: has 512 MiB .* but the pool uses \d+ bytes of it: it was cut; restore it/,
  );
  // Of one disk with room behind it LVM gives back what it took.
  await group.lvm("lvextend", "--size=+256M", group.lv("data"));
  await until(log, /"pool onlvm is open"/);
  await life.use(volume);
  expect(await sha256(inVolume("content"))).toBe(content);
});

test("of a volume group that is not active yet they are waited for, and all is there as it was", async () => {
  await life.release(volume);
  await stop();
  await takeDown(POOL, []);
  await group.lvm("vgchange", "--activate=n", group.name);
  const log = await start();
  await until(log, /\/dev\/dmthinparts\/metadata: no such device/);
  await group.lvm("vgchange", "--activate=y", group.name);
  await until(log, /"pool onlvm is open"/);
  await life.use(volume);
  expect(await sha256(inVolume("content"))).toBe(content);
  const restored = await life.copy("restored", fromSnapshot(snapshot), "ext4", SMALL.ext4);
  await life.use(restored);
  expect(await sha256(inVolume("content", restored))).toBe(content);
  await life.end(restored);
  await life.deleteSnapshots(snapshot);
  await life.end(volume);
});
