/** Growth over CSI: online, offline, repeated, refused. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { sha256, writeRandom } from "../support/content.ts";
import { run } from "../support/machine-state.ts";
import { expectCode, expectNothingLeft, NodeBench } from "../support/node-bench.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { FILESYSTEMS, fromSnapshot, SMALL, type Content, type TestVolume } from "../support/volume-life.ts";

const MIB = 1n << 20n;
const MORE = 128n * MIB;

let bench: NodeBench;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "csi-grow", dataSize: "8GiB" });
});
afterAll(() => bench.stop());

/** Bytes that its user has: of the filesystem, or of the raw device. */
async function totalOf(volume: TestVolume): Promise<bigint> {
  const [usage] = await bench.life.stats(volume);
  return BigInt(usage?.total ?? 0);
}

const deviceSize = async ({ device }: TestVolume): Promise<bigint> =>
  BigInt(await run("blockdev", "--getsize64", `/dev/mapper/${device}`));

const journalOf = ({ content, targetPath }: TestVolume): string =>
  content === "block" ? targetPath : `${targetPath}/journal`;

describe.each<Content>([...FILESYSTEMS, "block"])("a volume with %s", (content) => {
  const small = SMALL[content];

  test("grows while it is written to and has snapshots, once, however often it is asked", async () => {
    await expectNothingLeft(bench, async () => {
      const { life } = bench;
      const volume = await life.create(`online-${content}`, content);
      await life.use(volume);
      const writer = await RecordWriter.start(journalOf(volume));
      const snapshot = await life.snapshot(`online-${content}`, volume);
      const before = await totalOf(volume);
      expect(await life.enlarge(volume, small + MORE)).toBe(small + MORE);
      expect(await life.enlarge(volume, small + MORE)).toBe(small + MORE);
      expect(await deviceSize(volume)).toBe(small);
      expect(await life.expandOnNode(volume, small + MORE)).toBe(small + MORE);
      const grown = await totalOf(volume);
      expect(grown).toBeGreaterThanOrEqual(before + 100n * MIB);
      expect(grown).toBeLessThanOrEqual(small + MORE);
      // Without a size it is the record's; by the staging path it is the same volume.
      expect(await life.expandOnNode(volume)).toBe(small + MORE);
      expect(await life.expandOnNode(volume, small, volume.stagingPath)).toBe(small + MORE);
      expect(await totalOf(volume)).toBe(grown);
      expect(await deviceSize(volume)).toBe(small + MORE);
      await writer.reach(10);
      const durable = await writer.stop();
      expect(await countRecords(journalOf(volume))).toBe(durable);

      // The snapshot is as large as its origin was when it was cut.
      expect(snapshot.size_bytes).toBe(`${small}`);
      const copy = await life.copy(`online-${content}-copy`, fromSnapshot(snapshot), content, small);
      expect(copy.size).toBe(small);
      await life.use(copy);
      expect(await totalOf(copy)).toBe(before);
      expect(await countRecords(journalOf(copy))).toBeLessThanOrEqual(durable);
      await life.end(copy, volume);
      await life.deleteSnapshots(snapshot);
    });
  });

  test("that is not in use grows when it is staged next", async () => {
    await expectNothingLeft(bench, async () => {
      const { life } = bench;
      const volume = await life.create(`offline-${content}`, content);
      await life.use(volume);
      const before = await totalOf(volume);
      const filesystem = content !== "block";
      const letter = filesystem ? await writeRandom(`${volume.targetPath}/letter`, 1) : "";
      await life.release(volume);
      expect(await life.enlarge(volume, small + MORE)).toBe(small + MORE);
      await expectCode(life.expandOnNode(volume, small + MORE), "FAILED_PRECONDITION", /not staged/);
      await life.use(volume);
      expect(await totalOf(volume)).toBeGreaterThanOrEqual(before + 100n * MIB);
      expect(await deviceSize(volume)).toBe(small + MORE);
      if (filesystem) expect(await sha256(`${volume.targetPath}/letter`)).toBe(letter);
      await life.end(volume);
    });
  });
});

test("a volume never shrinks, and never grows beyond its record or its pool", async () => {
  await expectNothingLeft(bench, async () => {
    const { life, csi } = bench;
    const volume = await life.create("bounded", "ext4");
    await life.use(volume);
    const size = SMALL.ext4;
    const expand = (range: { required_bytes?: string; limit_bytes?: string }) =>
      csi.controller.controllerExpandVolume({ volume_id: volume.id, capacity_range: range });
    // Less than it has: it has that much already. At most less than it has: it would have to shrink.
    expect(await expand({ required_bytes: `${size / 2n}` })).toMatchObject({ capacity_bytes: `${size}` });
    await expectCode(expand({ limit_bytes: `${size / 2n}` }), "OUT_OF_RANGE", /cannot shrink/);
    await expectCode(expand({ required_bytes: `${size + 1n}`, limit_bytes: `${size + 2n}` }), "OUT_OF_RANGE");
    await expectCode(life.enlarge(volume, 9n << 30n), "OUT_OF_RANGE", /can still be promised/);
    await expectCode(life.expandOnNode(volume, size + 4096n), "OUT_OF_RANGE", /ControllerExpandVolume first/);
    expect(await life.expandOnNode(volume, size)).toBe(size);
    expect(await deviceSize(volume)).toBe(size);
    expect(await life.enlarge(volume, size + 1n)).toBe(size + 4096n);
    await life.end(volume);
    await expectCode(life.enlarge(volume, size * 2n), "NOT_FOUND");
    await expectCode(life.expandOnNode(volume, size * 2n), "NOT_FOUND");
  });
});

test("growth that the driver had no time for is made good by the next one", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const volume = await life.create("interrupted", "xfs");
    await life.use(volume);
    const before = await totalOf(volume);
    await life.enlarge(volume, volume.size + MORE);
    await bench.driver.kill();
    await bench.restart();
    // kubelet repeats NodeStageVolume as well, which brings the volume up to its record too.
    await life.stage(volume);
    expect(await totalOf(volume)).toBeGreaterThanOrEqual(before + 100n * MIB);
    expect(await life.expandOnNode(volume, volume.size + MORE)).toBe(volume.size + MORE);
    await life.end(volume);
  });
});
