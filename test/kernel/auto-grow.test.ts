/** Pools that grow while their driver runs: by themselves as they fill, and by a changed configuration. */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import {
  loopPool,
  reconfigurePools,
  startDriver,
  type RawConfig,
  type TestDriver,
} from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { RecordWriter } from "../support/record-writer.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { dataMebibytes, poolWords } from "../support/pool-words.ts";
import { PoolBench } from "../support/pool-bench.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOL = "grows";
const MIB = 1n << 20n;
let directory: string;
let driver: TestDriver | undefined;

beforeEach(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/${POOL}-`);
});
afterEach(async () => {
  await driver?.stop().catch(() => undefined);
  driver = undefined;
  await takeDown(POOL, [directory]);
  await rm(directory, { recursive: true });
});

async function start(pool: RawConfig): Promise<VolumeLife> {
  driver = await startDriver({ directory, pools: [pool] });
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
  const { client, kubeletDirectory } = driver;
  return new VolumeLife({ csi: () => client, kubeletDirectory, pool: POOL });
}

const loop = (keys: RawConfig): RawConfig => ({
  ...loopPool(directory, POOL, "256MiB"),
  metadataSize: "4MiB",
  overprovision: 8,
  ...keys,
});

const log = (): string => readFileSync(join(directory, "driver.log"), "utf8");
async function untilLogged(pattern: RegExp): Promise<void> {
  await expect.poll(log, { timeout: 20_000, interval: 50 }).toMatch(pattern);
}
const reconfigure = (pool: RawConfig): void => reconfigurePools(directory, [pool]);
const data = () => dataMebibytes(POOL);
const metadataBlocks = async (): Promise<number> => Number((await poolWords(POOL)).totalMeta);

/** MiB. */
const writeFour = (volume: TestVolume, at: number): Promise<string> =>
  run(
    "dd",
    "if=/dev/urandom",
    `of=${volume.targetPath}`,
    "bs=1M",
    `seek=${at}`,
    "count=4",
    "oflag=direct",
    "conv=notrunc",
    "status=none",
  );

test("a loop pool grows step by step while it is written to, no write fails, and it stops at its limit", async () => {
  const life = await start(loop({ dataSize: "128MiB", autoGrow: { limit: "200MiB" } }));
  const volume = await life.create("filled", "block", 512n * MIB, { parameters: { pool: POOL } });
  await life.use(volume);
  const totals = new Set<number>();
  for (let at = 0; at < 188; at += 4) {
    await writeFour(volume, at);
    const { used, total } = await data();
    totals.add(total);
    // Slower than the pool can grow: what is tested is that it does, not how fast.
    if (used * 10 >= total * 9)
      await expect
        .poll(async () => (await data()).total, { timeout: 20_000 })
        .toBeGreaterThan(total === 200 ? 199 : total);
  }
  expect([...totals]).toEqual([128, 153.5625, 184.25, 200]);
  expect(log()).toMatch(/grows by itself where it can: its data has .* of 128 MiB in use/);
  // Restarted, it stays that large and nobody complains that less is configured.
  await driver?.stop();
  const lines = log().length;
  await start(loop({ dataSize: "128MiB", autoGrow: { limit: "200MiB" } }));
  expect(await data()).toEqual({ used: 188, total: 200 });
  expect(log().slice(lines)).not.toMatch(/has no effect/);
});

test("metadata that fills is doubled before it is full, and a writer notices nothing", async () => {
  const life = await start(loop({}));
  const volume = await life.create("kept", "ext4", 64n * MIB, { parameters: { pool: POOL } });
  await life.use(volume);
  const writer = await RecordWriter.slowly(50, `${volume.targetPath}/records`);
  expect(await metadataBlocks()).toBe(1024);
  // One block each, for its root.
  const thins =
    'i=1000000; while [ $i -lt 1000850 ]; do dmsetup message dmthin-grows-pool 0 "create_thin $i" || exit 1; i=$((i+1)); done';
  await run("sh", "-c", thins);
  await untilLogged(/grows by itself where it can: its metadata has/);
  await expect.poll(metadataBlocks, { timeout: 20_000 }).toBe(2048);
  await writer.reach(20);
  await writer.stop();
});

test("a changed configuration grows an open pool, one that is not valid changes nothing", async () => {
  const life = await start(loop({}));
  const volume = await life.create("used", "ext4", 64n * MIB, { parameters: { pool: POOL } });
  await life.use(volume);
  const writer = await RecordWriter.slowly(50, `${volume.targetPath}/records`);
  const pid = driver?.pid;
  reconfigure(loop({ dataSize: "512MiB", metadataSize: "8MiB" }));
  await untilLogged(/has grown: data from 256 MiB to 512 MiB, meta from 4 MiB to 8 MiB/);
  expect((await data()).total).toBe(512);
  await expect(
    life.create("larger", "block", 8n * 300n * MIB, { parameters: { pool: POOL } }),
  ).resolves.toBeDefined();

  reconfigure(loop({ dataSize: "many" }));
  await untilLogged(
    /is not taken over, the driver goes on as before: .*pools\[0\]\.dataSize: must be a size/s,
  );
  reconfigure(loop({ dataSize: "128MiB", metadataSize: "8MiB", blockSize: "128KiB" }));
  await untilLogged(/pools\[0\]\.blockSize: counts when the driver is started again/);
  await untilLogged(/dataSize 128 MiB has no effect: the pool has 512 MiB and never shrinks/);
  expect((await data()).total).toBe(512);
  await writer.reach(20);
  await writer.stop();
  expect(driver?.pid).toBe(pid);
});

test("SIGHUP: a data device that has become longer is taken into the pool", async () => {
  const bench = await PoolBench.create();
  try {
    const [dataDisk, metadataDisk] = [bench.disk(257n * MIB), bench.disk(140n * MIB)];
    await start({
      name: POOL,
      backing: "parts",
      data: dataDisk,
      metadata: metadataDisk,
      metadataSize: "4MiB",
    });
    expect(await data()).toEqual({ used: 0, total: 256 });
    bench.growDisk(dataDisk, 513n * MIB);
    process.kill(driver?.pid ?? 0, "SIGHUP");
    await expect.poll(async () => (await data()).total, { timeout: 20_000 }).toBe(512);
  } finally {
    await driver?.stop();
    driver = undefined;
    await takeDown(POOL, [directory]);
    await bench.clear();
  }
});

test("whole disks: what was held back is released when the data is full, and the writer that waited goes on", async () => {
  const bench = await PoolBench.create();
  try {
    const devices = [bench.disk(640n * MIB)];
    const life = await start({
      name: POOL,
      backing: "devices",
      devices,
      reserve: "30%",
      metadataSize: "64MiB",
      overprovision: 4,
      whenFull: "queue",
    });
    const { total: before } = await data();
    const volume = await life.create("filled", "block", 512n * MIB, { parameters: { pool: POOL } });
    await life.use(volume);
    // More than there is without the reserve, at once.
    await run(
      "dd",
      "if=/dev/zero",
      `of=${volume.targetPath}`,
      "bs=1M",
      `count=${Math.floor(before) + 32}`,
      "oflag=direct",
      "status=none",
    );
    await untilLogged(/its data is full/);
    await untilLogged(/its reserve is released/);
    const { used, total: after } = await data();
    expect(used).toBeGreaterThan(before);
    expect(after - before).toBeGreaterThan(180);
    await untilLogged(/its data has room again/);
    await life.end(volume);
  } finally {
    await driver?.stop();
    driver = undefined;
    await takeDown(POOL, [directory]);
    await bench.clear();
  }
});
