/** The kernel gives a pool's metadata up: what the driver says of it, in each place where it is asked, and that it ends. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { parseReport } from "../../src/monitor/report-json.ts";
import { sha256, writeRandom } from "../support/content.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import { loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { takeDown } from "../support/machine-state.ts";
import { poolWords } from "../support/pool-words.ts";
import { refuseWrites } from "../support/refuse-writes.ts";
import { retried } from "../support/retried.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOL = "worn";
const WELL = "well";
const ADDRESS = "127.0.0.1:9811";
const PATIENCE = { timeout: 90_000, interval: 500 };

let directory: string;
let driver: TestDriver;
let life: VolumeLife;
let volume: TestVolume;
let sum: string;

const dmthin = (...words: readonly string[]) =>
  dmthinCommand([...words, "--config", join(directory, "dmthin.yaml")]);

interface Told {
  readonly code: number;
  /** By `status`, by `pool show`, and by the metrics: the same, unless one of them is wrong. */
  readonly status: readonly string[];
  readonly show: readonly string[];
  readonly metrics: readonly string[];
}

async function told(pool: string): Promise<Told> {
  const { code, stdout } = await dmthin("status", "-o", "json");
  const report = parseReport(stdout);
  const shown = await dmthin("pool", "show", pool, "-o", "json");
  const { conditions } = JSON.parse(shown.stdout) as { readonly conditions: readonly { type: string }[] };
  const page = await (await fetch(`http://${ADDRESS}/metrics`)).text();
  const gauges = page.matchAll(/^dmthin_pool_condition\{pool="(\w+)",condition="(\w+)"\} 1$/gm);
  const inReport = report.pools.find(({ name }) => name === pool)?.conditions ?? [];
  return {
    code,
    status: inReport.map(({ type }) => type).toSorted(),
    show: conditions.map(({ type }) => type).toSorted(),
    metrics: [...gauges].flatMap(([, name, type = ""]) => (name === pool ? [type] : [])).toSorted(),
  };
}

const all = (code: number, ...types: readonly string[]): Told => ({
  code,
  status: types,
  show: types,
  metrics: types,
});

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "conditions-"));
  for (const each of SHARED_DIRECTORIES) await mkdir(join(directory, "kubelet", each), { recursive: true });
  driver = await startDriver({
    directory,
    pools: [
      { ...loopPool(directory, POOL, "256MiB"), metadataSize: "4MiB" },
      loopPool(directory, WELL, "64MiB"),
    ],
    config: { defaultPool: POOL, metrics: { listen: ADDRESS } },
  });
  life = new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool: POOL });
  // Ready is said when one of the pools is open.
  volume = await retried(() => life.create("letters", "ext4"));
  await life.use(volume);
  sum = await writeRandom(`${volume.targetPath}/letter`, 4);
});

afterAll(async () => {
  await driver.stop();
  for (const pool of [POOL, WELL]) await takeDown(pool, [directory]);
  await rm(directory, { recursive: true });
});

test("a pool whose metadata cannot be written needs a check and is read-only, and another is well", async () => {
  await expect.poll(() => told(POOL), PATIENCE).toEqual(all(0));
  const heal = await refuseWrites(`dmthin-${POOL}-meta`);
  try {
    // New blocks, so that the kernel has to commit. One fsync it may still answer before it knows (seen on 7.2.7, one time in four);
    // from then on the pool takes nothing.
    await writeRandom(`${volume.targetPath}/more`, 16).catch(() => undefined);
    await expect(writeRandom(`${volume.targetPath}/again`, 16)).rejects.toThrow(/EIO|EROFS|ENOSPC/);
    expect(await poolWords(POOL)).toMatchObject({ mode: "ro", needsCheck: true });
    await expect.poll(() => told(POOL), PATIENCE).toEqual(all(4, "NeedsCheck", "ReadOnly"));
  } finally {
    await heal();
  }
  // Its disk is well again, the metadata is not.
  await expect
    .poll(async () => (await dmthin("pool", "show", POOL, "-o", "json")).stdout, PATIENCE)
    .toMatch(/dmthin pool repair/);
  expect(await told(POOL)).toEqual(all(4, "NeedsCheck", "ReadOnly"));
  expect(await told(WELL)).toEqual(all(4));
  expect((await dmthin("status")).stdout).toMatch(/^worn: NeedsCheck: .*needs_check/m);
});

test("repaired beside the running driver it is well, by itself, and holds what it held", async () => {
  await life.release(volume);
  const { code, stdout, stderr } = await dmthin("pool", "repair", POOL, "--work-directory", directory);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("needs_check is cleared");
  await expect.poll(() => told(POOL), PATIENCE).toEqual(all(0));
  expect(await poolWords(POOL)).toMatchObject({ mode: "rw", needsCheck: false });
  await life.use(volume);
  expect(await sha256(`${volume.targetPath}/letter`)).toBe(sum);
  await life.end(volume);
});
