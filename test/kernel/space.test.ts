/** What a volume and its snapshots take of the pool, measured under a writer: the figures are what a deletion gives back. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Snapshot__Output } from "../../src/generated/csi.ts";
import { dmthinCommand } from "../support/dmthin-command.ts";
import { loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { dataMebibytes } from "../support/pool-words.ts";
import { RecordWriter } from "../support/record-writer.ts";
import { scratchDirectory } from "../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../support/volume-life.ts";

const POOL = "measured";
const MIB = 1 << 20;
let directory: string;
let driver: TestDriver;
let life: VolumeLife;
let volume: TestVolume;
let writer: RecordWriter;

beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/${POOL}-`);
  driver = await startDriver({ directory, pools: [loopPool(directory, POOL, "1GiB")] });
  for (const each of SHARED_DIRECTORIES)
    await mkdir(`${driver.kubeletDirectory}/${each}`, { recursive: true });
  life = new VolumeLife({ csi: () => driver.client, kubeletDirectory: driver.kubeletDirectory, pool: POOL });
  volume = await life.create("origin", "block", 64n << 20n);
  await life.use(volume);
  const other = await life.create("busy", "ext4", 64n << 20n);
  await life.use(other);
  writer = await RecordWriter.slowly(20, `${other.targetPath}/records`);
});
afterAll(async () => {
  await writer.stop();
  await driver.stop();
  await takeDown(POOL, [directory]);
  await rm(directory, { recursive: true });
});

const write = (mebibyte: number, count: number) =>
  run(
    "dd",
    "if=/dev/urandom",
    `of=${volume.targetPath}`,
    "bs=1M",
    `seek=${mebibyte}`,
    `count=${count}`,
    "oflag=direct",
    "conv=notrunc",
  );

interface Listed {
  readonly name: string;
  readonly measured?: { readonly mapped: string; readonly exclusive: string; readonly at: string };
}

async function list(what: "volume" | "snapshot", ...flags: readonly string[]): Promise<readonly Listed[]> {
  const args = [what, "list", "--config", join(directory, "dmthin.yaml"), "-o", "json", ...flags];
  const { code, stdout, stderr } = await dmthinCommand(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as readonly Listed[];
}

/** MiB. */
async function ownOf(
  what: "volume" | "snapshot",
  ...flags: readonly string[]
): Promise<ReadonlyMap<string, number>> {
  const listed = await list(what, ...flags);
  return new Map(
    listed.flatMap(({ name, measured }) =>
      measured === undefined ? [] : [[name, Number(measured.exclusive) / MIB]],
    ),
  );
}

/** MiB of the pool's data in use, after a commit. */
const used = async (): Promise<number> => (await dataMebibytes(POOL, { flush: true })).used;

describe("of a volume and two snapshots", () => {
  const snapshots = new Map<string, Snapshot__Output>();

  test("nothing is said before anybody asks", async () => {
    await write(0, 16);
    snapshots.set("first", await life.snapshot("first", volume));
    await write(0, 6);
    snapshots.set("second", await life.snapshot("second", volume));
    await write(4, 8);
    expect(await ownOf("snapshot")).toEqual(new Map());
  });

  test("each has what no other has", async () => {
    // first: 0-16 at the cut, 0-6 rewritten since, and 6-12 shared with second until that was rewritten too.
    expect(await ownOf("snapshot", "--measure")).toEqual(
      new Map([
        ["first", 6],
        ["second", 2],
      ]),
    );
    // Remembered, without another walk.
    expect(await ownOf("snapshot")).toEqual(
      new Map([
        ["first", 6],
        ["second", 2],
      ]),
    );
    expect((await ownOf("volume")).get("origin")).toBe(8);
  });

  test("and that is what deleting it gives back", async () => {
    await writer.stop();
    const before = await used();
    await life.deleteSnapshots(snapshots.get("first") ?? expect.unreachable());
    expect(before - (await used())).toBe(6);
    // What was shared with the one that is gone belongs to the other now.
    expect(await ownOf("snapshot", "--measure")).toEqual(new Map([["second", 8]]));
    const then = await used();
    await life.deleteSnapshots(snapshots.get("second") ?? expect.unreachable());
    expect(then - (await used())).toBe(8);
  });
});

test("no metadata snapshot stays", async () => {
  await list("snapshot", "--measure");
  expect(await run("dmsetup", "status", `dmthin-${POOL}-pool`)).toMatch(/ \d+\/\d+ \d+\/\d+ - rw /);
});
