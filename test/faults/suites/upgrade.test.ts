/**
 * The driver is replaced under running volumes: by itself, by one that is configured otherwise, by one that finds a catalog of an older
 * dmthin, or a catalog or a label of a newer one.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { MIGRATIONS } from "../../../src/pool/catalog-schema.ts";
import { sha256 } from "../../support/content.ts";
import { loopPool, startDriver, type RawConfig, type TestDriver } from "../../support/driver.ts";
import { linesOf, machineState, run, takeDown, type MachineState } from "../../support/machine-state.ts";
import { expectCode } from "../../support/node-bench.ts";
import { countRecords, RecordWriter } from "../../support/record-writer.ts";
import { scratchDirectory } from "../../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../../support/volume-life.ts";
import { Random } from "../random.ts";
import { CATALOG_VERSIONS, readRows, writeCatalog } from "../upgrade/catalogs.ts";
import { LABEL_FILES, LabelFile } from "../upgrade/label-file.ts";
import { figure, given } from "./given.ts";

const { seed, share } = given();
const random = new Random(seed, "upgrade");
const POOL = "upgrade";
const DEVICE = `dmthin-${POOL}-pool`;
/** One processor for the writers, the driver's start and its tools: much of a pause is waiting for that. */
const PAUSE_LIMIT_MS = 5000;

let directory: string;
let driver: TestDriver;
let changes: RawConfig = {};
const volumes: TestVolume[] = [];
const writers: RecordWriter[] = [];

const start = async (untilListening = false): Promise<void> => {
  const pools = [{ ...loopPool(directory, POOL, "2GiB"), metadataSize: "4MiB", ...changes }];
  driver = await startDriver({ directory, pools, untilListening });
};
const life = (): VolumeLife =>
  new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool: POOL });
const recordsOf = ({ content, targetPath }: TestVolume): string =>
  content === "block" ? targetPath : `${targetPath}/records`;

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "upgrade-"));
  await start();
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
  for (const content of ["ext4", "xfs", "block"] as const) {
    const volume = await life().create(`under-load-${content}`, content, 400n << 20n);
    await life().use(volume);
    volumes.push(volume);
    writers.push(await RecordWriter.slowly(10, recordsOf(volume)));
  }
  await life().snapshot("cut", volumes[0] as TestVolume);
});

afterAll(async () => {
  await driver.stop();
  await takeDown(POOL, [directory]);
  await rm(directory, { recursive: true });
});

type Outside = Pick<MachineState, "devices" | "loops" | "mounts" | "volumes" | "snapshots" | "paths">;

async function outside(): Promise<Outside> {
  const {
    devices,
    loops,
    mounts,
    volumes: listed,
    snapshots,
    paths,
  } = await machineState({
    pool: POOL,
    csi: driver.client,
    kubeletDirectory: driver.kubeletDirectory,
  });
  return { devices, loops, mounts, volumes: listed, snapshots, paths };
}

/** No writer has met an error, and each has got on since. Answers the longest that one record took. */
async function expectWriting(): Promise<number> {
  for (const writer of writers) await writer.reach(5);
  const longest = Math.max(...writers.map((writer) => writer.takeLongestMs()));
  expect(longest).toBeLessThan(PAUSE_LIMIT_MS);
  return longest;
}

const ways = ["SIGTERM", "SIGKILL"] as const;
const rounds = Array.from({ length: share ? 2 : 6 }, (_, round) => ({
  round: round + 1,
  // Both in any case.
  way: round < 2 ? ways[round % 2] : random.pick(ways),
}));

describe("promise 13: the driver is replaced under load", () => {
  test.each(rounds)(
    "$round, by $way: no error, no lasting pause, devices and mounts as before",
    async ({ way }) => {
      const before = await outside();
      await expectWriting();
      if (way === "SIGKILL") await driver.kill();
      else expect(await driver.stop()).toBe(0);
      const gone = await expectWriting();
      await start();
      const back = await expectWriting();
      figure(`longest write around ${way}: ${gone} ms without a driver, ${back} ms while one starts`);
      expect(await outside()).toEqual(before);
    },
  );

  test("again and again before it is ready", async () => {
    const before = await outside();
    for (const delayMs of [0, random.between(200, 2000), random.between(200, 2000)]) {
      await driver.kill();
      await start(true);
      await sleep(delayMs);
    }
    await driver.kill();
    await start();
    await expectWriting();
    expect(await outside()).toEqual(before);
  });
});

/** What a driver warns of that finds the pool active with another table. */
const WARNING = /is active with .*; that takes effect after the next reboot/;

describe("promise 13: the next driver is configured otherwise", () => {
  test.each([{ whenFull: "queue" }, { zeroing: false }, { discard: false }])(
    "%j: the running pool keeps its table, volumes go on",
    async (setting) => {
      const table = await run("dmsetup", "table", DEVICE);
      changes = setting;
      await driver.stop();
      const begun = (await readFile(driver.log, "utf8")).length;
      await start();
      expect(await run("dmsetup", "table", DEVICE)).toBe(table);
      expect((await readFile(driver.log, "utf8")).slice(begun)).toMatch(WARNING);
      await expectWriting();
      await life().delete(await life().create("meanwhile", "block"));
      changes = {};
    },
  );

  test("with another block size: it is said to have no effect, and nothing else changes", async () => {
    changes = { blockSize: "128KiB" };
    await driver.stop();
    await start();
    expect(await readFile(driver.log, "utf8")).toMatch(
      /blockSize 128 KiB has no effect: .* made with 64 KiB/,
    );
    expect(await run("dmsetup", "table", DEVICE)).toContain(" 128 ");
    await expectWriting();
    changes = {};
  });
});

/** The catalog's filesystem without a driver. */
async function withCatalog<T>(work: (file: string) => T | Promise<T>): Promise<T> {
  const mountPoint = await mkdtemp("/run/upgrade-");
  await run("mount", `/dev/mapper/dmthin-${POOL}-catalog`, mountPoint);
  try {
    return await work(`${mountPoint}/catalog.db`);
  } finally {
    await run("umount", mountPoint);
    await rm(mountPoint, { recursive: true });
  }
}

describe("the catalog is of another version", () => {
  test("promise 13: there is a fixture of every version that this one migrates from, and of its own", () => {
    expect(CATALOG_VERSIONS).toEqual(Array.from({ length: MIGRATIONS.length }, (_, index) => index + 1));
  });

  test.each(CATALOG_VERSIONS)(
    "promise 13: version %i is migrated, under load, with all it holds",
    async (version) => {
      const before = await outside();
      await driver.stop();
      await withCatalog(async (file) => {
        const old = new DatabaseSync(file, { readBigInts: true });
        const rows = readRows(old);
        old.close();
        for (const suffix of ["", "-wal", "-shm"]) await rm(`${file}${suffix}`, { force: true });
        const made = new DatabaseSync(file);
        writeCatalog(made, version, rows);
        made.close();
      });
      await start();
      expect(await outside()).toEqual(before);
      await expectWriting();
      await life().delete(await life().create("after", "block"));
      await driver.stop();
      await withCatalog((file) => {
        const database = new DatabaseSync(file, { readOnly: true });
        expect(database.prepare("PRAGMA user_version").get()).toMatchObject({
          user_version: MIGRATIONS.length,
        });
        expect(database.prepare("SELECT count(*) AS count FROM volumes").get()).toMatchObject({
          count: before.volumes.length,
        });
        database.close();
      });
      await start();
    },
  );

  test("promises 10, 13: a newer one is refused and its file not touched; volumes in use go on", async () => {
    await driver.stop();
    const setVersion = (version: number): Promise<void> =>
      withCatalog((file) => {
        const database = new DatabaseSync(file);
        database.exec(`PRAGMA user_version = ${version}; PRAGMA wal_checkpoint(TRUNCATE)`);
        database.close();
      });
    await setVersion(MIGRATIONS.length + 1);
    const sum = await withCatalog(sha256);
    await start(true);
    await expect
      .poll(() => readFile(driver.log, "utf8"), { timeout: 60_000 })
      .toMatch(/made by a newer dmthin/);
    await expectCode(life().create("new", "block"), "UNAVAILABLE", /newer dmthin/);
    await expectWriting();
    await driver.stop();
    await withCatalog(async (file) => {
      expect(await sha256(file)).toBe(sum);
      expect(existsSync(`${file}-wal`)).toBe(false);
    });
    await setVersion(MIGRATIONS.length);
    await start();
    await life().delete(await life().create("new", "block"));
  });
});

test("promises 10, 13: labels of a newer version are refused and not touched; volumes in use go on", async () => {
  await driver.stop();
  const labels = LABEL_FILES.map((file) => new LabelFile(join(directory, POOL, file)));
  const texts = await Promise.all(labels.map((label) => label.readJson()));
  for (const [index, label] of labels.entries())
    await label.writeJson((texts[index] ?? "").replace('"version":1', '"version":2'));
  const sums = (): Promise<readonly string[]> => Promise.all(labels.map((label) => label.sum()));
  const before = await sums();
  const devices = await run("dmsetup", "table");
  await start(true);
  const refusal = /label has version 2; this dmthin knows version 1: use a newer one/;
  await expect.poll(() => readFile(driver.log, "utf8"), { timeout: 60_000 }).toMatch(refusal);
  await expectCode(life().create("new", "block"), "UNAVAILABLE", refusal);
  await expectWriting();
  await driver.stop();
  expect(await sums()).toEqual(before);
  expect(await run("dmsetup", "table")).toBe(devices);
  for (const [index, label] of labels.entries()) await label.writeJson(texts[index] ?? "");
  await start();
});

test("promises 2, 13: at the end every record of every writer is there, and nothing was remounted", async () => {
  for (const [index, writer] of writers.entries()) {
    const durable = await writer.stop();
    expect(await countRecords(recordsOf(volumes[index] as TestVolume))).toBeGreaterThanOrEqual(durable);
  }
  const errors = linesOf(await run("dmesg")).filter((line) =>
    /I\/O error|EXT4-fs error|XFS .*[Ss]hut/.test(line),
  );
  expect(errors).toEqual([]);
});

test("promise 13: a setting that waited for it is taken when the pool is activated anew", async () => {
  for (const volume of volumes) await life().release(volume);
  await driver.stop();
  await takeDown(POOL, [join(directory, POOL), join(directory, "state")]);
  changes = { discard: false };
  await start();
  expect(await run("dmsetup", "table", DEVICE)).toMatch(/ no_discard_passdown error_if_no_space/);
  for (const volume of volumes) {
    await life().use(volume);
    expect(await countRecords(recordsOf(volume))).toBeGreaterThan(0);
    await life().release(volume);
  }
});
