/** Volumes with a filesystem over CSI, from creation to deletion, on a driver that may die in between. */
import { access, readFile, writeFile } from "node:fs/promises";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { sha256, writeRandom } from "../support/content.ts";
import { mountOptions, run } from "../support/machine-state.ts";
import { expectCode, expectNothingLeft, NodeBench } from "../support/node-bench.ts";
import { countRecords, RecordWriter } from "../support/record-writer.ts";
import { FILESYSTEMS, SMALL, type TestVolume } from "../support/volume-life.ts";

let bench: NodeBench;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "csi-fs", dataSize: "8GiB" });
});
afterAll(() => bench.stop());

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const filesystemUuid = ({ targetPath }: TestVolume): Promise<string> =>
  run("findmnt", "--noheadings", "--output", "UUID", "--mountpoint", targetPath);

/** Mounts at a path, one on the other. */
async function layers(path: string): Promise<number> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return text.split("\n").filter((line) => line.split(" ")[4] === path).length;
}

test.each(FILESYSTEMS)(
  "a volume with %s keeps what was written when it is staged again, and leaves nothing when it is deleted",
  async (fsType) => {
    await expectNothingLeft(bench, async () => {
      const { life } = bench;
      const volume = await life.create(`life-${fsType}`, fsType);
      expect(volume.size).toBe(SMALL[fsType]);
      await life.use(volume);
      const mounted = await run("findmnt", "--noheadings", "--output", "FSTYPE", volume.targetPath);
      expect(mounted).toBe(fsType);
      const written = await writeRandom(`${volume.targetPath}/letter`, 8);
      const uuid = await filesystemUuid(volume);

      await life.unpublish(volume);
      expect(await exists(volume.targetPath)).toBe(false);
      expect(await layers(volume.stagingPath)).toBe(1);
      await life.unstage(volume);
      expect(await exists(`/dev/mapper/${volume.device}`)).toBe(false);

      await life.use(volume);
      expect(await sha256(`${volume.targetPath}/letter`)).toBe(written);
      expect(await filesystemUuid(volume)).toBe(uuid);
      await life.end(volume);
    });
  },
);

describe.each(FILESYSTEMS)("a volume with %s", (fsType) => {
  let volume: TestVolume;

  beforeAll(async () => {
    volume = await bench.life.create(`used-${fsType}`, fsType);
    await bench.life.stage(volume);
  });
  beforeEach(() => bench.life.publish(volume));
  afterEach(() => bench.life.unpublish(volume));
  afterAll(async () => {
    await bench.life.unstage(volume);
    await bench.life.delete(volume);
  });

  test("tells how much of it is used", async () => {
    const { life } = bench;
    const before = await life.stats(volume);
    await writeRandom(`${volume.targetPath}/counted`, 8);
    await run("sync", "--file-system", volume.targetPath);
    const after = await life.stats(volume);
    // btrfs has no fixed number of inodes.
    const units = fsType === "btrfs" ? ["BYTES"] : ["BYTES", "INODES"];
    expect(after.map(({ unit }) => unit)).toEqual(units);
    for (const { total, used, available } of after) {
      expect(BigInt(used) + BigInt(available)).toBeLessThanOrEqual(BigInt(total));
      expect(BigInt(available)).toBeGreaterThan(0n);
    }
    const [bytes, inodes] = after;
    const [bytesBefore, inodesBefore] = before;
    expect(BigInt(bytes?.total ?? 0)).toBeLessThanOrEqual(volume.size);
    expect(BigInt(bytes?.total ?? 0)).toBeGreaterThan((volume.size * 3n) / 4n);
    const grown = BigInt(bytes?.used ?? 0) - BigInt(bytesBefore?.used ?? 0);
    expect(grown).toBeGreaterThanOrEqual(8n << 20n);
    expect(grown).toBeLessThan(10n << 20n);
    if (inodes !== undefined) expect(BigInt(inodes.used) - BigInt(inodesBefore?.used ?? 0)).toBe(1n);
    expect(await life.stats(volume, volume.stagingPath)).toEqual(after);
  });

  test("is published at a second path only for several writers, and all see one content", async () => {
    const { life } = bench;
    const second = life.otherTarget(volume, "second");
    for (const mode of [
      "SINGLE_NODE_WRITER",
      "SINGLE_NODE_SINGLE_WRITER",
      "SINGLE_NODE_READER_ONLY",
    ] as const) {
      await expectCode(life.publish(volume, { target: second, mode }), "FAILED_PRECONDITION", /published at/);
      expect(await exists(second)).toBe(false);
      // The first path again is no second one.
      if (mode !== "SINGLE_NODE_READER_ONLY") await life.publish(volume, { mode });
    }
    await life.publish(volume, { target: second, mode: "SINGLE_NODE_MULTI_WRITER" });
    await writeFile(`${volume.targetPath}/letter`, "from the first");
    expect(await readFile(`${second}/letter`, "utf8")).toBe("from the first");
    await life.unpublish(volume, second);
    expect(await exists(second)).toBe(false);
    expect(await readFile(`${volume.targetPath}/letter`, "utf8")).toBe("from the first");
  });

  test.each([
    { how: "by a read-only publish", usage: { readonly: true } },
    { how: "by a reader-only access mode", usage: { mode: "SINGLE_NODE_READER_ONLY" } as const },
  ])("can be read and not be written where it is protected $how", async ({ usage }) => {
    const { life } = bench;
    await writeFile(`${volume.targetPath}/letter`, "written before");
    await life.unpublish(volume);
    await life.publish(volume, usage);
    expect((await mountOptions(volume.targetPath))?.mount).toContain("ro");
    expect(await readFile(`${volume.targetPath}/letter`, "utf8")).toBe("written before");
    await expect(writeFile(`${volume.targetPath}/letter`, "changed")).rejects.toThrow("EROFS");
    await expect(writeFile(`${volume.targetPath}/new`, "")).rejects.toThrow("EROFS");
    // The same again is done, the other way round is refused.
    await life.publish(volume, usage);
    await expectCode(life.publish(volume), "ALREADY_EXISTS", /read-only/);
  });
});

test("volumes of every filesystem are written to while the driver is killed and started again", async () => {
  await expectNothingLeft(bench, async () => {
    const { life } = bench;
    const volumes: TestVolume[] = [];
    const writers: RecordWriter[] = [];
    for (const fsType of FILESYSTEMS) {
      const volume = await life.create(`restart-${fsType}`, fsType);
      await life.use(volume);
      volumes.push(volume);
      writers.push(await RecordWriter.start(`${volume.targetPath}/journal`));
    }
    const allReach = (more: number): Promise<unknown> =>
      Promise.all(writers.map((writer) => writer.reach(more)));
    await bench.driver.kill();
    await allReach(20);
    await bench.restart();
    await allReach(5);
    for (const [index, volume] of volumes.entries()) {
      // Every call of the past is repeated, as kubelet does after it missed answers.
      expect(await life.create(volume.name, volume.content)).toEqual(volume);
      await life.use(volume);
      expect(await layers(volume.targetPath)).toBe(1);
      expect(await layers(volume.stagingPath)).toBe(1);
      await expectCode(bench.csi.controller.deleteVolume({ volume_id: volume.id }), "FAILED_PRECONDITION");
      await writers[index]?.reach(5);
      const durable = await writers[index]?.stop();
      await life.release(volume);
      await life.release(volume);
      await life.use(volume);
      expect(await countRecords(`${volume.targetPath}/journal`)).toBe(durable);
      await life.end(volume);
      await life.delete(volume);
    }
  });
});
