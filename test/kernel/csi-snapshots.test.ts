/** Snapshots, restores and clones of volumes with a filesystem: what they hold, and that any of them may go first. */
import { readFile, rm, writeFile } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { sha256, writeRandom } from "../support/content.ts";
import { expectCode, expectNothingLeft, NodeBench } from "../support/node-bench.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { FILESYSTEMS, fromSnapshot, fromVolume, SMALL, type TestVolume } from "../support/volume-life.ts";

const MIB = 1n << 20n;

let bench: NodeBench;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "csi-snap", dataSize: "16GiB" });
});
afterAll(() => bench.stop());

const letterOf = ({ targetPath }: TestVolume): string => `${targetPath}/letter`;
const journalOf = ({ targetPath }: TestVolume): string => `${targetPath}/journal`;

/** Bytes that the filesystem has in all. */
async function totalOf(volume: TestVolume): Promise<bigint> {
  const [usage] = await bench.life.stats(volume);
  return BigInt(usage?.total ?? 0);
}

describe.each(FILESYSTEMS)("copies of a volume with %s", (fsType) => {
  const size = SMALL[fsType];

  test("hold all that was durable when they were taken of a volume in use, and are mounted beside it", async () => {
    await expectNothingLeft(bench, async () => {
      const { life } = bench;
      const origin = await life.create(`live-${fsType}`, fsType);
      await life.use(origin);
      const letter = await writeRandom(letterOf(origin), 4);
      const writer = await RecordWriter.start(journalOf(origin));
      const beforeSnapshot = writer.durable;
      const snapshot = await life.snapshot(`live-${fsType}`, origin);
      // One more may be durable without being counted yet.
      const afterSnapshot = writer.durable + 1;
      await writer.reach(5);
      const beforeClone = writer.durable;
      const clone = await life.copy(`clone-${fsType}`, fromVolume(origin), fsType, size);
      const afterClone = writer.durable + 1;
      await writer.reach(5);
      const durable = await writer.stop();
      expect(snapshot).toMatchObject({
        ready_to_use: true,
        size_bytes: `${size}`,
        source_volume_id: origin.id,
      });
      const changed = await writeRandom(letterOf(origin), 4);

      const equal = await life.copy(`equal-${fsType}`, fromSnapshot(snapshot), fsType, size);
      const larger = await life.copy(`larger-${fsType}`, fromSnapshot(snapshot), fsType, size + 128n * MIB);
      const copies = [equal, larger, clone];
      for (const copy of copies) await life.use(copy);
      for (const copy of copies) expect(await sha256(letterOf(copy))).toBe(letter);
      expect(await sha256(letterOf(origin))).toBe(changed);
      const records = await Promise.all([origin, ...copies].map((each) => countRecords(journalOf(each))));
      const [inOrigin = 0, inEqual = 0, inLarger = 0, inClone = 0] = records;
      expect(inOrigin).toBe(durable);
      expect(inEqual).toBeGreaterThanOrEqual(beforeSnapshot);
      expect(inEqual).toBeLessThanOrEqual(afterSnapshot);
      expect(inLarger).toBe(inEqual);
      expect(inClone).toBeGreaterThanOrEqual(beforeClone);
      expect(inClone).toBeLessThanOrEqual(afterClone);
      expect(await totalOf(equal)).toBe(await totalOf(origin));
      expect(await totalOf(larger)).toBeGreaterThanOrEqual((await totalOf(origin)) + 100n * MIB);

      // Each is on its own from now on.
      await rm(letterOf(equal));
      await writeFile(letterOf(larger), "another");
      expect(await sha256(letterOf(clone))).toBe(letter);
      expect(await sha256(letterOf(origin))).toBe(changed);
      await life.end(...copies, origin);
      await life.deleteSnapshots(snapshot);
    });
  });

  test("of volumes at rest outlive their origins, and copies of copies outlive those", async () => {
    await expectNothingLeft(bench, async () => {
      const { life } = bench;
      const origin = await life.create(`rest-${fsType}`, fsType);
      await life.use(origin);
      const letter = await writeRandom(letterOf(origin), 2);
      await life.release(origin);
      const first = await life.snapshot(`first-${fsType}`, origin);
      await life.delete(origin);

      const restored = await life.copy(`restored-${fsType}`, fromSnapshot(first), fsType, size);
      await life.use(restored);
      expect(await sha256(letterOf(restored))).toBe(letter);
      await life.deleteSnapshots(first);
      expect(await sha256(letterOf(restored))).toBe(letter);
      await writeFile(journalOf(restored), "of the second generation");
      const second = await life.snapshot(`second-${fsType}`, restored);
      await life.end(restored);

      const last = await life.copy(`last-${fsType}`, fromSnapshot(second), fsType, size);
      const clone = await life.copy(`last-clone-${fsType}`, fromVolume(last), fsType, size);
      await life.deleteSnapshots(second);
      for (const each of [clone, last]) {
        await life.use(each);
        expect(await sha256(letterOf(each))).toBe(letter);
        expect(await readFile(journalOf(each), "utf8")).toBe("of the second generation");
        await life.end(each);
      }
    });
  });

  test("of a volume that was never staged are as blank as it is, and are formatted when they are staged", async () => {
    await expectNothingLeft(bench, async () => {
      const { life } = bench;
      const origin = await life.create(`blank-${fsType}`, fsType);
      const snapshot = await life.snapshot(`blank-${fsType}`, origin);
      const restored = await life.copy(`from-blank-${fsType}`, fromSnapshot(snapshot), fsType, size);
      const clone = await life.copy(`clone-blank-${fsType}`, fromVolume(origin), fsType, size);
      for (const each of [restored, origin, clone]) {
        await life.use(each);
        await writeFile(letterOf(each), each.name);
      }
      for (const each of [restored, origin, clone]) {
        await life.release(each);
        await life.use(each);
        expect(await readFile(letterOf(each), "utf8")).toBe(each.name);
      }
      await life.end(clone, origin, restored);
      await life.deleteSnapshots(snapshot);
    });
  });
});

test("a copy smaller than its source, or with another filesystem, is refused", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const origin = await life.create("source", "ext4");
    await life.use(origin);
    const snapshot = await life.snapshot("source", origin);
    for (const source of [fromSnapshot(snapshot), fromVolume(origin)]) {
      await expectCode(life.copy("copy", source, "ext4", SMALL.ext4 - 4096n), "OUT_OF_RANGE");
    }
    await expectCode(
      life.copy("copy", fromSnapshot(snapshot), "xfs", SMALL.xfs),
      "INVALID_ARGUMENT",
      /holds ext4/,
    );
    await life.deleteSnapshots(snapshot);
    await expectCode(life.copy("copy", fromSnapshot(snapshot), "ext4", SMALL.ext4), "NOT_FOUND");
    await life.end(origin);
    await expectCode(life.copy("copy", fromVolume(origin), "ext4", SMALL.ext4), "NOT_FOUND");
    await expectCode(life.snapshot("source", origin), "NOT_FOUND");
  });
});
