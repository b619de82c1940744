/** `dmthin pool grow`: a person asks a running driver to take up new room. */
import { mkdir, mkdtemp, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dmthinCommand } from "../support/dmthin-command.ts";
import type { Ended } from "../support/dmthin-command.ts";
import { loopPool, reconfigurePools, startDriver } from "../support/driver.ts";
import type { RawConfig, TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { dataMebibytes } from "../support/pool-words.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife } from "../support/volume-life.ts";

const POOL = "asked";
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

async function start(...pools: readonly RawConfig[]): Promise<VolumeLife> {
  driver = await startDriver({ directory, pools });
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
  const { client, kubeletDirectory } = driver;
  return new VolumeLife({ csi: () => client, kubeletDirectory, pool: POOL });
}

const grow = (...words: readonly string[]): Promise<Ended> =>
  dmthinCommand(["pool", "grow", ...words, "--state-directory", join(directory, "state")]);

const text = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const total = async (): Promise<number> => (await dataMebibytes(POOL)).total;

/** A disk that somebody can make longer. */
async function disk(name: string, mebibytes: number): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, "");
  await truncate(file, mebibytes * Number(MIB));
  return run("losetup", "--find", "--show", "--direct-io=on", file);
}

const small = { metadataSize: "4MiB", overprovision: 8 };

test("a loop pool grows by its step, under a writer; at its limit there is nothing to take up", async () => {
  const pool = loopPool(directory, POOL, "128MiB");
  const life = await start({ ...pool, ...small, autoGrow: { limit: "170MiB" } });
  const volume = await life.create("written", "ext4", 256n * MIB, { parameters: { pool: POOL } });
  await life.use(volume);
  const records = `${volume.targetPath}/records`;
  const writer = await RecordWriter.slowly(20, records);
  const dry = await grow(POOL, "--dry-run");
  expect(dry.code).toBe(0);
  expect(dry.stdout.split("\n").slice(0, 3)).toEqual([
    "pool asked would grow",
    "data:     128 MiB -> 153.5 MiB",
    "metadata: 4 MiB, and as much spare",
  ]);
  expect(dry.stdout).toMatch(/data.img .* would be used to a later end\nnothing was changed\n$/);
  expect(await total()).toBe(128);

  const done = await grow(POOL, "-o", "json");
  expect(done).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(done.stdout)).toMatchObject({
    pool: POOL,
    dryRun: false,
    grows: true,
    before: { data: String(128n * MIB), metadata: String(4n * MIB) },
    after: { data: String(2457n * 65_536n) },
    notDone: [],
  });
  expect(await total()).toBe(153.5625);
  await writer.reach(20);
  expect((await grow(POOL)).stdout).toMatch(/^pool asked has grown\ndata: {5}153.5 MiB -> 170 MiB\n/);
  expect(await grow(POOL)).toMatchObject({
    code: 0,
    stdout: text(/^pool asked: there is nothing to take up\ndata: {5}170 MiB\n/),
  });
  await writer.reach(20);
  expect(await countRecords(records)).toBeGreaterThanOrEqual(await writer.stop());
  await life.end(volume);
});

test("a pool on disks takes what became longer, a disk that came late, and its reserve only when that is said", async () => {
  const first = await disk("first", 240);
  const second = join(directory, "second");
  const pool = { name: POOL, backing: "devices", devices: [first], reserve: "20MiB", ...small };
  const life = await start(pool);
  const volume = await life.create("written", "ext4", 256n * MIB, { parameters: { pool: POOL } });
  await life.use(volume);
  const records = `${volume.targetPath}/records`;
  const writer = await RecordWriter.slowly(20, records);
  expect(await total()).toBe(80);
  await truncate(join(directory, "first"), 260 * Number(MIB));
  await run("losetup", "--set-capacity", first);
  expect(await grow(POOL)).toMatchObject({
    code: 0,
    stdout: text(
      /^pool asked has grown\ndata: {5}80 MiB -> 100 MiB\n[^]*devices\[0\] .* is used to a later end\n/,
    ),
  });

  // Configured, and not there yet: the pool says so and goes on.
  reconfigurePools(directory, [{ ...pool, devices: [first, second] }]);
  await expect
    .poll(() => grow(POOL), { timeout: 60_000, interval: 500 })
    .toMatchObject({
      code: 4,
      stdout: text(/not done: devices\[1\] .*second: is not there/),
    });
  await run("ln", "-s", await disk("second.img", 103), second);
  const dry = await grow(POOL, "--dry-run");
  expect(dry.stdout).toMatch(/devices\[1\] .*second \(103 MiB\) would be taken\n/);
  expect(await total()).toBe(100);
  expect(await grow(POOL)).toMatchObject({
    code: 0,
    stdout: text(/^pool asked has grown\ndata: {5}100 MiB -> 180 MiB\n/),
  });
  expect(await total()).toBe(180);

  expect((await grow(POOL)).stdout).toMatch(/^pool asked: there is nothing to take up\n/);
  expect(await grow(POOL, "--release-reserve")).toMatchObject({
    code: 0,
    stdout: text(/data: {5}180 MiB -> 220 MiB\n/),
  });
  await writer.reach(20);
  expect(await countRecords(records)).toBeGreaterThanOrEqual(await writer.stop());
  await life.end(volume);
});

test("who cannot be asked, or what cannot grow, is told by the exit code; nothing is changed", async () => {
  expect(await grow(POOL)).toMatchObject({
    code: 2,
    stdout: "",
    stderr: text(/no driver answers at .*control.sock: there is no such socket/),
  });
  const broken = { name: "broken", backing: "devices", devices: ["/dev/disk/by-id/none"] };
  await start({ ...loopPool(directory, POOL, "128MiB"), ...small }, broken);
  const before = (await stat(join(directory, POOL, "data.img"))).size;
  expect(await grow("strange")).toMatchObject({
    code: 3,
    stderr: "dmthin: no pool is named strange; there are asked, broken\n",
  });
  expect(await grow("broken")).toMatchObject({
    code: 2,
    stderr: text(/^dmthin: pool broken cannot grow now: it is not open: .*is not there/),
  });
  // Without a limit it has no step.
  expect(await grow(POOL)).toMatchObject({ code: 0, stdout: text(/nothing to take up/) });
  expect(await grow(POOL, "--release-reserve")).toMatchObject({
    code: 4,
    stdout: text(/- not done: --release-reserve: the pool holds nothing back\n$/),
  });
  expect((await stat(join(directory, POOL, "data.img"))).size).toBe(before);
  await driver?.kill();
  driver = undefined;
  expect(await grow(POOL)).toMatchObject({
    code: 2,
    stderr: text(/nobody listens there; has dmthin ended/),
  });
});
