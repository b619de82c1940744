/** Starts and ends that nobody wishes for: no dm-thin, a catalog from the future, a pulled disk, a socket being watched. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, statSync, watch } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { sha256, writeRandom } from "../support/content.ts";
import { loopPool, startDriver, type RawConfig, type TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { expectCode } from "../support/node-bench.ts";
import { retried } from "../support/retried.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const SECTORS_OF_MIB = 2048;
const MODULE = "/sys/module/dm_thin_pool/refcnt";
/** Not on a machine whose own kernel has the module built in, or in use by somebody else. */
const removable = existsSync(MODULE) && readFileSync(MODULE, "utf8").trim() === "0";

let directory: string;
let driver: TestDriver;
const lives = new Map<string, VolumeLife>();
const volumes = new Map<string, TestVolume>();
let letter: string;
/** Of the catalog of pool `future`, as this dmthin made it. */
let futureVersion: number;

const disk = (name: string): string => join(directory, `disk-${name}`);
/** Three pools, so that two of them can fail in one start. */
const pools = (): readonly RawConfig[] => [
  loopPool(directory, "calm", "1GiB"),
  loopPool(directory, "future", "256MiB"),
  { name: "pulled", backing: "parts", data: disk("data"), metadata: disk("metadata") },
];
const start = (): Promise<TestDriver> =>
  startDriver({ directory, pools: pools(), config: { defaultPool: "calm" } });

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "hostile-start-"));
  for (const [name, mib] of [
    ["data", 256],
    ["metadata", 300],
  ] as const) {
    await writeFile(`${disk(name)}.img`, "");
    await truncate(`${disk(name)}.img`, mib * SECTORS_OF_MIB * 512);
    await plug(name);
  }
});
afterAll(async () => {
  await driver.stop();
  for (const pool of ["calm", "future", "pulled"]) await takeDown(pool, [directory]);
  await rm(directory, { recursive: true });
});

/** The link stays the same, as those of udev do. */
async function plug(name: string): Promise<void> {
  await rm(disk(name), { force: true });
  await symlink(await run("losetup", "--find", "--show", "--direct-io=on", `${disk(name)}.img`), disk(name));
}

const life = (pool: string): VolumeLife => {
  const made =
    lives.get(pool) ??
    new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool });
  lives.set(pool, made);
  return made;
};
const volume = (pool: string): TestVolume => {
  const made = volumes.get(pool);
  if (made === undefined) throw new Error(`no volume in ${pool}`);
  return made;
};
const into = (pool: string) => ({ parameters: { pool } });

describe.runIf(removable)("on a kernel without dm-thin", () => {
  test("a driver that cannot load it says what to do", async () => {
    await run("rmmod", "dm_thin_pool");
    const configuration = join(directory, "without.yaml");
    const endpoint = `unix://${directory}/without.sock`;
    const config = {
      endpoint,
      stateDirectory: `${directory}/without`,
      pools: [loopPool(directory, "calm", "1GiB")],
    };
    await writeFile(configuration, JSON.stringify(config));
    // A container that lacks the host's modules.
    const hidden = 'mount -t tmpfs none /lib/modules && exec "$0" "$@"';
    const command = ["sh", "-c", hidden, process.execPath, MAIN, "all", "--config", configuration];
    const ended = promisify(execFile)("unshare", ["--mount", ...command]);
    await expect(ended).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /the kernel lacks the device-mapper targets thin and thin-pool and .*; run "modprobe dm_thin_pool" on the node/,
      ) as string,
    });
    expect(existsSync(`${directory}/without.sock`)).toBe(false);
    expect(existsSync(MODULE)).toBe(false);
  });
});

describe("a start", () => {
  test("loads dm-thin; its socket has mode 0600 from the moment it is there; it has threads to spare", async () => {
    const seen: string[] = [];
    const watcher = watch(directory, (event, name) => seen.push(`${event} ${name}`));
    const before = process.umask(0);
    try {
      driver = await start();
    } finally {
      process.umask(before);
      watcher.close();
    }
    expect(existsSync(MODULE) || !removable).toBe(true);
    // "rename": it came. A "change" would be a chmod after that.
    expect(seen.filter((event) => event.endsWith(" csi.sock"))).toEqual(["rename csi.sock"]);
    expect(statSync(`${directory}/csi.sock`).mode & 0o777).toBe(0o600);
    const tasks = `/proc/${driver.pid}/task`;
    const names = await Promise.all(
      (await readdir(tasks)).map((id) => readFile(`${tasks}/${id}/comm`, "utf8")),
    );
    expect(names.filter((name) => name.startsWith("libuv-worker")).length).toBeGreaterThanOrEqual(32);

    for (const each of SHARED_DIRECTORIES)
      await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
    for (const pool of ["calm", "future", "pulled"])
      volumes.set(pool, await life(pool).create(`in-${pool}`, "ext4", 64n << 20n, into(pool)));
    await life("calm").use(volume("calm"));
    letter = await writeRandom(`${volume("calm").targetPath}/letter`, 8);
  });
});

test("SIGTERM in the middle of a snapshot: it is answered, nothing stays suspended, mounts stay", async () => {
  const begun = readFileSync(driver.log, "utf8").length;
  const snapshot = life("calm").snapshot("last", volume("calm"));
  await expect
    .poll(() => readFileSync(driver.log, "utf8").slice(begun), { interval: 5 })
    .toMatch(/"sync"|"suspend"/);
  const ended = driver.stop();
  const { snapshot_id } = await snapshot;
  expect(await ended).toBe(0);
  expect(await run("dmsetup", "info", "-c", "--noheadings", "-o", "suspended")).not.toContain("Suspended");
  expect(existsSync(`${directory}/csi.sock`)).toBe(false);
  await writeRandom(`${volume("calm").targetPath}/another`, 1);
  expect(await sha256(`${volume("calm").targetPath}/letter`)).toBe(letter);

  futureVersion = await bumpCatalog(999);
  await pull();
  driver = await start();
  expect((await life("calm").snapshot("last", volume("calm"))).snapshot_id).toBe(snapshot_id);
});

/** The catalog of pool `future`, as a later dmthin would leave it. Answers the version it had. */
async function bumpCatalog(version: number): Promise<number> {
  const mountPoint = await mkdtemp("/run/hostile-start-");
  await run("mount", "/dev/mapper/dmthin-future-catalog", mountPoint);
  try {
    const database = new DatabaseSync(`${mountPoint}/catalog.db`);
    const { user_version } = database.prepare("PRAGMA user_version").get() ?? {};
    database.exec(`PRAGMA user_version = ${version}`);
    database.close();
    return Number(user_version);
  } finally {
    await run("umount", mountPoint);
    await rm(mountPoint, { recursive: true });
  }
}

/** As after a reboot without the disk. */
async function pull(): Promise<void> {
  await takeDown("pulled", []);
  await run("losetup", "--detach", disk("data"));
  const detached = async () => run("losetup", "--list", "--noheadings", "--output", "BACK-FILE");
  await expect.poll(detached).not.toContain(`${disk("data")}.img`);
  await rm(disk("data"));
}

describe("with one pool's catalog from a newer version, and another's disk pulled", () => {
  const future = /made by a newer dmthin; this one knows versions up to \d+: install the newer dmthin again/;
  const pulled = /disk-data: no such device; check the configuration and the disk/;

  test("the driver is ready, and serves the third pool", async () => {
    expect(await driver.client.identity.probe({})).toEqual({ ready: { value: true } });
    expect(await sha256(`${volume("calm").targetPath}/letter`)).toBe(letter);
    await life("calm").use(volume("calm"));
    await life("calm").delete(await life("calm").create("third", "block"));
    await expectCode(
      driver.client.controller.listVolumes({}),
      "UNAVAILABLE",
      /not be complete; not open: future \(.*pulled \(/,
    );
  });

  test.each([
    ["future", future],
    ["pulled", pulled],
  ])("calls about pool %s are for later, and say why", async (pool, reason) => {
    const { controller, node } = driver.client;
    const { id, stagingPath, targetPath } = volume(pool);
    await expectCode(life(pool).create("new", "block", 64n << 20n, into(pool)), "UNAVAILABLE", reason);
    await expectCode(controller.deleteVolume({ volume_id: id }), "UNAVAILABLE", reason);
    await expectCode(controller.controllerGetVolume({ volume_id: id }), "UNAVAILABLE", reason);
    await expectCode(controller.createSnapshot({ name: "new", source_volume_id: id }), "UNAVAILABLE", reason);
    await expectCode(life(pool).stage(volume(pool)), "UNAVAILABLE", reason);
    expect((await controller.getCapacity(into(pool))).available_capacity).toBe("0");
    await node.nodeUnpublishVolume({ volume_id: id, target_path: targetPath });
    // What the kernel shows is enough for the end of a pod.
    await node.nodeUnstageVolume({ volume_id: id, staging_target_path: stagingPath });
  });

  test("both are back when their cause is gone", async () => {
    expect(await driver.stop()).toBe(0);
    expect(await bumpCatalog(futureVersion)).toBe(999);
    await plug("data");
    driver = await start();
    for (const pool of ["future", "pulled"]) {
      const { id, name } = volume(pool);
      // The driver is ready with one pool: the others may still be opening, for which sidecars ask again.
      const again = await retried(() => life(pool).create(name, "ext4", 64n << 20n, into(pool)));
      expect(again.id).toBe(id);
      await life(pool).use(volume(pool));
      await life(pool).end(volume(pool));
    }
    expect(await sha256(`${volume("calm").targetPath}/letter`)).toBe(letter);
  });
});
