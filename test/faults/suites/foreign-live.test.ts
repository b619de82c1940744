/** Foreign hands on a pool whose driver is at work: a second driver, thins and devices made by hand. */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { CommandLog } from "../../support/command-log.ts";
import { startDriver, type RawConfig } from "../../support/driver.ts";
import { run } from "../../support/machine-state.ts";
import { expectCode } from "../../support/node-bench.ts";
import { byHand, PartsBench, type PartsPool } from "../../support/parts-bench.ts";
import { digestOf, put } from "../../support/under-disk.ts";
import type { TestVolume, VolumeLife } from "../../support/volume-life.ts";
import { copy } from "../foreign/hands.ts";

const SIZE = 4n << 20n;
const LETTER = Buffer.alloc(65_536, "a letter of mine; ");

let bench: PartsBench;
let pool: PartsPool;
let life: VolumeLife;
/** With the letter. */
let kept: TestVolume;
let keptThin: number;
let written: string;
let count = 0;

beforeAll(async () => {
  bench = await PartsBench.start("foreign-live", [{ name: "live", dataMib: 256 }]);
  [pool, life] = [bench.pool("live"), bench.pool("live").life];
  const mark = bench.mark();
  kept = await life.create("kept", "block", SIZE);
  keptThin = mark.lastThin();
  await life.stage(kept);
  await put(path(kept), 0, LETTER);
  written = await digestOf(path(kept));
});
beforeEach(() => expectSound());
afterAll(() => bench.end());

const path = ({ device }: TestVolume): string => `/dev/mapper/${device}`;
const message = (text: string): Promise<string> => run("dmsetup", "message", pool.poolDevice, "0", text);

/** The driver works, and the letter is as it was. */
async function expectSound(): Promise<void> {
  expect(await digestOf(path(kept))).toBe(written);
  await life.delete(await life.create(`sound-${count++}`, "block", SIZE));
  expect((await bench.csi.controller.listVolumes({})).entries).toHaveLength(1);
}

/** The pool takes no change, its lists are not answered, what is staged goes on. Answers what the driver did. */
async function expectFenced(mark: CommandLog, reason: RegExp): Promise<void> {
  const { controller } = bench.csi;
  const messages = mark.messages();
  const calls: readonly (() => Promise<unknown>)[] = [
    () => life.create("fenced", "block", SIZE),
    () => life.create("kept", "block", SIZE),
    () => life.snapshot("fenced", kept),
    () => life.enlarge(kept, 2n * SIZE),
    () => controller.deleteVolume({ volume_id: kept.id }),
    () => controller.deleteVolume({ volume_id: kept.id.replace(/.{6}$/, "000000") }),
    () => controller.listVolumes({}),
    () => controller.listSnapshots({}),
    () => controller.listSnapshots({ source_volume_id: kept.id }),
  ];
  for (const call of calls) await expectCode(call(), "UNAVAILABLE", reason);
  expect((await controller.getCapacity({})).available_capacity).toBe("0");
  expect(mark.messages()).toEqual(messages);
  await life.publish(kept);
  await life.unpublish(kept);
  expect(await digestOf(path(kept))).toBe(written);
}

describe("promise 10: a second driver on the same disks opens nothing and changes nothing", () => {
  test.each<readonly [what: string, changes: () => RawConfig, state: "same" | "own", reason: RegExp]>([
    ["with the same state directory", () => ({}), "same", /is held by another dmthin, process \d+/],
    ["with a state directory of its own", () => ({}), "own", /another process has it open: end that one/],
    [
      "under another name",
      () => ({ name: "mine" }),
      "same",
      /belongs to pool live \([0-9a-f]{32}\), not mine/,
    ],
    [
      "with data and metadata exchanged",
      () => ({ data: pool.metadata.path, metadata: pool.data.path }),
      "own",
      /is the metadata device of its pool, not data; devices are swapped or copied/,
    ],
    [
      "that would rather have a new one there",
      () => ({ name: "mine", force: [pool.data.path, pool.metadata.path] }),
      "own",
      /belongs to pool live/,
    ],
  ])("(%s)", async (_what, changes, state, reason) => {
    const directory = await mkdtemp(`${bench.directory}/second-`);
    const [mark, id] = [bench.mark(), await pool.status(3)];
    const devices = await run("dmsetup", "info", "-c", "--noheadings", "-o", "name,uuid,attr");
    const second = await startDriver({
      directory,
      pools: [{ ...pool.config, ...changes() }],
      config: state === "same" ? { stateDirectory: `${bench.directory}/state` } : {},
      untilListening: true,
    });
    try {
      await expect
        .poll(() => readFile(second.log, "utf8"), { timeout: 60_000 })
        .toMatch(/"pool \w+ could not be opened: /);
      const create = second.client.controller.createVolume({
        name: "theirs",
        volume_capabilities: [{ access_mode: { mode: "SINGLE_NODE_WRITER" }, block: {} }],
      });
      await expectCode(create, "UNAVAILABLE", reason);
      expect(await readFile(second.log, "utf8")).not.toMatch(
        /"message"|"(?:create|load|resume|remove|suspend)"/,
      );
    } finally {
      expect(await second.stop()).toBe(0);
    }
    expect(await pool.status(3)).toBe(id);
    expect(await run("dmsetup", "info", "-c", "--noheadings", "-o", "name,uuid,attr")).toBe(devices);
    expect(mark.messages()).toEqual([]);
    await rm(directory, { recursive: true });
  });
});

describe("promise 10: a thin made by hand where the driver's next one shall be", () => {
  test.each<readonly [what: string, call: () => Promise<unknown>]>([
    ["volume", () => life.create("next", "block", SIZE)],
    ["snapshot", () => life.snapshot("next", kept)],
  ])("(a %s) is neither taken for its own nor taken away", async (_what, call) => {
    const mark = bench.mark();
    await expectSound();
    const next = mark.lastThin() + 1;
    await message(`create_thin ${next}`);
    await byHand(pool, next, SIZE, (device) => put(device, 0, LETTER));
    const since = bench.mark();
    await expectCode(
      call(),
      "UNAVAILABLE",
      new RegExp(`thin ${next} exists, and this driver did not make it`),
    );
    expect(since.messages().filter((text) => !text.startsWith("create_"))).toEqual([]);
    await expectFenced(since, /foreign hands: thin \d+ exists/);

    // Nor does the next driver.
    await bench.driver.kill();
    const after = await bench.restart();
    await expectFenced(after, new RegExp(`thin ${next} is in no record`));
    expect(after.messages()).toEqual([]);
    expect(await byHand(pool, next, SIZE, digestOf)).toBe(written);
    await message(`delete ${next}`);
    await bench.driver.stop();
    await bench.restart();
    await expectSound();
  });
});

test.each<readonly [what: string, by: bigint]>([
  ["on", 1n],
  ["back", -2n],
])(
  "promise 10: a transaction id that went %s by other hands stops the driver before it writes",
  async (_what, by) => {
    const now = BigInt(await pool.status(3));
    await message(`set_transaction_id ${now} ${now + by}`);
    const mark = bench.mark();
    await expectFenced(mark, /foreign hands: the kernel's transaction id is \d+, the catalog's \d+/);
    expect(mark.messages()).toEqual([]);
    await bench.driver.stop();
    const after = await bench.restart();
    await expectFenced(after, /the kernel's transaction id is \d+, the catalog's \d+/);
    expect(after.messages()).toEqual([]);
    await bench.driver.stop();
    await message(`set_transaction_id ${now + by} ${now}`);
    await bench.restart();
    await expectSound();
  },
);

// Each start makes the transaction id newer: only what the same run of the driver changed can be told by its own bump.
test("promise 10: a catalog from before a volume grew is not believed, also if no start lies between", async () => {
  const [before, now] = [`${bench.directory}/before`, `${bench.directory}/now`];
  const catalog = `/dev/mapper/dmthin-${pool.name}-catalog`;
  const grown = await life.create("grown", "block", SIZE);
  // Held still, so that the copy is whole.
  await run("dmsetup", "suspend", catalog);
  try {
    await pool.open("catalog", (device) => copy(device, before));
  } finally {
    await run("dmsetup", "resume", catalog);
  }
  await life.enlarge(grown, 2n * SIZE);
  await life.stage(grown);
  await put(path(grown), Number(SIZE), LETTER);
  const content = await digestOf(path(grown));
  await life.unstage(grown);
  await bench.driver.stop();
  await copy(catalog, now);
  await copy(before, catalog);
  const after = await bench.restart();
  await expectFenced(after, /transaction id is \d+, the catalog's \d+: the catalog is an older copy/);
  expect(after.messages()).toEqual([]);
  await bench.driver.stop();
  await copy(now, catalog);
  await bench.restart();
  await life.stage(grown);
  expect(await digestOf(path(grown))).toBe(content);
  await life.unstage(grown);
  await life.delete(grown);
  await expectSound();
});

describe("promise 10: a device made by hand in a volume's place", () => {
  test.each<
    readonly [
      what: string,
      own: boolean,
      table: () => string,
      code: "UNAVAILABLE" | "INTERNAL",
      reason: RegExp,
    ]
  >([
    [
      "without our uuid",
      false,
      () => "8192 zero",
      "UNAVAILABLE",
      /exists and is not ours: its uuid is ""; see who made it/,
    ],
    [
      "with another thin",
      true,
      () => `8192 thin /dev/mapper/${pool.poolDevice} ${keptThin}`,
      "INTERNAL",
      /maps thin \d+ of .* its record says \d+/,
    ],
    ["that is no thin", true, () => "8192 zero", "UNAVAILABLE", /thin/],
  ])("(%s) is left alone", async (_what, own, table, code, reason) => {
    const mine = await life.create(`mine-${count++}`, "block", SIZE);
    const [, uuid = "", key = ""] = /^v-(\w+)-(\w+)$/.exec(mine.id) ?? [];
    const theirs = `DMTHIN-${uuid}-v-${key}`;
    await run(
      "dmsetup",
      "create",
      mine.device,
      ...(own ? ["--uuid", theirs] : []),
      "--table",
      `0 ${table()}`,
    );
    const before = await run("dmsetup", "table", mine.device);
    await expectCode(life.stage(mine), code, reason);
    expect(await run("dmsetup", "table", mine.device)).toBe(before);
    expect(await digestOf(path(kept))).toBe(written);
    await run("dmsetup", "remove", "--retry", mine.device);
    await life.stage(mine);
    await life.unstage(mine);
    await life.delete(mine);
  });
});

test("promise 10: a thin deleted by hand is told to be missing, and costs nobody else", async () => {
  const mark = bench.mark();
  const doomed = await life.create("doomed", "block", SIZE);
  const thin = mark.lastThin();
  await life.stage(doomed);
  await put(path(doomed), 0, LETTER);
  await life.unstage(doomed);
  const cut = await life.snapshot("doomed-cut", doomed);
  await message(`delete ${thin}`);
  await message(`delete ${mark.lastThin()}`);
  for (const restarted of [false, true]) {
    if (restarted) {
      await bench.driver.stop();
      const log = await bench.restart();
      expect(log.text()).toMatch(/the thin of v-\S+ is missing; it cannot be used/);
      expect(log.text()).toMatch(/the thin of s-\S+ is missing; it cannot be used/);
    }
    await expectCode(
      life.stage(doomed),
      "INTERNAL",
      /is missing in the pool; restore a snapshot or a backup/,
    );
    const source = { volume_content_source: { snapshot: { snapshot_id: cut.snapshot_id } } };
    const missing = restarted ? "NOT_FOUND" : "INTERNAL";
    await expectCode(life.create("copy", "block", SIZE, source), missing, /missing in the pool/);
    await expectCode(life.snapshot("again", doomed), missing, /missing in the pool/);
    expect(await digestOf(path(kept))).toBe(written);
  }
  await life.deleteSnapshots(cut);
  await life.unstage(doomed);
  await life.delete(doomed);
  await mkdir(kept.stagingPath, { recursive: true });
  await expectSound();
});
