/** A hundred volumes on one pool, several at a time, and nothing left of them afterwards. */
import { afterAll, beforeAll, expect, test } from "vitest";

import { sha256, sha256Raw, writeRandom, writeRaw } from "../support/content.ts";
import { expectNothingLeft, NodeBench } from "../support/node-bench.ts";
import { fromSnapshot, type Content, type TestVolume } from "../support/volume-life.ts";

const VOLUMES = 100;
const AT_ONCE = 4;
/** Of ten volumes; xfs and btrfs are dear to make. */
const MIX = ["ext4", "ext4", "ext4", "ext4", "ext4", "block", "block", "block", "xfs", "btrfs"] as const;
const RAW_PLACE = { mebibyte: 7, count: 2 };

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

/** Where its user writes. The volumes are staged only: publishing is a bind mount, and costs as much time again. */
const place = ({ content, device, stagingPath }: TestVolume): string =>
  content === "block" ? `/dev/mapper/${device}` : `${stagingPath}/letter`;

const write = (volume: TestVolume): Promise<string> =>
  volume.content === "block"
    ? writeRaw(place(volume), RAW_PLACE)
    : writeRandom(place(volume), RAW_PLACE.count);

const read = (volume: TestVolume): Promise<string> =>
  volume.content === "block" ? sha256Raw(place(volume), RAW_PLACE) : sha256(place(volume));

/** Says where the time went. */
async function timed<T>(what: string, work: Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work;
  console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

test(
  "a hundred volumes are written, snapshotted, restored, verified and deleted",
  { timeout: 600_000 },
  async () => {
    await expectNothingLeft(bench, async () => {
      const { life, csi } = bench;
      const contents = Array.from({ length: VOLUMES }, (_one, index) => MIX[index % MIX.length] as Content);
      const members = await timed(
        "create, stage, write",
        each([...contents.entries()], async ([index, content]): Promise<Member> => {
          const volume = await life.create(`many-${index}`, content);
          await life.stage(volume);
          return { volume, written: await write(volume) };
        }),
      );
      const cuts = await timed(
        "snapshot",
        each(members, async (member) => ({
          ...member,
          snapshot: await life.snapshot(member.volume.name, member.volume),
        })),
      );
      expect((await csi.controller.listVolumes({})).entries).toHaveLength(VOLUMES);
      expect((await csi.controller.listSnapshots({})).entries).toHaveLength(VOLUMES);
      const copies = await timed(
        "restore",
        each(cuts, ({ volume, snapshot }) =>
          life.copy(`copy-${volume.name}`, fromSnapshot(snapshot), volume.content, volume.size),
        ),
      );
      await timed(
        "verify, delete",
        each([...cuts.entries()], async ([index, { volume, written, snapshot }]) => {
          const copy = copies[index] ?? volume;
          await life.stage(copy);
          expect(await read(copy)).toBe(written);
          for (const one of [copy, volume]) {
            await life.unstage(one);
            await life.delete(one);
          }
          await life.deleteSnapshots(snapshot);
        }),
      );
    });
    // Not even one that the pool had before: this was all there ever was.
    const { thins, usedBlocks } = await bench.state();
    expect(thins).toEqual([]);
    expect(usedBlocks).toMatch(/^0\//);
  },
);
