/** The files of a loop pool come to another directory, as people copy them, and the old ones are gone. */
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";

import { parseId } from "../../src/core/ids.ts";
import { LOOP_FILES } from "../../src/core/pool-options.ts";
import { sha256, sha256Raw, writeRandom, writeRaw } from "../support/content.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import { loopPool, startDriver, type RawConfig, type TestDriver } from "../support/driver.ts";
import { linesOf, run, takeDown } from "../support/machine-state.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { fromSnapshot, SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOL = "wander";
const RAW = { mebibyte: 8, count: 4 };

let directory: string;
let driver: TestDriver | undefined;
let life: VolumeLife;
let files: TestVolume;
let raw: TestVolume;
let snapshot: string;
let sums: { readonly old: string; readonly files: string; readonly raw: string };

const csi = () => {
  if (driver === undefined) throw new Error("the driver is not running");
  return driver.client;
};

async function start(...pools: readonly RawConfig[]): Promise<void> {
  driver = await startDriver({ directory, pools });
}

/** As a shutdown of the machine: its devices are gone afterwards. */
async function stop(): Promise<void> {
  const running = driver;
  driver = undefined;
  expect(await running?.stop()).toBe(0);
  await takeDown(POOL, [directory]);
}

async function moveTo(place: string, from: string): Promise<void> {
  await mkdir(join(directory, place), { mode: 0o700 });
  for (const name of LOOP_FILES)
    await run("cp", "--sparse=always", join(directory, from, name), join(directory, place, name));
  await rm(join(directory, from), { recursive: true });
}

const allocation = async (place: string): Promise<Readonly<Record<string, boolean>>> => {
  const all = await Promise.all(
    LOOP_FILES.map(async (name) => {
      const { size, blocks } = await stat(join(directory, place, name));
      return [name, blocks * 512 >= size] as const;
    }),
  );
  return Object.fromEntries(all);
};
const [METADATA, DATA, SPARE, CATALOG] = LOOP_FILES;

async function expectAll(): Promise<void> {
  const { entries } = await csi().controller.listVolumes({});
  expect(entries.map(({ volume }) => volume?.volume_id ?? "").toSorted()).toEqual(
    [files.id, raw.id].toSorted(),
  );
  await life.use(files);
  await life.use(raw);
  expect(await sha256(join(files.targetPath, "content"))).toBe(sums.files);
  expect(await sha256Raw(raw.targetPath, RAW)).toBe(sums.raw);
  const source = fromSnapshot({ snapshot_id: snapshot });
  const restored = await life.copy("restored", source, "ext4", files.size);
  await life.use(restored);
  expect(await sha256(join(restored.targetPath, "content"))).toBe(sums.old);
  await life.end(restored);
  await life.release(files);
  await life.release(raw);
}

beforeAll(async () => {
  directory = await mkdtemp(join(scratchDirectory(), "move-loop-"));
  for (const each of SHARED_DIRECTORIES) await mkdir(join(directory, "kubelet", each), { recursive: true });
  life = new VolumeLife({ csi, kubeletDirectory: join(directory, "kubelet"), pool: POOL });
  await start({ ...loopPool(directory, POOL, "512MiB"), directory: join(directory, "here") });
  files = await life.create("files", "ext4");
  raw = await life.create("raw", "block");
  await life.use(files);
  await life.use(raw);
  const old = await writeRandom(join(files.targetPath, "content"), 6);
  snapshot = (await life.snapshot("snap", files)).snapshot_id;
  sums = {
    old,
    files: await writeRandom(join(files.targetPath, "content"), 7),
    raw: await writeRaw(raw.targetPath, RAW),
  };
  await life.release(files);
  await life.release(raw);
  await stop();
});

afterAll(async () => {
  try {
    await driver?.stop();
  } finally {
    await takeDown(POOL, [directory]);
    await rm(directory, { recursive: true, force: true });
  }
});

test("it opens where it is configured under its name, and what was allocated is allocated again", async () => {
  await moveTo("there", "here");
  expect(await allocation("there")).toEqual({
    [METADATA]: false,
    [DATA]: false,
    [SPARE]: false,
    [CATALOG]: false,
  });
  await start({ ...loopPool(directory, POOL, "512MiB"), directory: join(directory, "there") });
  expect(await allocation("there")).toEqual({
    [METADATA]: true,
    [DATA]: false,
    [SPARE]: true,
    [CATALOG]: true,
  });
  await expectAll();
  await stop();
});

test("where the filesystem below has no room for that it is refused, and nothing is allocated or attached", async () => {
  const place = join(directory, "small");
  await mkdir(place);
  await run("truncate", "--size", "200M", `${place}.img`);
  await run("mkfs.ext4", "-q", "-F", `${place}.img`);
  await run("mount", "-o", "loop", `${place}.img`, place);
  await mkdir(join(place, "pool"), { mode: 0o700 });
  for (const name of LOOP_FILES)
    await run("cp", "--sparse=always", join(directory, "there", name), join(place, "pool", name));
  const before = await allocation("small/pool");
  driver = await startDriver({
    directory,
    pools: [{ ...loopPool(directory, POOL, "512MiB"), directory: join(place, "pool") }],
    untilListening: true,
  });
  const status = async () =>
    (await dmthinCommand(["status", "--config", join(directory, "dmthin.yaml")])).stdout;
  await expect
    .poll(status, { timeout: 90_000, interval: 500 })
    .toMatch(
      /its files have [\d.]+ MiB of holes, as copied files have, and the filesystem of .* free to allocate them/,
    );
  expect(await allocation("small/pool")).toEqual(before);
  expect(await run("losetup", "--list", "--noheadings", "--output", "BACK-FILE")).not.toContain(`${place}/`);
  await stop();
});

test("pool adopt finds it while its files are attached, and prints their directory; a driver with that serves it", async () => {
  await moveTo("beyond", "there");
  const attach = (name: string): Promise<string> =>
    run("losetup", "--find", "--show", "--direct-io=on", join(directory, "beyond", name));
  for (const name of LOOP_FILES) await attach(name);
  const uuid = parseId(files.id)?.pool ?? "";
  const adopt = (...words: readonly string[]) =>
    dmthinCommand(["pool", "adopt", ...words, "--config", join(directory, "dmthin.yaml"), "-o", "json"]);
  const { pools } = JSON.parse((await adopt()).stdout) as { readonly pools: readonly object[] };
  expect(pools).toMatchObject([{ uuid, name: POOL, backing: "loop", state: "complete" }]);
  const { code, stdout, stderr } = await adopt(uuid);
  expect([code, stderr]).toEqual([0, ""]);
  const { stanza, ...rest } = JSON.parse(stdout) as { readonly stanza: string };
  expect(rest).toMatchObject({ fits: true, volumes: 2, snapshots: 1, lost: [], unstable: [] });
  const configured = parse(stanza) as readonly RawConfig[];
  expect(configured).toMatchObject([{ name: POOL, directory: join(directory, "beyond") }]);
  await start(...configured);
  await expectAll();
  await stop();
  const left = linesOf(await run("losetup", "--list", "--noheadings", "--output", "BACK-FILE"));
  expect(
    left.map((file) => basename(file)).filter((name) => LOOP_FILES.some((each) => each === name)),
  ).toEqual([]);
});
