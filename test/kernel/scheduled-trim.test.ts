/** Filesystems that are trimmed on schedule: what deleted files had comes back to the pool, and nobody has to wait for it. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { logFrom, type CommandLog } from "../support/command-log.ts";
import { sha256, writeRandom } from "../support/content.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import {
  loopPool,
  reconfigurePools,
  startDriver,
  type RawConfig,
  type TestDriver,
} from "../support/driver.ts";
import { linesOf, mountOptions, run, takeDown } from "../support/machine-state.ts";
import { dataMebibytes } from "../support/pool-words.ts";
import { scratchDirectory } from "../support/scratch.ts";
import {
  FILESYSTEMS,
  fromSnapshot,
  SHARED_DIRECTORIES,
  VolumeLife,
  type TestVolume,
} from "../support/volume-life.ts";

const POOL = "trimmed";
const SOON = "10s";
let directory: string;
let driver: TestDriver;
let life: VolumeLife;

const pool = (every: string): RawConfig => ({ ...loopPool(directory, POOL, "6GiB"), trim: { every } });
const start = async (every: string): Promise<void> => {
  driver = await startDriver({ directory, pools: [pool(every)] });
};

beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/${POOL}-`);
  await start("never");
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
  life = new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool: POOL });
});
afterAll(async () => {
  await driver.stop();
  await takeDown(POOL, [directory]);
  await rm(directory, { recursive: true });
});

const now = (): CommandLog => logFrom(driver.log);
const used = async (): Promise<number> => (await dataMebibytes(POOL, { flush: true })).used;

async function schedule(every: string): Promise<void> {
  const log = now();
  reconfigurePools(directory, [pool(every)]);
  await expect.poll(() => log.text(), { timeout: 20_000 }).toContain(`taken over for pool ${POOL}`);
}

/** The trims of that volume's filesystem that have ended since. */
const trimsOf = (log: CommandLog, { stagingPath }: TestVolume): readonly (readonly string[])[] =>
  log.commands().filter((argv) => argv[0] === "fstrim" && argv.at(-1) === stagingPath);

/** A run over the pool's filesystems has ended since. */
const trimmed = async (log: CommandLog): Promise<void> => {
  await expect.poll(() => log.text(), { timeout: 90_000 }).toMatch(/trimmed \d+ filesystems/);
};

/** Starts a trim that holds the mount open and does not end, while `work` is done. Whoever stops it kills it. */
async function withStuckTrim(volume: TestVolume, work: () => Promise<void>): Promise<void> {
  const [tool, script, mark] = [
    await run("which", "fstrim"),
    join(directory, "stuck"),
    join(directory, "mark"),
  ];
  await rm(mark, { force: true });
  const lines = [
    "#!/bin/sh",
    "for last; do :; done",
    'cd "$last"',
    `echo "$last" > ${mark}`,
    "exec sleep 50",
  ];
  await writeFile(script, `${lines.join("\n")}\n`, { mode: 0o755 });
  await run("mount", "--bind", script, tool);
  try {
    await schedule(SOON);
    const running = (): Promise<string> => run("cat", mark).catch(() => "");
    await expect.poll(running, { timeout: 30_000 }).toBe(volume.stagingPath);
    await work();
  } finally {
    await run("umount", tool);
    await schedule("never");
  }
}

/** Answers its checksum. */
const write = ({ targetPath }: TestVolume, name: string, mebibytes: number): Promise<string> =>
  writeRandom(`${targetPath}/${name}`, mebibytes);

describe.each(FILESYSTEMS)("%s", (fs) => {
  test("gives back what deleted files had, and keeps the others", async () => {
    const volume = await life.create(`gives-${fs}`, fs, 400n << 20n);
    // Otherwise it discards by itself, some time after the deletion.
    await life.use(volume, fs === "btrfs" ? { flags: ["nodiscard"] } : {});
    const digest = await write(volume, "stays", 8);
    const before = await used();
    await write(volume, "goes", 40);
    await rm(`${volume.targetPath}/goes`);
    await run("sync", "--file-system", volume.targetPath);
    expect((await used()) - before).toBeGreaterThanOrEqual(39);
    const log = now();
    await schedule(SOON);
    await trimmed(log);
    await schedule("never");
    expect((await used()) - before).toBeLessThan(8);
    const trims = trimsOf(log, volume);
    expect(trims.length).toBeGreaterThan(1);
    expect(trims[0]).toEqual(
      ["fstrim", "--verbose", "--offset", "0", "--length", "134217728", "--minimum", "65536"].concat(
        volume.stagingPath,
      ),
    );
    await run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches");
    expect(await sha256(`${volume.targetPath}/stays`)).toBe(digest);
    const { stdout } = await dmthinCommand([
      "volume",
      "show",
      volume.id,
      "--config",
      join(directory, "dmthin.yaml"),
    ]);
    expect(stdout).toMatch(/Last trimmed: +2\d{3}-.* by its own account/);
    await life.end(volume);
  });
});

describe("a trim that does not end", () => {
  test("makes way for NodeUnstage at once", async () => {
    const volume = await life.create("unstaged", "ext4");
    await life.use(volume);
    await withStuckTrim(volume, async () => {
      await life.unpublish(volume);
      await life.unstage(volume);
    });
    expect(await run("dmsetup", "info", "-c", "--noheadings", "-o", "name")).not.toContain(volume.device);
    await life.delete(volume);
  });

  test("does not hold up a snapshot, nor a growth", async () => {
    const volume = await life.create("cut", "ext4");
    await life.use(volume);
    const digest = await write(volume, "data", 8);
    await withStuckTrim(volume, async () => {
      const snapshot = await life.snapshot("cut", volume);
      const copy = await life.copy("copy", fromSnapshot(snapshot), "ext4", volume.size);
      await life.use(copy);
      expect(await sha256(`${copy.targetPath}/data`)).toBe(digest);
      expect(await life.enlarge(volume, 2n * volume.size)).toBe(2n * volume.size);
      expect(await life.expandOnNode(volume)).toBe(2n * volume.size);
      await life.end(copy);
      await life.deleteSnapshots(snapshot);
    });
    await life.end(volume);
  });

  test("ends with its driver, and the next one's is on time", async () => {
    const volume = await life.create("restarted", "ext4");
    await life.use(volume);
    await withStuckTrim(volume, async () => {
      expect(await driver.stop()).toBe(0);
      const processes = await run("ps", "-eo", "args");
      expect(linesOf(processes).filter((line) => line === "sleep 50")).toEqual([]);
      await start("1h");
    });
    const log = now();
    await schedule(SOON);
    await trimmed(log);
    await schedule("never");
    await life.end(volume);
  });
});

test("under a snapshot that is cut meanwhile, the copy has what was there", async () => {
  const volume = await life.create("meanwhile", "xfs");
  await life.use(volume);
  const digest = await write(volume, "data", 16);
  await write(volume, "goes", 64);
  await rm(`${volume.targetPath}/goes`);
  const log = now();
  await schedule(SOON);
  await expect.poll(() => trimsOf(log, volume), { timeout: 30_000 }).not.toEqual([]);
  const snapshot = await life.snapshot("meanwhile", volume);
  await trimmed(log);
  await schedule("never");
  const copy = await life.copy("meanwhile-copy", fromSnapshot(snapshot), "xfs", volume.size);
  await life.use(copy);
  expect(await sha256(`${copy.targetPath}/data`)).toBe(digest);
  await life.end(copy, volume);
  await life.deleteSnapshots(snapshot);
});

test("what is raw, read-only or held still is left alone", async () => {
  const raw = await life.create("raw", "block");
  const frozen = await life.create("held", "ext4");
  const readOnly = await life.create("read-only", "ext4");
  const other = await life.create("other", "ext4");
  for (const each of [raw, frozen, readOnly, other]) await life.use(each);
  await run("mount", "-o", "remount,ro", readOnly.stagingPath);
  expect((await mountOptions(readOnly.stagingPath))?.filesystem).toContain("ro");
  await run("dmsetup", "suspend", "--nolockfs", frozen.device);
  const log = now();
  await schedule(SOON);
  await trimmed(log);
  await schedule("never");
  await run("dmsetup", "resume", frozen.device);
  const touched = new Set(log.commands().flatMap((argv) => (argv[0] === "fstrim" ? [argv.at(-1)] : [])));
  expect([...touched]).toEqual([other.stagingPath]);
  await life.end(raw, frozen, readOnly, other);
});
