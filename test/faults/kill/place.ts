/** One pool and what stands in it all the time: volumes in use, whose writers must not notice, and sources of copies. */
import { writeFile } from "node:fs/promises";

import type { Snapshot__Output, VolumeGroupSnapshot__Output } from "../../../src/generated/csi.ts";
import { sha256, writeRandom } from "../../support/content.ts";
import { type Content, SMALL, type TestVolume, type VolumeLife } from "../../support/volume-life.ts";
import type { KillNode } from "./kill-node.ts";

export class Place {
  readonly node: KillNode;
  readonly pool: string;
  readonly life: VolumeLife;
  #fixtures: Fixtures | undefined;

  constructor(node: KillNode, pool: string) {
    this.node = node;
    this.pool = pool;
    this.life = node.lifeIn(pool);
  }

  get fixtures(): Fixtures {
    if (this.#fixtures === undefined) throw new Error("nothing is there yet");
    return this.#fixtures;
  }

  async furnish(): Promise<void> {
    const [one, two] = [
      await this.create(`one-${this.pool}`, "ext4"),
      await this.create(`two-${this.pool}`, "ext4"),
    ];
    for (const volume of [one, two]) await this.life.use(volume);
    const letter = await writeRandom(`${one.targetPath}/letter`, 2);
    const kept = await this.life.snapshot(`kept-${this.pool}`, one);
    const [quiet, still] = [
      await this.create(`quiet-${this.pool}`, "block"),
      await this.create(`still-${this.pool}`, "block"),
    ];
    const wild = await this.create(`wild-${this.pool}`, "btrfs");
    await this.life.stage(wild);
    const wildLetter = await writeRandom(`${wild.stagingPath}/letter`, 1);
    await this.life.unstage(wild);
    this.#fixtures = { one, two, letter, kept, quiet, still, wild, wildLetter };
  }

  create(name: string, content: Content, size = SMALL[content]): Promise<TestVolume> {
    return this.life.create(name, content, size, { parameters: { pool: this.pool } });
  }

  async group(name: string, ...volumes: readonly TestVolume[]): Promise<VolumeGroupSnapshot__Output> {
    const { group_snapshot } = await this.node.csi.groupController.createVolumeGroupSnapshot({
      name,
      source_volume_ids: volumes.map(({ id }) => id),
    });
    if (group_snapshot === null) throw new Error("CreateVolumeGroupSnapshot answered no group");
    return group_snapshot;
  }

  async deleteGroup(group: VolumeGroupSnapshot__Output): Promise<void> {
    await this.node.csi.groupController.deleteVolumeGroupSnapshot({
      group_snapshot_id: group.group_snapshot_id,
      snapshot_ids: group.snapshots.map(({ snapshot_id }) => snapshot_id),
    });
  }

  /** Written to by all rounds. */
  get journals(): readonly string[] {
    const { one, two } = this.fixtures;
    return [`${one.targetPath}/journal`, `${two.targetPath}/journal`];
  }
}

export interface Fixtures {
  /** In use. */
  readonly one: TestVolume;
  readonly two: TestVolume;
  /** The sha256 of the file of that name in `one` and in `kept`. */
  readonly letter: string;
  readonly kept: Snapshot__Output;
  /** Raw, never staged. */
  readonly quiet: TestVolume;
  readonly still: TestVolume;
  /** btrfs, not staged. */
  readonly wild: TestVolume;
  readonly wildLetter: string;
}

export async function expectLetter(directory: string, expected: string): Promise<void> {
  const found = await sha256(`${directory}/letter`);
  if (found !== expected) throw new Error(`${directory}/letter is not what was written`);
}

export const writeNote = (directory: string): Promise<void> =>
  writeFile(`${directory}/note`, "a sound filesystem", { flush: true });
