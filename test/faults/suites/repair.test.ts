/**
 * Damaged thin metadata and the commands against it: needs_check, blocks overwritten, a device cut short; a repair that is
 * killed anywhere. What a repair saved is whole, and what it could not save is named.
 */
import { stat, truncate } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { CALM, HURT, RepairBench, type Saved } from "../repair/repair-bench.ts";
import { CHANGES, TURNS } from "../repair/points.ts";
import { mappingsOf, type Part } from "../repair/thin-metadata.ts";
import { sha256, sha256Raw, writeRandom, writeRaw } from "../../support/content.ts";
import { run } from "../../support/machine-state.ts";
import { expectCode } from "../../support/node-bench.ts";
import { countRecords, RecordWriter } from "../../support/record-writer.ts";
import { refuseWrites } from "../../support/refuse-writes.ts";
import type { TestVolume } from "../../support/volume-life.ts";
import { Random } from "../random.ts";
import { given } from "./given.ts";

const { seed } = given();
const random = new Random(seed, "repair");

let bench: RepairBench;
let calm: TestVolume;
let calmWriter: RecordWriter;
const volumes = new Map<string, TestVolume>();
const records = new Map<string, number>();
const checksums = new Map<string, string>();
/** Mappings of each thin before any damage. */
let whole: ReadonlyMap<number, string>;
let sound: Saved;

const volume = (name: string): TestVolume => {
  const found = volumes.get(name);
  if (found === undefined) throw new Error(name);
  return found;
};
const life = () => bench.life(HURT);

beforeAll(async () => {
  bench = await RepairBench.start();
  calm = await bench.create(CALM, "calm-1", "ext4");
  await bench.life(CALM).use(calm);
  calmWriter = await RecordWriter.slowly(100, `${calm.targetPath}/records`);
  for (const name of ["one", "two", "three"]) volumes.set(name, await bench.create(HURT, name, "ext4"));
  volumes.set("raw", await bench.create(HURT, "raw", "block"));
  for (const name of ["one", "two", "three", "raw"]) await life().use(volume(name));
  for (const name of ["one", "two", "three"])
    checksums.set(name, await writeRandom(`${volume(name).targetPath}/letter`, 6));
  checksums.set("raw", await writeRaw(volume("raw").targetPath, { mebibyte: 5, count: 6 }));
  await life().snapshot("cut", volume("one"));
});

afterAll(async () => {
  await calmWriter.stop();
  await bench.end();
});

/** All of its content that was fsync'd, after a stage, which checks the filesystem. */
async function expectWhole(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { targetPath, content } = volume(name);
    await life().use(volume(name));
    const sum =
      content === "block"
        ? await sha256Raw(targetPath, { mebibyte: 5, count: 6 })
        : await sha256(`${targetPath}/letter`);
    expect(sum).toBe(checksums.get(name));
    const durable = records.get(name);
    if (durable !== undefined)
      expect(await countRecords(`${targetPath}/records`)).toBeGreaterThanOrEqual(durable);
    await life().release(volume(name));
  }
}

async function expectCalm(): Promise<void> {
  await calmWriter.reach(3);
  expect(bench.running ? await bench.life(CALM).stats(calm) : []).toBeDefined();
}

describe("the metadata's disk refuses writes for a while", () => {
  test("promise 7: the pool takes no changes, says which command mends it, and lets its volumes go; others go on", async () => {
    const writer = await RecordWriter.start(`${volume("two").targetPath}/records`);
    const heal = await refuseWrites(`dmthin-${HURT}-meta`);
    // New blocks, so that the kernel has to commit.
    await expect(writeRandom(`${volume("three").targetPath}/more`, 16)).rejects.toThrow(/EIO|EROFS|ENOSPC/);
    await writer.stop().catch(() => undefined);
    records.set("two", writer.durable);
    await expectCode(bench.create(HURT, "refused", "ext4"), "UNAVAILABLE");
    expect(await run("dmsetup", "status", `dmthin-${HURT}-pool`)).toMatch(/ ro .* needs_check/);
    await heal();
    await expectCode(bench.create(HURT, "refused", "ext4"), "UNAVAILABLE", /dmthin pool repair/);
    await expectCalm();
    const other = await bench.create(CALM, "other", "ext4");
    await bench.life(CALM).delete(other);
  });

  test("promise 7: check names needs_check; repair touches nothing while volumes are mounted, and lists them", async () => {
    const tables = await run("dmsetup", "table");
    // The driver runs: it has given the pool up, and looks at it now and then.
    const checked = await bench.check();
    expect(checked).toMatchObject({ code: 1, text: expect.stringMatching(/needs_check is set/) as string });
    const refused = await bench.repair();
    expect(refused.code).toBe(2);
    for (const name of ["one", "two", "three"]) {
      expect(refused.text).toContain(`volume ${name} (${volume(name).device}): mounted at`);
      expect(refused.text).toContain(volume(name).targetPath);
    }
    expect(await run("dmsetup", "table")).toBe(tables);
    await expectCalm();
  });

  test("promises 4, 6: unstaged through the driver and repaired beside it, every record is there and changes are taken", async () => {
    for (const name of ["one", "two", "three", "raw"]) await life().release(volume(name));
    const { code, text } = await bench.repair();
    expect({ code, text }).toMatchObject({
      code: 0,
      text: expect.stringMatching(/needs_check is cleared/) as string,
    });
    // By itself, when it looks again.
    const create = () => bench.create(HURT, "fresh", "ext4").catch(() => undefined);
    await expect.poll(create, { timeout: 90_000, interval: 500 }).toBeDefined();
    await expectWhole("one", "two", "three", "raw");
    const fresh = await bench.create(HURT, "fresh", "ext4");
    await life().use(fresh);
    await life().end(fresh);
    await expectCalm();
    await bench.halt();
    await bench.takeDownHurt();
    sound = await bench.saveWhole();
    whole = await mappingsOf(await bench.copyOf());
    expect(whole.size).toBe(5);
  });
});

/** From sound metadata to damaged one, nothing active. */
async function hurt(part: Part): Promise<void> {
  await bench.restore(sound);
  await (await bench.metadata()).content.damage(part);
}

/** The thin of a volume, by the order in which they were made. */
const thinOf = (name: string): number => 1 + ["one", "two", "three", "raw"].indexOf(name);

/** As many thins as said, those exactly as they were before the damage. */
async function expectMappings(missing: readonly number[]): Promise<void> {
  const now = await mappingsOf(await bench.copyOf());
  const expected = new Map([...whole].filter(([thin]) => !missing.includes(thin)));
  expect(now).toEqual(expected);
}

describe("one block of the metadata is overwritten", () => {
  test("promise 7: of the counts of blocks: check names it, repair loses nothing", async () => {
    await hurt("data bitmaps");
    const damaged = await (await bench.metadata()).content.read(4 << 20);
    expect(await bench.check()).toMatchObject({
      code: 1,
      text: expect.stringMatching(/thin_check: .*space map/) as string,
    });
    const { code, text } = await bench.repair();
    expect({ code, text }).toMatchObject({
      code: 0,
      text: expect.stringMatching(/every thin of the catalog is there/) as string,
    });
    await expectMappings([]);
    // Not irreversible: it lies on the spare as it was.
    expect((await (await bench.metadata("spare")).content.read(4 << 20)).equals(damaged)).toBe(true);
    expect(await bench.check()).toMatchObject({ code: 0 });
    await expectCalm();
  });

  test("promises 4, 7: of one volume: repair does not go on without a word, then saves all others exactly", async () => {
    await hurt({ thin: thinOf("two") });
    const before = await bench.save();
    const refused = await bench.repair();
    expect(refused).toMatchObject({ code: 1, text: expect.stringMatching(/--accept-loss/) as string });
    expect(refused.text).toMatch(new RegExp(`volume two \\(${volume("two").id}\\): is lost`));
    expect(refused.text).not.toMatch(/volume (one|three|raw)/);
    // Labels and metadata; the spare may hold what was tried.
    expect((await bench.save()).filter(([file]) => file !== "spare.img")).toEqual(
      before.filter(([file]) => file !== "spare.img"),
    );
    expect(await bench.repair("--accept-loss")).toMatchObject({ code: 0 });
    await expectMappings([thinOf("two")]);
  });

  test("promises 4, 7: the driver lists the volume that is lost, refuses it and deletes nothing; the others are whole", async () => {
    await bench.drive();
    const { entries } = await bench.csi.controller.listVolumes({});
    expect(entries.map((entry) => entry.volume?.volume_id)).toContain(volume("two").id);
    await expectCode(life().stage(volume("two")), "INTERNAL", /missing|lost/);
    await expectWhole("one", "three", "raw");
    await expectCalm();
    await bench.halt();
    await bench.takeDownHurt();
  });

  test.each<[string, Part]>([
    ["the superblock", "superblock"],
    ["the root of all mappings", "mappings"],
    ["the tree of devices", "devices"],
  ])("promise 7: %s: an earlier state is taken only where a person says so", async (_what, part) => {
    await hurt(part);
    expect(await bench.check()).toMatchObject({ code: 1 });
    const refused = await bench.repair("--accept-loss");
    expect(refused).toMatchObject({ code: 1, text: expect.stringMatching(/--accept-older/) as string });
    const { code, text } = await bench.repair("--accept-older", "--accept-loss");
    expect({ code, text }).toMatchObject({ code: 0 });
    const now = await mappingsOf(await bench.copyOf());
    // Whatever has fewer blocks than before was named, the silently empty included.
    for (const [thin, mappings] of whole)
      if (now.get(thin) !== mappings) expect(text).toMatch(/: is lost|blocks$/m);
  });
});

test("promises 7, 10: a metadata file that was cut short is refused by its label, and untouched", async () => {
  await bench.restore(sound);
  const { path } = await bench.metadata();
  const { size } = await stat(path);
  await truncate(path, size - (1 << 20));
  for (const ended of [await bench.check(), await bench.repair()])
    expect(ended).toMatchObject({ code: 2, text: expect.stringMatching(/was cut; restore it/) as string });
  expect((await stat(path)).size).toBe(size - (1 << 20));
  await truncate(path, size);
});

test("promise 7: a second repair does not write over what the first one set aside, as long as nobody opened the pool", async () => {
  await hurt("data bitmaps");
  expect(await bench.repair()).toMatchObject({ code: 0 });
  await (await bench.metadata()).content.damage({ thin: thinOf("one") });
  const aside = await (await bench.metadata("spare")).content.read(4 << 20);
  expect(await bench.repair("--accept-loss")).toMatchObject({
    code: 1,
    text: expect.stringMatching(/--overwrite-spare/) as string,
  });
  expect((await (await bench.metadata("spare")).content.read(4 << 20)).equals(aside)).toBe(true);
  expect(await bench.repair("--accept-loss", "--overwrite-spare")).toMatchObject({ code: 0 });
});

describe.each<{
  readonly what: string;
  readonly part: () => Part;
  readonly missing: () => readonly number[];
  readonly turns: readonly string[];
}>([
  { what: "of new space maps", part: () => "data bitmaps", missing: () => [], turns: TURNS },
  {
    what: "that salvages",
    part: () => ({ thin: thinOf("three") }),
    missing: () => [thinOf("three")],
    turns: TURNS.slice(0, 2),
  },
])("a repair $what is killed", ({ part, missing, turns }) => {
  const DRAWN = 3;
  let points: readonly string[] = [];
  let drawn: readonly string[] = [];

  beforeAll(async () => {
    await hurt(part());
    points = (await bench.trace("--accept-loss")).filter((line) => CHANGES.test(line));
    await expectMappings(missing());
    if (points.length < 15) throw new Error(`a repair passes few points:\n${points.join("\n")}`);
    drawn = random.sample(points, DRAWN);
  });

  async function expectGoodEnd(point: string | undefined): Promise<void> {
    await hurt(part());
    await bench.killRepairAt(Number(/#(\d+)/.exec(point ?? "")?.[1]), "--accept-loss");
    const { code, text } = await bench.repair("--accept-loss");
    expect({ point, code, text }).toMatchObject({ code: 0 });
    await expectMappings(missing());
  }

  test.each(turns)(
    "promise 4: before it does `%s`: the next one ends well, nothing is lost on the way",
    (turn) => expectGoodEnd(points.find((line) => line.endsWith(turn))),
  );

  test.each(Array.from({ length: DRAWN }, (_, index) => index))(
    "promise 4: at a place drawn by the seed (%i): the next one ends well, nothing is lost on the way",
    (index) => expectGoodEnd(drawn[index]),
  );
});

test("promises 4, 6: after all that the driver opens the pool, and what was not lost is whole", async () => {
  await bench.restore(sound);
  await (await bench.metadata()).content.damage("data bitmaps");
  expect(await bench.repair()).toMatchObject({ code: 0 });
  await bench.drive();
  await expectWhole("one", "two", "three", "raw");
  await expectCalm();
});
