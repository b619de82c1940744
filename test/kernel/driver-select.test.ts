/** A driver whose pool selects its disks: made, started again beside other disks that match, and given one more. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256, writeRandom } from "../support/content.ts";
import { digest } from "../support/disks.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import { reconfigurePools, startDriver } from "../support/driver.ts";
import type { RawConfig, TestDriver } from "../support/driver.ts";
import { takeDown } from "../support/machine-state.ts";
import { dataMebibytes } from "../support/pool-words.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { ScsiDisks } from "../support/scsi-disks.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOL = "chosen";
const MIB = 1n << 20n;

let directory: string;
let scsi: ScsiDisks;
let driver: TestDriver | undefined;
let life: VolumeLife;
let volume: TestVolume;
/** Of the volume's file, and of the disks that are not the pool's. */
let content: string;
let other: string;
let untouched: string;
/** MiB of data with two disks. */
let size: number;

const selecting = (count: number): RawConfig => ({
  name: POOL,
  backing: "devices",
  select: { count, model: "Chosen*", minSize: "100MiB" },
  metadataSize: "4MiB",
});

async function start(pool: RawConfig): Promise<VolumeLife> {
  driver = await startDriver({ directory, pools: [pool] });
  const { client, kubeletDirectory } = driver;
  for (const each of SHARED_DIRECTORIES) await mkdir(`${kubeletDirectory}/${each}`, { recursive: true });
  return new VolumeLife({ csi: () => client, kubeletDirectory, pool: POOL });
}

const dmthin = async (...words: readonly string[]): Promise<string> =>
  (await dmthinCommand([...words, "--config", join(directory, "dmthin.yaml")])).stdout;

beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/select-`);
  scsi = new ScsiDisks(148);
});
afterAll(async () => {
  await driver?.stop().catch(() => undefined);
  await takeDown(POOL, [directory]);
  scsi.end();
  await rm(directory, { recursive: true, force: true });
});

test("a plan says of each disk whether it is taken, and the pool is made on those", async () => {
  const [first, second] = [await scsi.add("Chosen 1"), await scsi.add("Chosen 2")];
  other = await scsi.add("Other");
  untouched = await digest(other);
  await writeFile(
    join(directory, "dmthin.yaml"),
    JSON.stringify({ nodeName: "n", endpoint: `unix://${directory}/csi.sock`, pools: [selecting(2)] }),
  );
  const plan = (await dmthin("pool", "plan", POOL)).split("\n");
  expect(plan[0]).toBe("pool chosen (devices) would be made");
  expect(plan.filter((line) => /^disk \/dev\/sd\w+ \(/.test(line))).toEqual([
    `disk ${first} (148 MiB, Chosen 1) is selected`,
    `disk ${second} (148 MiB, Chosen 2) is selected`,
    `disk ${other} (148 MiB, Other) is not meant: its model "Other" is not like "Chosen*"`,
  ]);
  expect(plan.slice(-2)).toEqual(["nothing was changed", ""]);

  life = await start(selecting(2));
  volume = await life.create("kept", "ext4", 64n * MIB, { parameters: { pool: POOL } });
  await life.use(volume);
  content = await writeRandom(`${volume.targetPath}/content`, 4);
  size = (await dataMebibytes(POOL)).total;
  expect(await dmthin("pool", "show", POOL)).toMatch(
    /^Disks: +2 disks with model Chosen\*, at least 100 MiB$/m,
  );
});

test("started again, the pool has its disks by their labels, and leaves another that matches alone", async () => {
  await life.release(volume);
  await driver?.stop();
  await takeDown(POOL, []);

  const third = await scsi.add("Chosen 1");
  const empty = await digest(third);
  life = await start(selecting(2));
  await life.use(volume);
  expect(await sha256(`${volume.targetPath}/content`)).toBe(content);
  expect((await dataMebibytes(POOL)).total).toBe(size);
  expect(await digest(third)).toBe(empty);
});

test("a higher count has another disk taken while the driver runs", async () => {
  reconfigurePools(directory, [selecting(3)]);
  const grows = async (): Promise<readonly [done: boolean, longer: boolean]> => {
    const { code } = await dmthinCommand(["pool", "grow", POOL, "--state-directory", `${directory}/state`]);
    return [code === 0, (await dataMebibytes(POOL)).total > size + 100];
  };
  await expect.poll(grows, { timeout: 60_000, interval: 1000 }).toEqual([true, true]);
  expect(await sha256(`${volume.targetPath}/content`)).toBe(content);
  expect(await digest(other)).toBe(untouched);
  await life.end(volume);
});
