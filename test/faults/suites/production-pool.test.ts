/**
 * A pool's life on whole disks, under twenty volumes that are written to all the time: planned, made, given a disk, grown
 * by itself, filled to its reserve and out of it. Nothing confirmed is lost; the longest pause of any writer is told.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { sha256, sha256Raw, writeRandom, writeRaw } from "../../support/content.ts";
import { dmthinCommand } from "../../support/dmthin-command.ts";
import { reconfigurePools, startDriver, type RawConfig, type TestDriver } from "../../support/driver.ts";
import { run, takeDown } from "../../support/machine-state.ts";
import { dataMebibytes } from "../../support/pool-words.ts";
import { PoolBench } from "../../support/pool-bench.ts";
import { countRecords, RecordWriter } from "../../support/record-writer.ts";
import { scratchDirectory } from "../../support/scratch.ts";
import { figure } from "./given.ts";
import { SHARED_DIRECTORIES, VolumeLife, type Content, type TestVolume } from "../../support/volume-life.ts";

const POOL = "story";
const MIB = 1n << 20n;
const PLACE = { mebibyte: 8, count: 2 };

interface Written {
  readonly volume: TestVolume;
  readonly writer: RecordWriter;
  readonly sum: string;
}

let bench: PoolBench;
let directory: string;
let driver: TestDriver;
let life: VolumeLife;
let disks: readonly [string, string, string];
let filler: TestVolume;
let filled = 0;
const written: Written[] = [];

beforeAll(async () => {
  bench = await PoolBench.create();
  directory = await mkdtemp(`${scratchDirectory()}/${POOL}-`);
  disks = [bench.disk(640n * MIB), bench.disk(320n * MIB), bench.disk(256n * MIB)];
});
afterAll(async () => {
  for (const { writer } of written) await writer.stop().catch(() => undefined);
  await driver.stop();
  await takeDown(POOL, [directory]);
  await bench.clear();
  await rm(directory, { recursive: true });
});

const poolOn = (...devices: readonly string[]): RawConfig => ({
  name: POOL,
  backing: "devices",
  devices,
  reserve: "10%",
  overprovision: 8,
  whenFull: "queue",
});

const recordsOf = ({ content, targetPath }: TestVolume): string =>
  content === "block" ? targetPath : `${targetPath}/records`;
const letterOf = ({ targetPath }: TestVolume): string => `${targetPath}/letter`;
const log = (): string => readFileSync(join(directory, "driver.log"), "utf8");

async function untilLogged(pattern: RegExp): Promise<void> {
  await expect.poll(log, { timeout: 30_000, interval: 50 }).toMatch(pattern);
}

const data = () => dataMebibytes(POOL);

/** Where labels and tables lie. */
const headOf = (disk: string): Promise<string> => run("sh", "-c", `head -c 4M ${disk} | sha256sum`);

/** Zeros behind those that lie there. */
async function fill(mebibytes: number): Promise<void> {
  const place = [`seek=${filled}`, `count=${mebibytes}`, "bs=1M"];
  filled += mebibytes;
  const how = ["oflag=direct", "conv=notrunc", "status=none"];
  await run("dd", "if=/dev/zero", `of=${filler.targetPath}`, ...place, ...how);
}

/** Each writer has got on by some records; answers the longest that one record took since the last time, in ms. */
async function longestPause(): Promise<number> {
  for (const { writer } of written) await writer.reach(2);
  return Math.max(...written.map(({ writer }) => writer.takeLongestMs()));
}

async function tellPause(what: string): Promise<void> {
  figure(`longest pause of ${written.length} writers while ${what}: ${await longestPause()} ms`);
}

const dmthin = (...words: readonly string[]) =>
  dmthinCommand([...words, "--config", join(directory, "dmthin.yaml")]);

test("promise 10: it is planned, and nothing is written", async () => {
  const config = { endpoint: `unix://${directory}/csi.sock`, stateDirectory: `${directory}/state` };
  writeFileSync(
    join(directory, "dmthin.yaml"),
    JSON.stringify({ ...config, pools: [poolOn(disks[0], disks[1])] }),
  );
  const before = await Promise.all(disks.map(headOf));
  const { code, stdout } = await dmthin("pool", "plan", POOL);
  expect({ code, stdout }).toMatchObject({ code: 0 });
  for (const disk of disks.slice(0, 2)) expect(stdout).toContain(disk);
  expect(await Promise.all(disks.map(headOf))).toEqual(before);
  expect(await run("dmsetup", "ls")).not.toContain(`dmthin-${POOL}`);
});

test("promise 6: it is made, and serves twenty volumes under write", async () => {
  driver = await startDriver({ directory, pools: [poolOn(disks[0], disks[1])] });
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
  life = new VolumeLife({
    csi: () => driver.client,
    kubeletDirectory: driver.kubeletDirectory,
    pool: POOL,
  });
  const contents: readonly Content[] = Array.from({ length: 20 }, (_, index) =>
    index % 5 === 4 ? "block" : index === 7 ? "xfs" : "ext4",
  );
  for (const [index, content] of contents.entries()) {
    const volume = await life.create(`v${index}`, content, content === "xfs" ? 300n * MIB : 32n * MIB);
    await life.use(volume);
    const sum =
      content === "block" ? await writeRaw(volume.targetPath, PLACE) : await writeRandom(letterOf(volume), 2);
    written.push({ volume, sum, writer: await RecordWriter.slowly(200, recordsOf(volume)) });
  }
  filler = await life.create("filler", "block", 2048n * MIB);
  await life.use(filler);
  await longestPause();
  await tellPause("nothing happens");
  expect(await run("dmsetup", "ls")).toContain(filler.device);
});

test("promises 6, 13: a disk is added by the configuration", async () => {
  const before = (await data()).total;
  reconfigurePools(directory, [poolOn(...disks)]);
  await untilLogged(/pool story has grown: data from/);
  await expect.poll(async () => (await data()).total).toBeGreaterThan(before + 200);
  await expect.poll(() => log().match(/"pool story is open"/g)?.length, { timeout: 20_000 }).toBe(2);
  await tellPause("a disk is added");
});

test("promise 6: it grows by itself at 80 %, by what a disk has become in the meantime", async () => {
  bench.growDisk(disks[2], 512n * MIB);
  const { used, total } = await data();
  await fill(Math.ceil(total * 0.81 - used));
  await untilLogged(/grows by itself where it can: its data has/);
  await expect.poll(async () => (await data()).total, { timeout: 20_000 }).toBeGreaterThan(total + 200);
  await tellPause("it grows by itself");
});

test("promise 6: it is filled, and goes on by its reserve", async () => {
  const { used, total } = await data();
  // Into what is held back: this waits in the kernel until the driver has released it.
  await fill(Math.ceil(total - used) + 24);
  await untilLogged(/its data is full/);
  await untilLogged(/its reserve is released/);
  expect((await data()).total).toBeGreaterThan(total + 100);
  await tellPause("it is full and its reserve is released");
});

test("promises 2, 6: it recovers, and every byte that was confirmed is there", async () => {
  await life.end(filler);
  await untilLogged(/is no longer nearly full/);
  for (const { volume, writer, sum } of written) {
    const durable = await writer.stop();
    // Staging checks the filesystem.
    await life.release(volume);
    await life.use(volume);
    expect(await countRecords(recordsOf(volume))).toBeGreaterThanOrEqual(durable);
    const found =
      volume.content === "block" ? await sha256Raw(volume.targetPath, PLACE) : await sha256(letterOf(volume));
    expect(found).toBe(sum);
    await life.end(volume);
  }
  expect((await data()).used).toBe(0);
});
