/** `dmthin orphans`: each kind for real, taken down by hand as the guide says it; and a node on which nothing is to be found. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askDriver } from "../../src/commands/ask.ts";
import { reportSocket } from "../../src/config/paths.ts";
import { parseId } from "../../src/core/ids.ts";
import { ORPHANS } from "../../src/core/orphans.ts";
import type { OrphanList, Unjudged } from "../../src/core/orphans.ts";
import { sha256, writeRandom } from "../support/content.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import type { Ended } from "../support/dmthin-command.ts";
import { loopPool, reconfigurePools, startDriver } from "../support/driver.ts";
import type { RawConfig, TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { scratchDirectory } from "../support/scratch.ts";
import {
  fromSnapshot,
  SHARED_DIRECTORIES,
  SMALL,
  VolumeLife,
  type TestVolume,
} from "../support/volume-life.ts";

const STAYS = "stays";
const GOES = "goes";
/** Above all ids that the catalog has reserved. */
const STRAY = 4000;
const NOTHING = "nothing belongs to no record\n";
const BROKEN = { name: "broken", backing: "parts", data: "/dev/disk/none", metadata: "/dev/disk/no-other" };

let directory: string;
let faults: string;
let driver: TestDriver;
let stays: RawConfig;
let goes: RawConfig;
let kept: TestVolume;
let left: TestVolume;
let letter: string;

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "orphans-"));
  faults = join(directory, "faults");
  stays = { ...loopPool(directory, STAYS, "1GiB"), metadataSize: "4MiB", discardOnDelete: true };
  goes = { ...loopPool(directory, GOES, "512MiB"), metadataSize: "4MiB" };
  await start(stays, goes);
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
});

afterAll(async () => {
  await driver.stop().catch(() => undefined);
  for (const pool of [STAYS, GOES]) await takeDown(pool, [directory]);
  await rm(directory, { recursive: true });
});

async function start(...pools: readonly RawConfig[]): Promise<void> {
  const environment = { DMTHIN_FAULT_FILE: faults };
  driver = await startDriver({ directory, pools, config: { defaultPool: STAYS }, environment });
}

const lifeIn = (pool: string): VolumeLife =>
  new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool });
const into = (pool: string) => ({ parameters: { pool } });

const orphans = (...words: readonly string[]): Promise<Ended> =>
  dmthinCommand(["orphans", ...words, "--state-directory", join(directory, "state")]);

async function listed(code: number): Promise<OrphanList> {
  const ended = await orphans("-o", "json");
  expect(ended).toMatchObject({ code });
  return JSON.parse(ended.stdout) as OrphanList;
}
const like = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const namesOf = (list: readonly Pick<Unjudged, "kind" | "name">[]): readonly string[] =>
  list.map(({ kind, name }) => `${kind} ${name}`);

/** Over files of the pool that goes, by role. */
async function loops(): Promise<readonly string[]> {
  const lines = (await run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE")).split("\n");
  return lines
    .filter((line) => line.includes(`${directory}/${GOES}/`))
    .map((line) => line.split(/\s+/, 1)[0] ?? "");
}

async function deletions(): Promise<number> {
  const words = ["pool", "show", STAYS, "-o", "json", "--state-directory", join(directory, "state")];
  const { stdout } = await dmthinCommand(words);
  return (JSON.parse(stdout) as { readonly figures: { readonly deletions: number } }).figures.deletions;
}

/** All that is left of it, each kind sorted: the kernel has no order of its own. */
const allThatIsLeft = async (): Promise<readonly string[]> =>
  [
    `mount ${left.stagingPath}`,
    `mount ${left.targetPath}`,
    `device ${left.device}`,
    ...["pool", "catalog", "data", "meta", "spare"].map((role) => `device dmthin-${GOES}-${role}`),
    ...(await loops()).map((path) => `loop ${path}`),
  ].toSorted();

test("a healthy node: volumes staged, published, raw, snapshotted, restored, in two pools", async () => {
  const life = lifeIn(STAYS);
  kept = await life.create("kept", "ext4", SMALL.ext4, into(STAYS));
  await life.use(kept);
  letter = await writeRandom(`${kept.targetPath}/letter`, 2);
  const snapshot = await life.snapshot("cut", kept);
  const copy = await life.copy("copy", fromSnapshot(snapshot), "ext4", SMALL.ext4);
  await life.use(copy);
  left = await lifeIn(GOES).create("left", "ext4", SMALL.ext4, into(GOES));
  const raw = await lifeIn(GOES).create("raw", "block", SMALL.block, into(GOES));
  for (const each of [left, raw]) await lifeIn(GOES).use(each);
  expect(await orphans()).toEqual({ code: 0, stdout: NOTHING, stderr: "" });
  expect(await listed(0)).toEqual({ orphans: [], unjudged: [] });
  await lifeIn(GOES).end(raw);
  await life.end(copy);
});

test("volumes that come and go meanwhile are never listed", async () => {
  const life = lifeIn(STAYS);
  const socket = reportSocket(join(directory, "state"));
  const looks = new Set<string>();
  const rounds: string[] = [];
  // Not by a command: the start of a process is as long as a volume lives here.
  const looking = (async () => {
    while (rounds.length < 4) looks.add(await askDriver(socket, "GET", ORPHANS, 20_000));
  })();
  for (const name of ["first", "second", "third", "fourth"]) {
    const volume = await life.create(name, "ext4");
    await life.use(volume);
    await writeRandom(`${volume.targetPath}/filling`, 8);
    const snapshot = await life.snapshot(name, volume);
    await life.end(volume);
    await life.deleteSnapshots(snapshot);
    rounds.push(name);
  }
  await looking;
  expect([...looks].map((json) => JSON.parse(json) as unknown)).toEqual([{ orphans: [], unjudged: [] }]);
});

test.each(["volume", "snapshot"])(
  "a %s that is deleted and active to be discarded is not listed",
  async (what) => {
    const life = lifeIn(STAYS);
    const volume = await life.create(`gone-${what}`, "ext4");
    await life.use(volume);
    await writeRandom(`${volume.targetPath}/filling`, 8);
    const snapshot = what === "snapshot" ? await life.snapshot("gone", volume) : undefined;
    await life.release(volume);
    if (snapshot !== undefined) await life.delete(volume);
    const active = async (): Promise<number> =>
      (await run("dmsetup", "info", "-c", "--noheadings", "-o", "name")).split("-v-").length - 1;
    // The volume that the snapshot is of is being discarded as well.
    await expect.poll(deletions, { timeout: 20_000 }).toBe(0);
    expect(await active()).toBe(2);
    await rm(`${faults}.reached`, { force: true });
    await writeFile(faults, "still Delete.*: activation to discard #\\d+ activate\n");
    await (snapshot === undefined ? life.delete(volume) : life.deleteSnapshots(snapshot));
    await expect.poll(() => existsSync(`${faults}.reached`), { timeout: 20_000 }).toBe(true);
    expect(await active()).toBe(3);
    expect(await listed(0)).toEqual({ orphans: [], unjudged: [] });
    await driver.kill();
    await rm(faults);
    await start(stays, goes);
  },
);

test("a pool that was left out while it was open is nobody's orphan until the driver ends", async () => {
  reconfigurePools(directory, [stays]);
  const leftOut = async (): Promise<string> =>
    (await dmthinCommand(["pool", "list", "-o", "json", "--state-directory", join(directory, "state")]))
      .stdout;
  await expect.poll(leftOut, { timeout: 20_000 }).toContain('"leftOut": true');
  expect(await listed(0)).toEqual({ orphans: [], unjudged: [] });
  await driver.stop();
});

test("while another pool is not open, what may be its is not listed", async () => {
  await start(stays, BROKEN);
  const { orphans: none, unjudged } = await listed(2);
  expect(none).toEqual([]);
  expect(namesOf(unjudged).toSorted()).toEqual(["pool broken", ...(await allThatIsLeft())].toSorted());
  expect(await orphans()).toMatchObject({
    code: 2,
    stdout: "nothing is known to belong to no record\n",
    stderr: like(
      /^dmthin: it cannot be said of all:\n- pool broken: it is not open[^]*\n- mount .*not open: broken\n/,
    ),
  });
  await driver.stop();
});

test("a pool that is not configured: all of it is listed, and can be taken down in that order", async () => {
  await start(stays);
  const { orphans: found, unjudged } = await listed(4);
  expect(unjudged).toEqual([]);
  expect(namesOf(found).toSorted()).toEqual(await allThatIsLeft());
  expect(await loops()).toHaveLength(4);
  expect(new Set(found.map(({ pool }) => pool))).toEqual(new Set([parseId(left.id)?.pool]));
  const usersOf = (name: string) => found.find((each) => each.name === name)?.usedBy.toSorted();
  expect(usersOf(left.device)).toEqual([left.stagingPath, left.targetPath].toSorted());
  expect(usersOf(`dmthin-${GOES}-pool`)).toEqual([left.device]);
  expect((await orphans()).stdout).toMatch(/^KIND +NAME +USED BY +GUIDE +WHY\nmount +/);

  const content = await writeRandom(`${kept.targetPath}/during`, 1);
  for (const { kind, name } of found) {
    if (kind === "mount") await run("umount", name);
    if (kind !== "device") continue;
    // The catalog is mounted by the driver that has ended.
    for (const path of usersOf(name) ?? []) if (path.endsWith("/catalog")) await run("umount", path);
    await run("dmsetup", "remove", "--retry", name);
  }
  const { orphans: files } = await listed(4);
  // By their labels from now on.
  expect(namesOf(files).toSorted()).toEqual((await loops()).map((path) => `loop ${path}`).toSorted());
  await rm(join(directory, GOES, "data.img"));
  expect((await listed(4)).orphans.filter(({ why }) => why.includes("data.img, deleted"))).toHaveLength(1);
  for (const { name } of files) await run("losetup", "--detach", name);
  expect(await orphans()).toMatchObject({ code: 0, stdout: NOTHING });
  expect(await sha256(`${kept.targetPath}/letter`)).toBe(letter);
  expect(await sha256(`${kept.targetPath}/during`)).toBe(content);
});

test("a device and a mount of a volume that is in no record; other loop devices are nobody's business", async () => {
  const pool = `dmthin-${STAYS}-pool`;
  const uuid = `DMTHIN-${parseId(kept.id)?.pool}-v-${"0".repeat(20)}`;
  await run("dmsetup", "message", pool, "0", `create_thin ${STRAY}`);
  const table = `0 ${SMALL.ext4 / 512n} thin /dev/mapper/${pool} ${STRAY}`;
  await run("dmsetup", "create", "by-hand", "--uuid", uuid, "--table", table);
  const foreign = join(directory, "data.img");
  await run("truncate", "--size", "1M", foreign);
  const loop = await run("losetup", "--find", "--show", foreign);
  expect(namesOf((await listed(4)).orphans)).toEqual(["device by-hand"]);

  await run("mkfs.ext4", "-q", "/dev/mapper/by-hand");
  const path = `${driver.kubeletDirectory}/pods/by-hand`;
  await mkdir(path);
  await run("mount", "/dev/mapper/by-hand", path);
  const { orphans: found } = await listed(4);
  expect(found).toMatchObject([
    { kind: "mount", name: path, guide: "orphans", why: `no volume or snapshot of pool ${STAYS} has it` },
    { kind: "device", name: "by-hand", usedBy: [path] },
  ]);
  await run("umount", path);
  await run("dmsetup", "remove", "--retry", "by-hand");
  expect(await listed(0)).toEqual({ orphans: [], unjudged: [] });
  await run("losetup", "--detach", loop);
});

test("a thin in no record is the fence's finding: its id, and the guide on read-only pools", async () => {
  await driver.stop();
  await start(stays);
  const { orphans: found, unjudged } = await listed(4);
  expect(found).toMatchObject([
    { kind: "thin", name: `thin ${STRAY} of pool ${STAYS}`, guide: "read-only pools" },
  ]);
  expect(unjudged).toMatchObject([
    { kind: "pool", name: STAYS, why: like(/^it is read-only: foreign hands/) },
  ]);
  await run("dmsetup", "message", `dmthin-${STAYS}-pool`, "0", `delete ${STRAY}`);
  await driver.stop();
  await start(stays);
  expect(await listed(0)).toEqual({ orphans: [], unjudged: [] });
  expect(await sha256(`${kept.targetPath}/letter`)).toBe(letter);
  await lifeIn(STAYS).release(kept);
});

test("without a driver it cannot be said", async () => {
  await driver.stop();
  expect(await orphans()).toMatchObject({
    code: 2,
    stdout: "",
    stderr: like(/no driver answers at .*report.sock/),
  });
});
