/** Deletes that give their space back to the disk below, after the answer: shown by the data file of a loop pool. */
import { existsSync, statSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { logFrom, type CommandLog } from "../support/command-log.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import {
  loopPool,
  reconfigurePools,
  startDriver,
  type RawConfig,
  type TestDriver,
} from "../support/driver.ts";
import { linesOf, run, takeDown, thinIds } from "../support/machine-state.ts";
import { expectCode } from "../support/node-bench.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { fromSnapshot, SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOL = "givesback";
const SIZE = 512n << 20n;
let directory: string;
let faults: string;
let driver: TestDriver;
let life: VolumeLife;

const config = (discardOnDelete = true): RawConfig => ({
  ...loopPool(directory, POOL, "2GiB"),
  discardOnDelete,
});

async function start(discardOnDelete = true): Promise<void> {
  const environment = { DMTHIN_FAULT_FILE: faults };
  driver = await startDriver({ directory, pools: [config(discardOnDelete)], environment });
}

beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/${POOL}-`);
  faults = join(directory, "faults");
  await start();
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
  life = new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool: POOL });
});
afterEach(() => go());
afterAll(async () => {
  await driver.stop();
  await takeDown(POOL, [directory]);
  await rm(directory, { recursive: true });
});

/** MiB that the data file has on its own filesystem. */
const onDisk = (): number =>
  Math.round((statSync(join(directory, POOL, "data.img")).blocks * 512) / (1 << 20));

/** A raw volume with that many random MiB, released. Answers them, hashed. */
async function written(name: string, mebibytes: number): Promise<readonly [TestVolume, string]> {
  const volume = await life.create(name, "block", SIZE);
  await life.use(volume);
  await fill(volume, mebibytes);
  const digest = await digestOf(volume, mebibytes);
  await life.release(volume);
  return [volume, digest];
}

const fill = ({ targetPath }: TestVolume, mebibytes: number, from = "/dev/urandom"): Promise<string> =>
  run("dd", `if=${from}`, `of=${targetPath}`, "bs=1M", `count=${mebibytes}`, "oflag=direct", "conv=notrunc");

async function digestOf({ targetPath }: TestVolume, mebibytes: number): Promise<string> {
  const digest = await run("sh", "-c", `head -c ${mebibytes}M "$0" | sha256sum`, targetPath);
  return digest.split(" ")[0] ?? "";
}

/** Operations that match stand still there. */
const standStill = async (pattern: string): Promise<void> => {
  await rm(`${faults}.reached`, { force: true });
  await writeFile(faults, `still ${pattern}\n`);
};
const reached = async (): Promise<void> => {
  await expect.poll(() => existsSync(`${faults}.reached`), { timeout: 20_000 }).toBe(true);
};
const go = (): Promise<void> => rm(faults, { force: true });

const figures = async (): Promise<{ readonly deletions: number; readonly available: string }> => {
  const args = ["pool", "show", POOL, "--config", join(directory, "dmthin.yaml"), "-o", "json"];
  const { stdout, stderr } = await dmthinCommand(args);
  expect(stderr).toBe("");
  return (JSON.parse(stdout) as { readonly figures: never }).figures;
};
const deletions = async (): Promise<number> => (await figures()).deletions;

/** So many deletions have ended since. Answers what the log says of them. */
async function gone(since: CommandLog, count = 1): Promise<readonly string[]> {
  const lines = (): readonly string[] => linesOf(since.text()).filter((line) => line.includes(": gone, "));
  await expect.poll(lines, { timeout: 60_000 }).toHaveLength(count);
  expect(await devices()).not.toContain("-v-");
  return lines();
}
const now = (): CommandLog => logFrom(driver.log);

/** Each discard takes seconds and does nothing, while `work` is done. */
async function withSlowDiscards(work: () => Promise<void>): Promise<void> {
  const [tool, script] = [await run("which", "blkdiscard"), join(directory, "slow")];
  await writeFile(script, "#!/bin/sh\nexec sleep 3\n", { mode: 0o755 });
  await run("mount", "--bind", script, tool);
  try {
    await work();
  } finally {
    await run("umount", tool);
  }
}

const devices = async (): Promise<string> => run("dmsetup", "info", "-c", "--noheadings", "-o", "name");

describe("with discardOnDelete", () => {
  test("a volume's space is on the disk again, and its thin and device are gone", async () => {
    const before = onDisk();
    const [volume] = await written("one", 64);
    expect(onDisk() - before).toBeGreaterThanOrEqual(64);
    const log = now();
    await life.delete(volume);
    expect(await gone(log)).toEqual([expect.stringContaining("gone, discarded within")]);
    expect(onDisk() - before).toBeLessThan(4);
    expect(await thinIds(POOL)).toEqual([]);
  });

  test("what a snapshot shares stays as it is, and comes back with the last that has it", async () => {
    const before = onDisk();
    const [volume, digest] = await written("origin", 48);
    const snapshot = await life.snapshot("cut", volume);
    await life.use(volume);
    await fill(volume, 16);
    await life.release(volume);
    expect(onDisk() - before).toBeGreaterThanOrEqual(64);
    const log = now();
    await life.delete(volume);
    await gone(log);
    // The 16 MiB that only the volume had.
    expect(onDisk() - before).toBeGreaterThanOrEqual(48);
    expect(onDisk() - before).toBeLessThan(52);
    const copy = await life.copy("copy", fromSnapshot(snapshot), "block", SIZE);
    await life.deleteSnapshots(snapshot);
    await gone(log, 2);
    expect(onDisk() - before).toBeGreaterThanOrEqual(48);
    await life.use(copy);
    await run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches");
    expect(await digestOf(copy, 48)).toBe(digest);
    await life.release(copy);
    await life.delete(copy);
    await gone(log, 3);
    expect(onDisk() - before).toBeLessThan(4);
  });

  test("a group of snapshots", async () => {
    const before = onDisk();
    const volumes = [(await written("member-a", 16))[0], (await written("member-b", 16))[0]];
    const { group_snapshot: group } = await driver.client.groupController.createVolumeGroupSnapshot({
      name: "group",
      source_volume_ids: volumes.map(({ id }) => id),
    });
    const log = now();
    await life.delete(...volumes);
    await gone(log, 2);
    expect(onDisk() - before).toBeGreaterThanOrEqual(32);
    const ids = group?.snapshots.map(({ snapshot_id }) => snapshot_id) ?? [];
    const request = { group_snapshot_id: group?.group_snapshot_id ?? "", snapshot_ids: ids };
    await driver.client.groupController.deleteVolumeGroupSnapshot(request);
    await driver.client.groupController.deleteVolumeGroupSnapshot(request);
    await gone(log, 3);
    expect(onDisk() - before).toBeLessThan(4);
  });

  test("the volume is gone for callers at once, and makes way for whoever wants its name", async () => {
    const [volume] = await written("named", 32);
    const log = now();
    await withSlowDiscards(async () => {
      await life.delete(volume);
      await life.delete(volume);
      const { entries } = await driver.client.controller.listVolumes({});
      expect(entries).toEqual([]);
      expect(await deletions()).toBe(1);
      await expectCode(life.stage(volume), "NOT_FOUND");
      await expectCode(life.snapshot("of-the-dead", volume), "NOT_FOUND");
      await expectCode(life.enlarge(volume, 2n * SIZE), "NOT_FOUND");
      const again = await life.create("named", "block", SIZE);
      expect(again.id).not.toBe(volume.id);
      expect(await gone(log)).toEqual([expect.stringContaining("cut short")]);
      await life.delete(again);
    });
  });

  test("a promise that needs the room has it at once", async () => {
    const { available } = await figures();
    const size = (BigInt(available) / SIZE) * SIZE;
    const volume = await life.create("large", "block", size);
    await life.use(volume);
    await fill(volume, 32);
    await life.release(volume);
    const log = now();
    await withSlowDiscards(async () => {
      await life.delete(volume);
      const { available_capacity } = await driver.client.controller.getCapacity({});
      expect(available_capacity).toBe(available);
      const next = await life.create("next", "block", size);
      expect(await gone(log)).toEqual([expect.stringContaining("cut short")]);
      await life.delete(next);
    });
  });

  test.each(["volume", "snapshot"])(
    "a driver killed while a %s is active to be discarded finishes at its next start",
    async (what) => {
      const before = onDisk();
      const [volume] = await written(`killed-${what}`, 32);
      const log = now();
      const snapshot = what === "snapshot" ? await life.snapshot("killed-cut", volume) : undefined;
      if (snapshot !== undefined) {
        await life.delete(volume);
        await gone(log);
      }
      await standStill("Delete.*: activation to discard #\\d+ activate");
      await (snapshot === undefined ? life.delete(volume) : life.deleteSnapshots(snapshot));
      await reached();
      expect(await devices()).toContain("-v-");
      expect(onDisk() - before).toBeGreaterThanOrEqual(32);
      await driver.kill();
      await go();
      await start();
      await gone(log, snapshot === undefined ? 1 : 2);
      expect(onDisk() - before).toBeLessThan(4);
      expect(await thinIds(POOL)).toEqual([]);
    },
  );

  test("and by one that is not to discard any more", async () => {
    const [volume] = await written("unwanted", 16);
    const snapshot = await life.snapshot("unwanted-cut", volume);
    await standStill("Delete.*: activation to discard #\\d+ activate");
    await life.deleteSnapshots(snapshot);
    await reached();
    await driver.kill();
    await go();
    await start(false);
    expect(await devices()).not.toContain("-v-");
    expect(await thinIds(POOL)).toHaveLength(1);
    await life.delete(volume);
    await driver.stop();
    await start();
  });

  test("a discard that fails hinders no delete", async () => {
    const [volume] = await written("failing", 16);
    const tool = await run("which", "blkdiscard");
    const log = now();
    await run("mount", "--bind", "/bin/false", tool);
    try {
      await life.delete(volume);
      expect(await gone(log)).toEqual([expect.stringContaining("not discarded")]);
    } finally {
      await run("umount", tool);
    }
    expect(log.text()).toContain("deleted without all discards: blkdiscard");
  });

  test("a driver that ends does not wait for them, and the next one goes on", async () => {
    const before = onDisk();
    const [volume] = await written("late", 64);
    const log = now();
    await withSlowDiscards(async () => {
      await life.delete(volume);
      expect(await driver.stop()).toBe(0);
    });
    expect(log.text()).not.toContain(": gone, ");
    await start();
    await gone(log);
    expect(onDisk() - before).toBeLessThan(4);
  });

  // Last: the disk below has given all of it.
  test("a pool that is full gets the space before the disk does", async () => {
    const wide = { ...config(), overprovision: 8 };
    reconfigurePools(directory, [wide]);
    const log = now();
    await expect.poll(() => log.text()).toMatch(/taken over for pool/);
    const [volume] = await written("in-the-way", 32);
    const filler = await life.create("filler", "block", 3n << 30n);
    await life.use(filler);
    await withSlowDiscards(async () => {
      await life.delete(volume);
      await expect(fill(filler, 3000, "/dev/zero")).rejects.toThrow(/No space left|Input\/output error/);
      await expect.poll(() => log.text(), { timeout: 60_000 }).toMatch(/gone, its discards were cut short/);
    });
    await life.release(filler);
    await life.delete(filler);
  });
});
