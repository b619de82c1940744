/** A pool that promises more than it has, filled to its last block (promise 6): nothing corrupts, and it comes back. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import { sha256, writeRandom } from "../support/content.ts";
import { startDriver, type TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { expectCode } from "../support/node-bench.ts";
import { SHARED_DIRECTORIES, VolumeLife } from "../support/volume-life.ts";
import { scratchDirectory } from "../support/scratch.ts";

const POOL = "full";
const MIB = 1n << 20n;

let directory: string;
let driver: TestDriver;
let life: VolumeLife;

beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/${POOL}-`);
  const pool = { name: POOL, backing: "loop", directory: `${directory}/pool`, dataSize: "256MiB" };
  driver = await startDriver({ directory, pools: [{ ...pool, overprovision: 8 }] });
  const { kubeletDirectory } = driver;
  for (const each of SHARED_DIRECTORIES) await mkdir(`${kubeletDirectory}/${each}`, { recursive: true });
  life = new VolumeLife({ csi: () => driver.client, kubeletDirectory, pool: POOL });
});
afterAll(async () => {
  await driver.stop();
  await takeDown(POOL, [directory]);
  await rm(directory, { recursive: true });
});

const statusWords = async (): Promise<readonly string[]> =>
  (await run("dmsetup", "status", `dmthin-${POOL}-pool`)).split(" ");
const mode = async (): Promise<string | undefined> => (await statusWords())[7];
const available = async (): Promise<string> =>
  (await driver.client.controller.getCapacity({})).available_capacity;

test("a full pool refuses promises, keeps what fsync confirmed, and goes on when blocks are free again", async () => {
  const mail = await life.create("mail", "ext4", 64n * MIB);
  const raw = await life.create("raw", "block", 512n * MIB);
  await life.use(mail);
  await life.use(raw);
  const letter = await writeRandom(`${mail.targetPath}/letter`, 16);

  const fill = run("dd", "if=/dev/zero", `of=${raw.targetPath}`, "bs=1M", "oflag=direct", "conv=notrunc");
  await expect(fill).rejects.toThrow(/No space left on device|Input\/output error/);
  expect(await mode()).toBe("out_of_data_space");

  await expectCode(life.create("late", "ext4", 64n * MIB), "RESOURCE_EXHAUSTED", /out of data space/);
  await expectCode(life.snapshot("late", mail), "RESOURCE_EXHAUSTED", /out of data space/);
  await expectCode(life.enlarge(mail, 128n * MIB), "OUT_OF_RANGE", /out of data space/);
  expect(await available()).toBe("0");
  await life.release(mail);
  await life.use(mail);
  expect(await sha256(`${mail.targetPath}/letter`)).toBe(letter);

  // No message of the driver tells it of these: the user frees them.
  await run("blkdiscard", raw.targetPath);
  expect(await mode()).toBe("rw");
  const late = await life.create("late", "ext4", 64n * MIB);
  await life.use(late);
  await writeRandom(`${late.targetPath}/letter`, 16);
  expect(BigInt(await available())).toBeGreaterThan(0n);

  await life.end(mail, raw, late);
  expect((await statusWords())[5]).toBe("0/4096");
});
