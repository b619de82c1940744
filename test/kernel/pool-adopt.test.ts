/** A pool on two disks comes to another machine: other state, other node name, other device numbers, and its name is taken. */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";

import { DISK_LABEL_FROM } from "../../src/pool/devices/disk-layout.ts";
import { readLabelCopies } from "../../src/pool/label-store.ts";
import { sha256, sha256Raw, writeRandom, writeRaw } from "../support/content.ts";
import { digest } from "../support/disks.ts";
import { loopPool, startDriver } from "../support/driver.ts";
import type { RawConfig, TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { fromSnapshot, SHARED_DIRECTORIES, VolumeLife } from "../support/volume-life.ts";
import type { TestVolume } from "../support/volume-life.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const MIB = 1 << 20;
const BY_ID = "/dev/disk/by-id";
/** Of the first disk; the second has no such link. */
const STABLE = join(BY_ID, "ata-DMTHIN_ADOPT_1");
const RAW = { mebibyte: 8, count: 4 };

let disks: string;
let here: string;
let nodes: readonly string[];
let driver: TestDriver | undefined;
let life: VolumeLife;
let uuid: string;
let volumes: { readonly files: TestVolume; readonly raw: TestVolume };
let snapshot: string;
let sums: { readonly old: string; readonly files: string; readonly raw: string };

const csi = () => {
  if (driver === undefined) throw new Error("the driver is not running");
  return driver.client;
};

async function start(directory: string, nodeName: string, pools: readonly RawConfig[]): Promise<void> {
  for (const each of SHARED_DIRECTORIES) await mkdir(join(directory, "kubelet", each), { recursive: true });
  driver = await startDriver({ directory, pools, config: { nodeName } });
}

async function stop(): Promise<void> {
  const running = driver;
  driver = undefined;
  expect(await running?.stop()).toBe(0);
}

const lifeIn = (directory: string, pool: string): VolumeLife =>
  new VolumeLife({ csi, kubeletDirectory: join(directory, "kubelet"), pool });

/** In that order: so they get other numbers. */
async function plug(...names: readonly string[]): Promise<readonly string[]> {
  const plugged: string[] = [];
  for (const name of names)
    plugged.push(await run("losetup", "--find", "--show", "--direct-io=on", join(disks, name)));
  return plugged;
}

const unplug = async (): Promise<void> => {
  for (const node of nodes) await run("losetup", "--detach", node);
  nodes = [];
  await rm(STABLE, { force: true });
};

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const command = (...words: readonly string[]): readonly string[] => [
  MAIN,
  "pool",
  "adopt",
  "--config",
  join(here, "dmthin.yaml"),
  ...words,
];
/** Nothing else would keep a command alive that stands still. */
const ALIVE = ["--import", "data:text/javascript,setInterval(()=>{},60000)"];

const adopt = (...words: readonly string[]): Promise<Answer> =>
  new Promise((resolve) => {
    execFile(process.execPath, command(...words), (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

const labels = () =>
  Promise.all(
    nodes.map(async (node) => {
      const { reading } = await readLabelCopies(node, DISK_LABEL_FROM);
      return reading.kind === "label" ? `${reading.label.name} ${reading.label.sequence}` : reading.kind;
    }),
  );

/** Kills the command where it is about to write the label of the second disk. */
async function killBetweenLabels(name: string): Promise<void> {
  const faults = join(here, `faults-${name}`);
  await writeFile(faults, "still label data-1 ready\n");
  const child = spawn(process.execPath, [...ALIVE, ...command(uuid, "--as", name)], {
    env: { ...process.env, DMTHIN_FAULT_FILE: faults },
    stdio: "inherit",
  });
  const gone = new Promise((resolve) => {
    child.once("exit", resolve);
  });
  const end = performance.now() + 60_000;
  while (!existsSync(`${faults}.reached`)) {
    if (performance.now() > end || child.exitCode !== null)
      throw new Error("did not come to the second label");
    await sleep(50);
  }
  child.kill("SIGKILL");
  await gone;
  expect(child.signalCode).toBe("SIGKILL");
}

beforeAll(async () => {
  disks = await mkdtemp(`${scratchDirectory()}/adopt-disks-`);
  here = await mkdtemp(`${scratchDirectory()}/adopt-here-`);
  const there = await mkdtemp(`${scratchDirectory()}/adopt-there-`);
  for (const name of ["one", "two"]) {
    await writeFile(join(disks, name), "");
    await truncate(join(disks, name), 1024 * MIB);
  }
  nodes = await plug("one", "two");
  await symlink(nodes[0] ?? "", join(there, "first"));
  await symlink(nodes[1] ?? "", join(there, "second"));
  const devices = [join(there, "first"), join(there, "second")];
  await start(there, "node-a", [{ name: "data", backing: "devices", devices, blockSize: "128KiB" }]);
  life = lifeIn(there, "data");
  const files = await life.create("files", "ext4");
  const raw = await life.create("raw", "block");
  await life.use(files);
  await life.use(raw);
  const old = await writeRandom(`${files.targetPath}/content`, 6);
  snapshot = (await life.snapshot("snap", files)).snapshot_id;
  sums = {
    old,
    files: await writeRandom(`${files.targetPath}/content`, 7),
    raw: await writeRaw(raw.targetPath, RAW),
  };
  volumes = { files, raw };
  uuid = files.id.split("-")[1] ?? "";
  // As a power-off: nothing is unstaged.
  await driver?.kill();
  driver = undefined;
  await takeDown("data", [there]);
  await unplug();
  await rm(there, { recursive: true });

  nodes = (await plug("two", "one")).toReversed();
  await mkdir(BY_ID, { recursive: true });
  await symlink(nodes[0] ?? "", STABLE);
  await start(here, "node-b", [loopPool(here, "data", "64MiB")]);
});

afterAll(async () => {
  try {
    await driver?.stop();
  } finally {
    for (const pool of ["data", "half", "moved"]) await takeDown(pool, [here]);
    await unplug();
    for (const directory of [disks, here]) await rm(directory, { recursive: true, force: true });
  }
});

test("a pool of another machine is listed beside the one that has its name here, and nothing is written", async () => {
  const before = await Promise.all(nodes.map(digest));
  const { code, out } = await adopt("-o", "json");
  expect(code).toBe(0);
  const { pools } = JSON.parse(out) as { readonly pools: readonly Record<string, unknown>[] };
  const own = pools.find((each) => each["backing"] === "loop");
  expect(own).toMatchObject({
    name: "data",
    state: "complete",
    standing: { kind: "configured" },
    active: "dmthin-data-pool",
  });
  const found = pools.find((each) => each["uuid"] === uuid);
  expect(found).toMatchObject({
    name: "data",
    backing: "devices",
    state: "complete",
    missing: [],
    standing: { kind: "clash", uuid: own?.["uuid"] },
    members: [
      { member: "metadata", path: STABLE, device: nodes[0], stable: true },
      { member: "data-1", path: nodes[1], stable: false },
    ],
  });
  expect(found).not.toHaveProperty("active");
  expect(await Promise.all(nodes.map(digest))).toEqual(before);
  expect((await adopt()).out).toContain(`pool data (devices), uuid ${uuid}: complete`);
});

test("a name that is configured for another pool is refused, as its own and as a new one", async () => {
  const own = await adopt(uuid);
  expect(own).toMatchObject({ code: 1, out: "" });
  expect(own.err).toMatch(
    /the name data is configured here for pool [0-9a-f]{32}; give this one another: --as NAME/,
  );
  expect((await adopt("0".repeat(32))).code).toBe(3);
  expect(await labels()).toEqual(["data 2", "data 2"]);
});

test("a disk that is not there is named, and the label of the other is left alone", async () => {
  const [first = "", second = ""] = nodes;
  await run("losetup", "--detach", second);
  const missing = await adopt(uuid, "--as", "moved");
  expect(missing).toMatchObject({ code: 1, out: "" });
  expect(missing.err).toContain(
    `pool data (${uuid}): its device data-1 is on no block device of this machine`,
  );
  nodes = [first, ...(await plug("two"))];
  expect(await labels()).toEqual(["data 2", "data 2"]);
});

test("a change of the name that was killed between two labels is finished by the next, which prints what to configure", async () => {
  await killBetweenLabels("half");
  expect(await labels()).toEqual(["half 3", "data 2"]);
  const { code, out, err } = await adopt(uuid, "--as", "moved", "-o", "json");
  expect([code, err]).toEqual([0, ""]);
  expect(await labels()).toEqual(["moved 4", "moved 4"]);
  expect(JSON.parse(out)).toMatchObject({
    uuid,
    name: "moved",
    fits: true,
    volumes: 2,
    snapshots: 1,
    lost: [],
    stanza: `  - name: moved\n    backing: devices\n    blockSize: 131072B\n    devices:\n      - ${STABLE}\n      - ${nodes[1]}\n`,
    unstable: [nodes[1]],
  });
  expect(await run("sfdisk", "--dump", nodes[0] ?? "")).toMatch(/name="dmthin-moved-catalog"/);
  expect(await run("dmsetup", "info", "-c", "--noheadings", "-o", "name")).not.toMatch(/-(?:half|moved)-/);
});

test("a driver with exactly that serves all volumes and the snapshot under their ids, with their content", async () => {
  const { out } = await adopt(uuid, "-o", "json");
  const { stanza } = JSON.parse(out) as { readonly stanza: string };
  await stop();
  await start(here, "node-b", [loopPool(here, "data", "64MiB"), ...(parse(stanza) as readonly RawConfig[])]);
  const { entries } = await csi().controller.listVolumes({});
  expect(entries.map(({ volume }) => volume?.volume_id ?? "").toSorted()).toEqual(
    [volumes.files.id, volumes.raw.id].toSorted(),
  );
  const listed = await csi().controller.listSnapshots({});
  expect(listed.entries.map((entry) => entry.snapshot?.snapshot_id)).toEqual([snapshot]);

  life = lifeIn(here, "moved");
  const files = life.known("files", volumes.files.id, "ext4", volumes.files.size);
  const raw = life.known("raw", volumes.raw.id, "block", volumes.raw.size);
  await life.use(files);
  await life.use(raw);
  expect(await realpath(`/dev/mapper/${files.device}`)).toMatch(/^\/dev\//);
  expect(await sha256(`${files.targetPath}/content`)).toBe(sums.files);
  expect(await sha256Raw(raw.targetPath, RAW)).toBe(sums.raw);
  const restored = await life.create("restored", "ext4", files.size, {
    volume_content_source: fromSnapshot({ snapshot_id: snapshot }),
    parameters: { pool: "moved" },
  });
  await life.use(restored);
  expect(await sha256(`${restored.targetPath}/content`)).toBe(sums.old);

  // Volumes go on without a driver; by a configuration that has lost the pool it is found as it is.
  await stop();
  const lost = ["--config", join(here, "lost.yaml")];
  const config = JSON.parse(await readFile(join(here, "dmthin.yaml"), "utf8")) as object;
  await writeFile(lost[1] ?? "", JSON.stringify({ ...config, pools: [loopPool(here, "data", "64MiB")] }));
  const renamed = await adopt(uuid, "--as", "again", ...lost);
  expect(renamed.err).toMatch(/has devices here that are not named after again: .*dmthin-moved-pool/);
  expect(renamed).toMatchObject({ code: 1, out: "" });
  expect((await adopt(uuid, ...lost)).out).toContain("brings 3 volumes and 1 snapshot");
  expect(await sha256(`${files.targetPath}/content`)).toBe(sums.files);

  // The next start finds the devices active, under names that the catalog must know by then.
  await start(here, "node-b", parse(stanza) as readonly RawConfig[]);
  expect(await sha256(`${files.targetPath}/content`)).toBe(sums.files);
  const refused = await adopt(uuid, "--as", "again");
  expect(refused.err).toContain(`pool moved (${uuid}) is configured here as moved`);
  expect(refused.code).toBe(1);
  await life.end(restored, raw, files);
});
