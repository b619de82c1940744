/** Raw block volumes over CSI: what a pod with a block device in its hands sees. */
import { open, stat } from "node:fs/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import { sha256OfZeros, sha256Raw, writeRaw } from "../support/content.ts";
import { run } from "../support/machine-state.ts";
import { expectCode, expectNothingLeft, NodeBench } from "../support/node-bench.ts";
import { fromSnapshot, fromVolume, type TestVolume } from "../support/volume-life.ts";

const MIB = 1n << 20n;
const SIZE = 32n * MIB;
/** All of the pool's data; what one volume filled, the next one gets. */
const POOL = 256n * MIB;

let bench: NodeBench;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "csi-block", dataSize: `${POOL}` });
});
afterAll(() => bench.stop());

const sizeOf = async (path: string): Promise<bigint> => BigInt(await run("blockdev", "--getsize64", path));

test("a raw volume is a device of exactly its size and keeps what direct I/O wrote", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const volume = await life.create("life", "block", SIZE);
    await life.use(volume);
    expect((await stat(volume.targetPath)).isBlockDevice()).toBe(true);
    expect(await sizeOf(volume.targetPath)).toBe(SIZE);
    expect(await life.stats(volume)).toMatchObject([{ unit: "BYTES", total: `${SIZE}` }]);
    const at = { mebibyte: 28, count: 4 };
    const written = await writeRaw(volume.targetPath, at);
    expect(await sha256Raw(volume.targetPath, at)).toBe(written);
    await life.release(volume);
    await expect(stat(volume.targetPath)).rejects.toThrow("ENOENT");
    await expect(stat(`/dev/mapper/${volume.device}`)).rejects.toThrow("ENOENT");

    await life.use(volume);
    expect(await sha256Raw(volume.targetPath, at)).toBe(written);
    expect(await sha256Raw(volume.targetPath, { mebibyte: 0, count: 28 })).toBe(sha256OfZeros(28));
    await life.end(volume);
  });
});

test("a raw volume that is staged is not deleted, though no program has it open", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const volume = await life.create("kept", "block", SIZE);
    await life.stage(volume);
    const staged = /is staged at .*; delete the pods that use it first/;
    await expectCode(life.delete(volume), "FAILED_PRECONDITION", staged);
    await life.publish(volume);
    await expectCode(life.delete(volume), "FAILED_PRECONDITION", staged);
    expect(await sizeOf(volume.targetPath)).toBe(SIZE);
    await life.end(volume);
  });
});

test("a raw volume published read-only can be read and not be written", async () => {
  const { life } = bench;
  const volume = await life.create("reader", "block", SIZE);
  await life.use(volume);
  const at = { mebibyte: 1, count: 1 };
  const written = await writeRaw(volume.targetPath, at);
  await life.unpublish(volume);
  await life.publish(volume, { readonly: true });
  await expect(writeRaw(volume.targetPath, at)).rejects.toThrow(/not permitted|read-only|denied/i);
  expect(await sha256Raw(volume.targetPath, at)).toBe(written);
  await life.unpublish(volume);
  await life.publish(volume);
  const changed = await writeRaw(volume.targetPath, at);
  expect(await sha256Raw(volume.targetPath, at)).toBe(changed);
  await life.end(volume);
});

test("several writers have one raw device at several paths", async () => {
  const { life } = bench;
  const volume = await life.create("shared", "block", SIZE);
  const mode = "SINGLE_NODE_MULTI_WRITER";
  await life.use(volume, { mode });
  const second = life.otherTarget(volume, "second");
  await expectCode(life.publish(volume, { target: second }), "FAILED_PRECONDITION", /published at/);
  await life.publish(volume, { target: second, mode });
  // One device cannot be writable for one and read-only for the other.
  const third = life.otherTarget(volume, "third");
  await expectCode(
    life.publish(volume, { target: third, mode, readonly: true }),
    "FAILED_PRECONDITION",
    /either for all/,
  );
  const at = { mebibyte: 0, count: 1 };
  const written = await writeRaw(volume.targetPath, at);
  expect(await sha256Raw(second, at)).toBe(written);
  await life.unpublish(volume, second);
  expect(await sha256Raw(volume.targetPath, at)).toBe(written);
  await life.end(volume);
});

test("a raw volume grows while it is held open, and what it held stays", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const volume = await life.create("growing", "block", SIZE);
    await life.use(volume);
    const old = { mebibyte: 31, count: 1 };
    const written = await writeRaw(volume.targetPath, old);
    const holder = await open(volume.targetPath, "r+");
    expect(await life.enlarge(volume, SIZE * 2n)).toBe(SIZE * 2n);
    expect(await sizeOf(volume.targetPath)).toBe(SIZE);
    expect(await life.expandOnNode(volume, SIZE * 2n)).toBe(SIZE * 2n);
    expect(await sizeOf(volume.targetPath)).toBe(SIZE * 2n);
    const added = { mebibyte: 62, count: 2 };
    expect(await sha256Raw(volume.targetPath, added)).toBe(sha256OfZeros(2));
    const more = await writeRaw(volume.targetPath, added);
    expect(await sha256Raw(volume.targetPath, added)).toBe(more);
    expect(await sha256Raw(volume.targetPath, old)).toBe(written);
    expect(await life.stats(volume)).toMatchObject([{ unit: "BYTES", total: `${SIZE * 2n}` }]);
    await holder.close();
    await life.end(volume);
  });
});

test("copies of a raw volume in use hold what it held, also where they are larger", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const at = { mebibyte: 2, count: 4 };
    const origin = await life.create("origin", "block", SIZE);
    await life.use(origin);
    const before = await writeRaw(origin.targetPath, at);
    const snapshot = await life.snapshot("cut", origin);
    expect(snapshot).toMatchObject({ size_bytes: `${SIZE}`, ready_to_use: true });
    const after = await writeRaw(origin.targetPath, at);
    const equal = await life.copy("equal", fromSnapshot(snapshot), "block", SIZE);
    const larger = await life.copy("larger", fromSnapshot(snapshot), "block", SIZE + 4n * MIB);
    const clone = await life.copy("clone", fromVolume(origin), "block", SIZE);
    for (const copy of [equal, larger, clone]) await life.use(copy);
    expect(await sizeOf(larger.targetPath)).toBe(SIZE + 4n * MIB);
    const held = await Promise.all(
      [origin, equal, larger, clone].map(({ targetPath }) => sha256Raw(targetPath, at)),
    );
    expect(held).toEqual([after, before, before, after]);
    expect(await sha256Raw(larger.targetPath, { mebibyte: 32, count: 4 })).toBe(sha256OfZeros(4));
    // Each is on its own from now on.
    await writeRaw(equal.targetPath, at);
    expect(await sha256Raw(larger.targetPath, at)).toBe(before);
    expect(await sha256Raw(origin.targetPath, at)).toBe(after);
    await life.end(equal, larger, clone, origin);
    await life.deleteSnapshots(snapshot);
  });
});

const OLD = Buffer.alloc(1 << 20, "old data ");
const STRIDE = 64 << 10;
const NEW = Buffer.alloc(4096, "new");

/** Fills a device to its end. */
async function fill({ targetPath, size }: TestVolume): Promise<void> {
  const device = await open(targetPath, "r+");
  for (let at = 0; at < Number(size); at += OLD.length) await device.write(OLD, 0, OLD.length, at);
  await device.sync();
  await device.close();
}

/** Whether the device holds nothing but zeros and what was written into the beginning of each pool block. */
async function holdsOnlyNew({ targetPath, size }: TestVolume): Promise<boolean> {
  const expected = Buffer.alloc(1 << 20);
  for (let at = 0; at < expected.length; at += STRIDE) NEW.copy(expected, at);
  const device = await open(targetPath, "r");
  try {
    const found = Buffer.alloc(expected.length);
    for (let at = 0; at < Number(size); at += expected.length) {
      await device.read(found, 0, found.length, at);
      if (!found.equals(expected)) return false;
    }
    return true;
  } finally {
    await device.close();
  }
}

test("a new volume shows nothing of a deleted one, although it gets the same blocks", async () => {
  const { life } = bench;
  const size = POOL - 32n * MIB;
  const old = await life.create("old", "block", size);
  await life.use(old);
  await fill(old);
  await life.end(old);
  // The pool's own device still has it: there is something that could be shown.
  const data = await open(`/dev/mapper/dmthin-${bench.pool}-data`, "r");
  const left = await data.read(Buffer.alloc(1 << 20), 0, 1 << 20, Number(POOL / 2n));
  await data.close();
  expect(left.buffer.includes("old data old data")).toBe(true);

  const volume = await life.create("new", "block", size);
  await life.use(volume);
  expect(await sha256Raw(volume.targetPath, { mebibyte: 0, count: 64 })).toBe(sha256OfZeros(64));
  const device = await open(volume.targetPath, "r+");
  for (let at = 0; at < Number(size); at += STRIDE) await device.write(NEW, 0, NEW.length, at);
  await device.sync();
  await device.close();
  await run("blockdev", "--flushbufs", volume.targetPath);
  expect(await holdsOnlyNew(volume)).toBe(true);
  await life.end(volume);
});

test("a raw volume may hold a filesystem that is none of the driver's business", async () => {
  const { life } = bench;
  const volume = await life.create("own-filesystem", "block", SIZE);
  await life.use(volume);
  await run("mkfs.ext4", "-q", volume.targetPath);
  await life.release(volume);
  await life.use(volume);
  expect(await run("blkid", "--probe", "--match-tag", "TYPE", "--output", "value", volume.targetPath)).toBe(
    "ext4",
  );
  await expectCode(life.stage(volume, { content: "ext4" }), "FAILED_PRECONDITION", /block/);
  await life.end(volume);
});
