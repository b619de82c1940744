/** A hundred volumes on one pool, several at a time, and nothing left of them afterwards. */
import { afterAll, beforeAll, expect, test } from "vitest";

import { sha256, sha256Raw, writeRandom, writeRaw } from "../support/content.ts";
import { expectNothingLeft, NodeBench } from "../support/node-bench.ts";
import { fromSnapshot, SMALL, type Content, type TestVolume } from "../support/volume-life.ts";

const VOLUMES = 100;
const AT_ONCE = 4;
/** Of ten volumes; xfs and btrfs are dear to make. */
const MIX = ["ext4", "ext4", "ext4", "ext4", "ext4", "block", "block", "block", "xfs", "btrfs"] as const;
const MEBIBYTES = 2;
const RAW_PLACE = { mebibyte: 7, count: MEBIBYTES };

let bench: NodeBench;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "csi-many", dataSize: "64GiB" });
});
afterAll(() => bench.stop());

interface Member {
  readonly volume: TestVolume;
  readonly written: string;
}

/** All of them, a few at a time, in the order given. */
async function each<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = all.entries();
  const worker = async (): Promise<void> => {
    for (const [index, one] of rest) results[index] = await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

const write = ({ content, targetPath }: TestVolume): Promise<string> =>
  content === "block" ? writeRaw(targetPath, RAW_PLACE) : writeRandom(`${targetPath}/letter`, MEBIBYTES);

const read = ({ content, targetPath }: TestVolume): Promise<string> =>
  content === "block" ? sha256Raw(targetPath, RAW_PLACE) : sha256(`${targetPath}/letter`);

/** Says where the time went. */
async function timed<T>(what: string, work: Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work;
  console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

test(
  "a hundred volumes are written, snapshotted, restored, verified and deleted",
  { timeout: 300_000 },
  async () => {
    await expectNothingLeft(bench, async () => {
      const { life, csi } = bench;
      const kinds = Array.from({ length: VOLUMES }, (_one, index) => MIX[index % MIX.length] as Content);
      const members = await timed(
        "create, stage, publish, write",
        each([...kinds.entries()], async ([index, content]): Promise<Member> => {
          const volume = await life.create(`many-${index}`, content);
          await life.use(volume);
          return { volume, written: await write(volume) };
        }),
      );
      expect((await csi.controller.listVolumes({})).entries).toHaveLength(VOLUMES);
      const snapshots = await timed(
        "snapshot",
        each(members, ({ volume }) => life.snapshot(volume.name, volume)),
      );
      await timed(
        "overwrite, restore, verify, delete the restored",
        each([...members.entries()], async ([index, { volume, written }]) => {
          const changed = await write(volume);
          const snapshot = snapshots[index];
          if (snapshot === undefined) throw new Error(`no snapshot of ${volume.name}`);
          const size = SMALL[volume.content];
          const copy = await life.copy(`copy-${index}`, fromSnapshot(snapshot), volume.content, size);
          await life.use(copy);
          expect(await read(copy)).toBe(written);
          expect(await read(volume)).toBe(changed);
          await life.end(copy);
        }),
      );
      await timed(
        "delete",
        each([...members.entries()], async ([index, { volume }]) => {
          const snapshot = snapshots[index];
          if (snapshot !== undefined) await life.deleteSnapshots(snapshot);
          await life.end(volume);
        }),
      );
    });
    // Not even one that the pool had before: this was all there ever was.
    const { thins, usedBlocks } = await bench.state();
    expect(thins).toEqual([]);
    expect(usedBlocks).toMatch(/^0\//);
  },
);
