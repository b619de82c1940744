/** Pools that come, go and are corrected by the configuration while the driver serves another one under I/O. */
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { status } from "@grpc/grpc-js";
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
import { run, takeDown } from "../support/machine-state.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOLS = ["first", "second", "third", "disks"];

let directory: string;
let driver: TestDriver;
let volume: TestVolume;
let content: string;
let writer: RecordWriter;

const at = (name: string): string => join(directory, name);
const loop = (name: string): RawConfig => loopPool(directory, name, "1GiB");
const disks = (...names: readonly string[]): RawConfig => ({
  name: "disks",
  backing: "devices",
  devices: names.map(at),
});
const lifeIn = (pool: string): VolumeLife =>
  new VolumeLife({ csi: () => driver.client, kubeletDirectory: at("kubelet"), pool });
const file = (of: TestVolume): string => join(of.targetPath, "content");
const records = (): string => join(volume.targetPath, "records");
const inPool = (pool: string) => ({ parameters: { pool } });

async function start(
  pools: readonly RawConfig[],
  environment: NodeJS.ProcessEnv = {},
  untilListening = false,
): Promise<void> {
  driver = await startDriver({ directory, pools, environment, untilListening });
}

/** As an editor changes it; what the driver has logged since. */
function configure(...pools: readonly RawConfig[]): CommandLog {
  const log = logFrom(driver.log);
  reconfigurePools(directory, pools);
  return log;
}

async function shown(...words: readonly string[]): Promise<string> {
  const { stdout } = await dmthinCommand([...words, "--state-directory", at("state")]);
  return stdout;
}

/** The first pool goes on as if nothing were. */
async function requireFirst(): Promise<void> {
  await writer.reach(5);
  expect(await sha256(file(volume))).toBe(content);
}

beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/runtime-`);
  for (const each of SHARED_DIRECTORIES) await mkdir(join(directory, "kubelet", each), { recursive: true });
  for (const disk of ["a", "b", "c"]) {
    await writeFile(at(`${disk}.img`), "");
    await truncate(at(`${disk}.img`), 2 ** 30);
    await symlink(
      await run("losetup", "--find", "--show", "--direct-io=on", at(`${disk}.img`)),
      at(`disk-${disk}`),
    );
  }
  await start([loop("first")]);
  volume = await lifeIn("first").create("one", "ext4");
  await lifeIn("first").use(volume);
  content = await writeRandom(file(volume), 8);
  writer = await RecordWriter.slowly(20, records());
});

afterAll(async () => {
  try {
    await driver.stop();
  } finally {
    for (const pool of POOLS) await takeDown(pool, [directory]);
    await rm(directory, { recursive: true, force: true });
  }
});

describe("a pool that is added to the file", () => {
  test("is made and used without a restart, under I/O in the first", async () => {
    const log = configure(loop("first"), loop("second"));
    await log.until(/there is a new pool second/);
    await log.until(/"pool second is open"/);
    const life = lifeIn("second");
    const other = await life.create("two", "xfs", undefined, inPool("second"));
    await life.use(other);
    const written = await writeRandom(file(other), 8);
    expect(await sha256(file(other))).toBe(written);
    await requireFirst();
    await life.end(other);
    const { available_capacity } = await driver.client.controller.getCapacity(inPool("second"));
    expect(BigInt(available_capacity)).toBeGreaterThan(900n << 20n);
    // Which of the two, nobody says any more.
    await expect(lifeIn("first").create("nowhere", "ext4")).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test("is opened at SIGHUP, and not twice", async () => {
    const log = configure(loop("first"), loop("second"), loop("third"));
    process.kill(driver.pid, "SIGHUP");
    await log.until(/"pool third is open"/);
    process.kill(driver.pid, "SIGHUP");
    await log.until(/taken over for pool first, second, third/);
    expect(log.text().match(/there is a new pool third/g)).toHaveLength(1);
    expect(log.text().match(/"pool third is open"/g)).toHaveLength(1);
    await requireFirst();
  });

  test("changes nothing where it has another's place: the whole file is refused", async () => {
    const before = await shown("pool", "list", "-o", "json");
    const names = (json: string): unknown =>
      (JSON.parse(json) as { readonly name: string }[]).map(({ name }) => name);
    const log = configure(
      loop("first"),
      loop("second"),
      { ...loop("third"), overprovision: 7 },
      {
        ...loop("fourth"),
        directory: at("second"),
      },
    );
    await log.until(/not taken over.*pools\[3\]\.directory.*already used as pools\[1\]\.directory/s);
    expect(names(await shown("pool", "list", "-o", "json"))).toEqual(names(before));
    expect(await shown("pool", "show", "third")).toMatch(/^Overprovision: +1$/m);
  });
});

describe("a pool that is taken out of the file", () => {
  test("is kept as it is, for its volumes and for new ones, and that is said", async () => {
    const life = lifeIn("second");
    const held = await life.create("held", "ext4", undefined, inPool("second"));
    await life.use(held);
    const written = await writeRandom(file(held), 8);
    const log = configure(loop("first"));
    await log.until(/pools: second is left out; it stays open until the driver is started again/);
    expect(await shown("pool", "show", "second")).toMatch(
      /^Note: +left out of the configuration; it is kept/m,
    );
    expect(await shown("status")).toMatch(/^second: left out of the configuration/m);
    expect(await shown("pool", "show", "first")).not.toMatch(/^Note/m);
    // The only one in the file is the default.
    const byDefault = await lifeIn("first").create("by-default", "ext4");
    expect((await shown("volume", "show", byDefault.id)).match(/^Pool: +(\S+)$/m)?.[1]).toBe("first");
    await lifeIn("first").delete(byDefault);
    await life.unpublish(held);
    await life.publish(held);
    expect(await sha256(file(held))).toBe(written);
    const back = configure(loop("first"), loop("second"), loop("third"));
    await expect.poll(() => shown("pool", "show", "second"), { timeout: 20_000 }).not.toMatch(/^Note/m);
    expect(back.text()).not.toMatch(/is opened again|could not be opened/);
    expect(await sha256(file(held))).toBe(written);
    await life.end(held);
    await requireFirst();
  });

  test("does not lend its place to another name", async () => {
    const log = configure(loop("first"), loop("third"), { ...loop("second"), name: "renamed" });
    await log.until(/pools\[2\]\.directory: [^"]*second is of pool second until the driver is started again/);
    expect(await shown("pool", "list")).not.toContain("renamed");
    configure(loop("first"), loop("second"), loop("third"));
  });
});

describe("a mistyped disk that is corrected", () => {
  const others = (): readonly RawConfig[] => [loop("first"), loop("second"), loop("third")];

  test("counts, where the pool is to be made", async () => {
    const log = configure(...others(), disks("disk-a", "disk-x"));
    await log.until(/pool disks could not be opened: .*disk-x: is not there/);
    const corrected = configure(...others(), disks("disk-a", "disk-b"));
    await corrected.until(/"pool disks is open"/);
    expect(await shown("pool", "show", "disks")).toMatch(/^Data space total: +1\.[4-9] GiB$/m);
  });

  test("counts, where it was added to a pool that is open, whose volumes go on", async () => {
    const life = lifeIn("disks");
    const used = await life.create("used", "ext4", undefined, inPool("disks"));
    await life.use(used);
    const written = await writeRandom(file(used), 8);
    const log = configure(...others(), disks("disk-a", "disk-b", "disk-y"));
    await log.until(/disk-y: is not there/);
    const corrected = configure(...others(), disks("disk-a", "disk-b", "disk-c"));
    await corrected.until(/pool disks has grown.*"pool disks is open"/s);
    expect(await sha256(file(used))).toBe(written);
    await life.end(used);
  });

  test("does not count for a disk that the pool has", async () => {
    const log = configure(...others(), disks("disk-a", "disk-c"));
    await log.until(/pools\[3\]\.devices: counts when the driver is started again/);
    expect(await shown("pool", "show", "disks")).toMatch(/^State: +ready$/m);
  });
});

/** At the last step: the devices and the catalog are there, and the pool does not count as made. */
const STEP = "finish creation";

test("a driver that is killed while it makes a new pool leaves what the next one finishes", async () => {
  const before = await writer.stop();
  await driver.stop();
  await takeDown("third", [at("third")]);
  await rm(at("third"), { recursive: true, force: true });
  await writeFile(at("faults"), `still open pool third #\\d+ ${STEP}$\n`);
  await start([loop("first")], { DMTHIN_FAULT_FILE: at("faults") });
  writer = await RecordWriter.slowly(20, records());
  configure(loop("first"), loop("third"));
  const reached = (): Promise<string> => readFile(at("faults.reached"), "utf8").catch(() => "");
  await expect.poll(reached, { timeout: 60_000 }).toContain(STEP);
  await driver.kill();
  const log = logFrom(driver.log);
  await start([loop("first"), loop("third")]);
  await log.until(/"pool third is open"/);
  const life = lifeIn("third");
  const made = await life.create("made", "ext4", undefined, inPool("third"));
  await life.use(made);
  await life.end(made);
  await requireFirst();
  const confirmed = Math.max(before, await writer.stop());
  expect(await countRecords(records())).toBeGreaterThanOrEqual(confirmed);
});
