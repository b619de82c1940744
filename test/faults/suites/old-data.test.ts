/**
 * What other volumes left on the disk never shows. Beneath the pool every free block is full of a pattern, as if each
 * had belonged to a deleted volume: whatever a new volume reads that is neither zero nor its own stands out.
 */
import { writeFile } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { run } from "../../support/machine-state.ts";
import { PartsBench, type PartsPool, type PartsPoolOptions } from "../../support/parts-bench.ts";
import { FILESYSTEMS, fromSnapshot, fromVolume, SMALL, type VolumeLife } from "../../support/volume-life.ts";
import { expectImage, RawVolume, read } from "../old-data/raw-volume.ts";
import { Random } from "../random.ts";
import { given } from "./given.ts";

const SECTOR = 512;
const PAGE = 4096;
const BLOCK = 65_536;
const MIB = 1 << 20;
/** Its last block is a part of one. */
const SIZE = 2 * MIB + PAGE;
const OLD = Buffer.from("old data of somebody else; ".repeat(40).slice(0, SECTOR));
const DATA_MIB = 448;
/** What a pool does not promise. */
const HELD_BACK_MIB = 66;

const { seed, share } = given();
let bench: PartsBench;
let pool: PartsPool;
let life: VolumeLife;
let count = 0;

const POOLS = [
  { name: "passed", dataMib: DATA_MIB, onLoop: true, config: { discard: true } },
  { name: "kept", dataMib: DATA_MIB, config: { discard: false } },
  { name: "unzeroed", dataMib: 64, config: { discard: false, zeroing: false } },
] as const satisfies readonly PartsPoolOptions[];

beforeAll(async () => {
  bench = await PartsBench.start("old-data", POOLS);
});
afterAll(() => bench.end());

/** Staged. */
async function create(size = SIZE): Promise<RawVolume> {
  const raw = new RawVolume(life, await life.create(`raw-${count++}`, "block", BigInt(size), pool.here));
  await life.stage(raw.volume);
  return raw;
}

/** Full of old data, from the begin on; direct, so that nothing is left in a cache. */
async function fill(path: string, length: bigint): Promise<void> {
  const step = 16 * MIB;
  await writeFile("/tmp/old-data-fill", Buffer.alloc(step, OLD));
  for (let offset = 0n; offset < length; offset += BigInt(step)) {
    const size = length - offset < step ? length - offset : step;
    const place = [`bs=${size}`, "count=1", `seek=${offset}`, "oflag=seek_bytes,direct"];
    await run("dd", "if=/tmp/old-data-fill", `of=${path}`, ...place, "conv=notrunc", "status=none");
  }
}

/** Every block of the pool's data. No volume may be there. */
async function soil(): Promise<void> {
  expect(await pool.status(5)).toMatch(/^0\//);
  const { length } = pool.extent("data");
  await pool.open("data", (path) => fill(path, length));
}

/** Writes that cover a part of one block or of several. */
const PARTIAL: readonly (readonly [what: string, offset: number, length: number])[] = [
  ["512 B at the begin of a block", 0, SECTOR],
  ["512 B at the end of a block", 2 * BLOCK - SECTOR, SECTOR],
  ["512 B in the middle of a block", 2 * BLOCK + 20 * SECTOR, SECTOR],
  ["4 KiB in the middle of a block", 3 * BLOCK + 5 * PAGE, PAGE],
  ["4 KiB over the seam of two blocks", 5 * BLOCK - 3 * SECTOR, PAGE],
  ["a block's length, half of two blocks", 6 * BLOCK + BLOCK / 2, BLOCK],
  ["a block and a sector more", 9 * BLOCK, BLOCK + SECTOR],
  ["100 bytes at an odd place, by the page cache", 12 * BLOCK + 12_345, 100],
  ["all but the first and the last byte of three blocks", 14 * BLOCK + 1, 3 * BLOCK - 2],
  ["the first sector of the last block, which is a part of one", SIZE - PAGE, SECTOR],
];

describe.each(["passed", "kept"])("promise 8: with discards that are %s", (name) => {
  beforeAll(() => {
    [pool, life] = [bench.pool(name), bench.pool(name).life];
  });

  test("a volume where a deleted one was reads as zeros, but where it was written to", async () => {
    const size = (DATA_MIB - HELD_BACK_MIB) * MIB;
    // Without an image: page by page that much memory is slow on the test kernel.
    const first = await life.create("full", "block", BigInt(size), pool.here);
    await life.stage(first);
    await fill(`/dev/mapper/${first.device}`, BigInt(size));
    expect(Number((await pool.status(5)).split("/")[0])).toBe(size / BLOCK);
    await life.unstage(first);
    await life.delete(first);
    const second = await create(48 * MIB);
    await expectImage(second);
    for (let block = 0; block < 48 * 16; block += 16) await second.write(block * BLOCK + PAGE, SECTOR, 7);
    await expectImage(second);
    await second.end();
  });
});

describe.each(["passed", "kept"])("promise 8: on soiled blocks, with discards that are %s", (name) => {
  beforeAll(async () => {
    [pool, life] = [bench.pool(name), bench.pool(name).life];
    await soil();
  });

  test("a discard gets as far as it is told to", async () => {
    const word = name === "passed" ? "discard_passdown" : "no_discard_passdown";
    expect((await run("dmsetup", "status", pool.poolDevice)).split(" ")).toContain(word);
  });

  test("a new volume reads as zeros, also what was discarded before it was written", async () => {
    const raw = await create();
    await expectImage(raw);
    await raw.discard(0, SIZE);
    await expectImage(raw);
    await run("blkdiscard", "--zeroout", "--offset", String(BLOCK), "--length", String(PAGE), raw.path);
    await expectImage(raw);
    await raw.end();
  });

  describe("in one volume", () => {
    let raw: RawVolume;
    beforeAll(async () => {
      raw = await create();
    });
    afterAll(() => raw.end());

    test.each(PARTIAL)("around %s there are zeros", async (_what, offset, length) => {
      await raw.write(offset, length, 7);
      await expectImage(raw);
    });

    test("around all these there are zeros after activation", async () => {
      await raw.restage();
      await expectImage(raw);
    });
  });

  test("writes and discards at random show nothing but themselves", async () => {
    const random = new Random(seed, `old-data ${name}`);
    const raw = await create();
    for (let step = 1; step <= (share ? 10 : 60); step += 1) {
      const unit = random.pick([1, 100, SECTOR, PAGE, BLOCK]) ?? 1;
      const offset = random.between(0, Math.floor(SIZE / unit) - 1) * unit;
      const length = Math.min(random.between(1, 4) * unit, SIZE - offset);
      if (unit >= SECTOR && random.chance(0.3)) await raw.discard(offset, length);
      else await raw.write(offset, length, random.between(1, 255));
      if (step % 10 === 0) await expectImage(raw);
    }
    await expectImage(raw);
    await raw.end();
  });

  test("a snapshot and its origin that diverge by parts of blocks show each their own", async () => {
    const origin = await create();
    for (const [, offset, length] of PARTIAL) await origin.write(offset, length, 1);
    const snapshot = await life.snapshot(`cut-${count}`, origin.volume);
    const cut = Buffer.from(origin.image);
    // In shared blocks, beside what is there; and in blocks that neither has.
    for (const [, offset, length] of PARTIAL) {
      const beside = Math.min(offset + length, SIZE - SECTOR);
      await origin.write(Math.floor(beside / SECTOR) * SECTOR, SECTOR, 2);
    }
    await origin.write(25 * BLOCK + PAGE, SECTOR, 2);
    await origin.discard(3 * BLOCK, BLOCK);
    const restored = new RawVolume(
      life,
      await life.copy(`restored-${count++}`, fromSnapshot(snapshot), "block", BigInt(SIZE)),
      cut,
    );
    await life.stage(restored.volume);
    await expectImage(restored);
    await restored.write(27 * BLOCK + SECTOR, PAGE, 3);
    await restored.write(SECTOR, SECTOR, 3);
    const clone = new RawVolume(
      life,
      await life.copy(`clone-${count++}`, fromVolume(origin.volume), "block", BigInt(SIZE)),
      origin.image,
    );
    await life.stage(clone.volume);
    await clone.write(29 * BLOCK + SECTOR, PAGE, 4);
    await life.deleteSnapshots(snapshot);
    for (const each of [origin, restored, clone]) await expectImage(each);
    await origin.end();
    for (const each of [restored, clone]) await expectImage(each);
    for (const each of [restored, clone]) await each.end();
  });

  test.each([
    ["in use", true],
    ["not in use", false],
  ])("the tail of a volume that grows while it is %s reads as zeros", async (_how, online) => {
    const raw = await create();
    // The block in which it ends is there already.
    await raw.write(SIZE - PAGE, PAGE, 5);
    let grown = raw;
    for (const size of [SIZE + PAGE, SIZE + BLOCK, SIZE + MIB]) {
      if (!online) await life.unstage(raw.volume);
      await life.enlarge(raw.volume, BigInt(size));
      if (online) await life.expandOnNode(raw.volume, undefined, raw.volume.stagingPath);
      else await life.stage(raw.volume);
      grown = new RawVolume(life, { ...raw.volume, size: BigInt(size) }, grown.image);
      await expectImage(grown);
    }
    await grown.write(SIZE + PAGE, SECTOR, 6);
    await grown.write(SIZE + MIB - SECTOR, SECTOR, 6);
    await expectImage(grown);
    await grown.end();
  });

  test("the tail of a larger copy reads as zeros", async () => {
    const origin = await create();
    await origin.write(SIZE - PAGE, SECTOR, 1);
    const snapshot = await life.snapshot(`tail-${count}`, origin.volume);
    for (const source of [fromSnapshot(snapshot), fromVolume(origin.volume)]) {
      const larger = BigInt(SIZE + MIB + PAGE);
      const copy = new RawVolume(
        life,
        await life.copy(`larger-${count++}`, source, "block", larger),
        origin.image,
      );
      await life.stage(copy.volume);
      await expectImage(copy);
      await copy.write(SIZE, SECTOR, 2);
      await copy.write(SIZE + MIB, SECTOR, 2);
      await expectImage(copy);
      await copy.end();
    }
    await life.deleteSnapshots(snapshot);
    await origin.end();
  });

  test("after a kill of the driver, old volumes and new ones show what they should", async () => {
    const old = await create();
    await old.write(BLOCK + SECTOR, SECTOR, 1);
    await bench.driver.kill();
    await old.write(4 * BLOCK + SECTOR, SECTOR, 1);
    await bench.restart();
    const fresh = await create();
    await fresh.write(4 * BLOCK + SECTOR, SECTOR, 2);
    for (const each of [old, fresh]) {
      await expectImage(each);
      await each.restage();
      await expectImage(each);
      await each.end();
    }
  });

  test.each(FILESYSTEMS)("a new %s has nothing of it, in files or between them", async (fsType) => {
    const volume = await life.create(`fs-${count++}`, fsType, SMALL[fsType], pool.here);
    await life.stage(volume);
    for (let file = 0; file < 10; file += 1)
      await writeFile(`${volume.stagingPath}/f${file}`, Buffer.alloc(file * 1000 + 1, 1), { flush: true });
    await run("sync", "--file-system", volume.stagingPath);
    expect((await read(`/dev/mapper/${volume.device}`)).indexOf("old data of somebody")).toBe(-1);
    await life.unstage(volume);
    await life.delete(volume);
  });
});

describe("promise 8: a pool that is told not to zero shows it, as its documentation says", () => {
  beforeAll(async () => {
    [pool, life] = [bench.pool("unzeroed"), bench.pool("unzeroed").life];
    await soil();
  });

  test("(around a write there is old data: these tests can see it)", async () => {
    const raw = await create();
    await expectImage(raw);
    await raw.write(BLOCK + 8 * SECTOR, SECTOR, 7);
    const shown = (await read(raw.path)).subarray(BLOCK, BLOCK + OLD.length);
    expect(shown.equals(OLD)).toBe(true);
    await expect(expectImage(raw)).rejects.toThrow(/is "old data of/);
    await raw.end();
  });
});
