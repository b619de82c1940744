/** Volumes of all kinds in one pool, and a driver that stands still while it holds them. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import type { VolumeGroupSnapshot__Output } from "../../../src/generated/csi.ts";
import { run } from "../../support/machine-state.ts";
import { outcomeOf } from "../../support/node-bench.ts";
import { countRecords, RecordWriter } from "../../support/record-writer.ts";
import { retried } from "../../support/retried.ts";
import { type Content, fromSnapshot, type TestVolume } from "../../support/volume-life.ts";
import { KillNode } from "../kill/kill-node.ts";
import { Listing } from "../kill/listing.ts";
import { Place } from "../kill/place.ts";

export class SuspendBench {
  readonly node: KillNode;
  readonly place: Place;
  readonly one: TestVolume;
  readonly two: TestVolume;
  readonly tree: TestVolume;
  readonly raw: TestVolume;
  #number = 0;

  private constructor(
    place: Place,
    [one, two, tree, raw]: readonly [TestVolume, TestVolume, TestVolume, TestVolume],
  ) {
    this.node = place.node;
    this.place = place;
    this.one = one;
    this.two = two;
    this.tree = tree;
    this.raw = raw;
  }

  /** All in use; without a driver. */
  static async start(): Promise<SuspendBench> {
    const node = await KillNode.make(["halt"]);
    await node.start("process");
    const place = new Place(node, "halt");
    const used = async (name: string, content: Content): Promise<TestVolume> => {
      const volume = await place.create(name, content);
      await place.life.use(volume);
      return volume;
    };
    const bench = new SuspendBench(place, [
      await used("one", "ext4"),
      await used("two", "ext4"),
      await used("tree", "btrfs"),
      await used("raw", "block"),
    ]);
    await node.kill("process");
    return bench;
  }

  /** A name for a snapshot or a group, not used before. */
  named(): string {
    this.#number += 1;
    return `cut-${this.#number}`;
  }

  /** One of each kind. */
  get kinds(): readonly TestVolume[] {
    return [this.one, this.tree, this.raw];
  }

  /** A group stands still when its first snapshot has been cut, or when only the first member is held. Answers its name. */
  async standInBracket(volumes: readonly TestVolume[], held: "all" | "first" = "all"): Promise<string> {
    const name = this.named();
    const point = held === "all" ? "create-snap" : "ran dmsetup suspend";
    const pattern = `^CreateVolumeGroupSnapshot "${name}" #\\d+ ${point}`;
    await this.node.standStill(() => this.place.group(name, ...volumes), "still", pattern);
    for (const volume of volumes)
      assert.equal(await isSuspended(volume), held === "all" || volume === volumes[0], volume.name);
    return name;
  }

  /**
   * A snapshot of `one` that waits, in its bracket, until the tools are released. How it ends is in an object, so that
   * it is not awaited here.
   */
  async beginSlowly(name: string): Promise<{ readonly ended: ReturnType<typeof outcomeOf> }> {
    this.node.tools.hold();
    let ended: ReturnType<typeof outcomeOf> | undefined;
    const begin = async (): Promise<void> => {
      ended = outcomeOf(this.place.life.snapshot(name, this.one));
      await ended;
    };
    await this.node.standStill(
      begin,
      "before",
      `^CreateSnapshot "${name}" #\\d+ ran dmsetup message .* create_snap`,
    );
    if (ended === undefined) throw new Error("was not begun");
    return { ended };
  }

  /** In use: raw ones, and every third an ext4. */
  async makeMembers(count: number): Promise<readonly TestVolume[]> {
    const members: TestVolume[] = [];
    for (let index = 0; index < count; index += 1) {
      const content = index % 3 === 0 ? "ext4" : "block";
      const volume = await this.place.create(`member-${index}`, content, 16n << 20n);
      await this.place.life.use(volume);
      members.push(volume);
    }
    return members;
  }

  /** In the order of the members: the records that were in each when it was cut. */
  async countRecordsIn(
    { snapshots }: VolumeGroupSnapshot__Output,
    members: readonly TestVolume[],
  ): Promise<readonly number[]> {
    const { life } = this.place;
    const counts: number[] = [];
    for (const { id, name, content, size } of members) {
      const snapshot = snapshots.find(({ source_volume_id }) => source_volume_id === id);
      if (snapshot === undefined) throw new Error(`${name} is not in the group`);
      const copy = await life.copy(`${name}-copy`, fromSnapshot(snapshot), content, size);
      await life.use(copy);
      counts.push(await countRecords(journalOf(copy)));
      await life.end(copy);
    }
    return counts;
  }

  /** What nobody was told of is not there. */
  async expectNoCopy(): Promise<void> {
    assert.equal((await Listing.of(this.node.csi)).objects, 4);
  }

  async expectGroupRepeatable(name: string, volumes: readonly TestVolume[]): Promise<void> {
    await this.expectNoCopy();
    await this.place.deleteGroup(await this.place.group(name, ...volumes));
  }

  async expectSnapshotRepeatable(name: string, volume: TestVolume): Promise<void> {
    const made = await retried(() => this.place.life.snapshot(name, volume));
    assert.equal((await Listing.of(this.node.csi)).objects, 5);
    await this.place.life.deleteSnapshots(made);
  }
}

export const journalOf = (volume: TestVolume): string =>
  volume.content === "block" ? volume.targetPath : `${volume.targetPath}/journal`;

/** Writes into all of them while `work` is done; nobody loses a record. */
export async function whileWriting<T>(
  volumes: readonly TestVolume[],
  work: (writer: RecordWriter) => Promise<T>,
): Promise<T> {
  const journals = volumes.map(journalOf);
  const writer = await RecordWriter.slowly(10, ...journals);
  try {
    const result = await work(writer);
    const durable = await writer.stop();
    for (const journal of journals) assert.equal(await countRecords(journal), durable, journal);
    return result;
  } catch (error) {
    // A writer that hangs in the kernel would keep the suite from its end.
    for (const volume of volumes) await release(volume);
    throw error;
  } finally {
    await writer.stop();
    for (const volume of volumes) {
      if (volume.content === "block") await run("blkdiscard", volume.targetPath);
      else await run("rm", journalOf(volume));
    }
  }
}

/** As the driver should have. */
async function release({ device, content, targetPath }: TestVolume): Promise<void> {
  await run("dmsetup", "resume", device);
  if (content !== "block") await run("fsfreeze", "--unfreeze", targetPath).catch(() => "was not frozen");
}

export async function isSuspended({ device }: TestVolume): Promise<boolean> {
  return (await run("dmsetup", "info", "-c", "--noheadings", "-o", "suspended", device)) === "Suspended";
}

export const isAnySuspended = async (volumes: readonly TestVolume[]): Promise<boolean> =>
  (await Promise.all(volumes.map(isSuspended))).includes(true);

/** Answers after how many milliseconds. */
export async function untilResumed(volumes: readonly TestVolume[], timeout = 40_000): Promise<number> {
  const begin = performance.now();
  while (await isAnySuspended(volumes)) {
    assert.ok(performance.now() - begin < timeout, `suspended for ${timeout} ms`);
    await sleep(20);
  }
  return performance.now() - begin;
}
