/** A driver with a pool on whole disks, the first of which is one that the kernel reads partitions of. */
import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { logFrom, type CommandLog } from "../support/command-log.ts";
import { sha256, writeRandom } from "../support/content.ts";
import { reconfigurePools, startDriver, type RawConfig, type TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOL = "whole";
const DISK = process.env["DMTHIN_DISKS"]?.split(/\s+/)[0] ?? "/missing";
const GIB = 1n << 30n;

let directory: string;
let driver: TestDriver | undefined;
let life: VolumeLife;
let volume: TestVolume;
let content: string;

const link = (name: string): string => join(directory, name);
const file = (target: TestVolume): string => `${target.targetPath}/content`;

const poolOn = (devices: readonly string[]): RawConfig => ({
  name: POOL,
  backing: "devices",
  devices: devices.map(link),
});

async function start(devices: readonly string[]): Promise<CommandLog> {
  const log = logFrom(link("driver.log"));
  driver = await startDriver({
    directory,
    pools: [poolOn(devices)],
    untilListening: true,
  });
  return log;
}

const csi = () => {
  if (driver === undefined) throw new Error("the driver is not running");
  return driver.client;
};

const capacity = async (): Promise<bigint> =>
  BigInt((await csi().controller.getCapacity({ parameters: { pool: POOL } })).available_capacity);

/** Both ends: another test, or an earlier run, may have left something. */
async function wipe(disk: string): Promise<void> {
  await run("wipefs", "--all", "--quiet", disk);
  await run("dd", "if=/dev/zero", `of=${disk}`, "bs=1M", "count=3", "conv=fsync", "status=none");
  await run("blockdev", "--rereadpt", disk);
}

beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/devices-`);
  for (const each of SHARED_DIRECTORIES) await mkdir(join(directory, "kubelet", each), { recursive: true });
  await wipe(DISK);
  await symlink(DISK, link("first"));
  await writeFile(link("second.img"), "");
  await truncate(link("second.img"), Number(64n * GIB));
  const second = await run("losetup", "--find", "--show", "--direct-io=on", link("second.img"));
  await symlink(second, link("second"));
  life = new VolumeLife({ csi, kubeletDirectory: join(directory, "kubelet"), pool: POOL });
});

afterAll(async () => {
  try {
    await driver?.stop();
  } finally {
    await takeDown(POOL, [directory]);
    await wipe(DISK);
    await rm(directory, { recursive: true, force: true });
  }
});

test("a pool is made, and takes in a disk that is added to the list while the driver runs, under a writer", async () => {
  const first = await start(["first"]);
  await first.until(/"pool whole is open"/);
  volume = await life.create("one", "ext4");
  await life.use(volume);
  content = await writeRandom(file(volume), 8);
  const writer = await RecordWriter.slowly(20, `${volume.targetPath}/records`);
  const before = await capacity();
  const log = logFrom(link("driver.log"));
  reconfigurePools(directory, [poolOn(["first", "second"])]);
  await log.until(/pool whole has grown: data from 127.3 GiB to 191.1 GiB, meta from 256 MiB to 384 MiB/);
  await log.until(/"pool whole is open"/);
  // 64 GiB more, less what is not promised.
  expect((await capacity()) - before).toBeGreaterThan(62n * GIB);
  expect(await sha256(file(volume))).toBe(content);
  await writer.reach(20);
  expect(await countRecords(`${volume.targetPath}/records`)).toBeGreaterThanOrEqual(await writer.stop());
});

test("nobody gets the disk or its partitions beside the pool, and no partition shows what a volume holds", async () => {
  await life.release(volume);
  await driver?.stop();
  driver = undefined;
  await takeDown(POOL, []);
  // The kernel has not read the table until now.
  await run("blockdev", "--rereadpt", DISK);
  const partitions = [1, 2, 3, 4].map((number) => `${DISK}${number}`);
  const names = await Promise.all(
    partitions.map((each) =>
      run("sh", "-c", 'sed -n s/^PARTNAME=//p "/sys/class/block/$(basename "$1")/uevent"', "-", each),
    ),
  );
  expect(names).toEqual(["catalog", "metadata", "spare", "data"].map((name) => `dmthin-whole-${name}`));
  const tag = (name: string, path: string): Promise<string> =>
    run("blkid", "--probe", "--output", "value", "--match-tag", name, path);
  for (const each of partitions)
    expect([await tag("PART_ENTRY_SCHEME", each), await tag("TYPE", each)]).toEqual(["gpt", ""]);

  const log = await start(["second", "first"]);
  await log.until(/"pool whole is open"/);
  await life.use(volume);
  expect(await sha256(file(volume))).toBe(content);
  for (const each of [DISK, ...partitions])
    await expect(run("mkfs.ext4", "-q", each)).rejects.toThrow(/in use/);
});

test("a disk that is not there is named and waited for; the pool opens when it comes", async () => {
  await life.release(volume);
  await driver?.stop();
  await takeDown(POOL, []);
  await rename(link("second"), link("aside"));
  const log = await start(["first", "second"]);
  await log.until(/devices\[1\] [^"]*second: is not there and is waited for/);
  await rename(link("aside"), link("second"));
  await log.until(/"pool whole is open"/);
  await life.use(volume);
  expect(await sha256(file(volume))).toBe(content);
  await life.end(volume);
});
