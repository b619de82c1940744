/** A random workload: what is done next is decided by chance among what can be done. */
import type { Performer } from "./performer.ts";
import { SnapshotActions } from "./snapshot-actions.ts";
import { CONTENTS, VolumeActions } from "./volume-actions.ts";
import type { World } from "./world.ts";
import { Writer } from "./writer.ts";

type Action = readonly [weight: number, () => Promise<unknown>];

export class Actions {
  readonly #tools: Performer;
  readonly #world: World;
  readonly #volumes: VolumeActions;
  readonly #actions: readonly Action[];

  constructor(tools: Performer, world: World) {
    this.#tools = tools;
    this.#world = world;
    const volumes = new VolumeActions(tools, world);
    const snapshots = new SnapshotActions(tools, world);
    this.#volumes = volumes;
    this.#actions = [
      [3, () => volumes.create()],
      [4, () => volumes.copy()],
      [7, () => volumes.use()],
      [2, () => volumes.release()],
      [2, () => volumes.grow()],
      [2, () => volumes.deleteVolume()],
      [4, () => snapshots.snapshot()],
      [3, () => snapshots.group()],
      [2, () => snapshots.deleteSnapshot()],
      [1, () => snapshots.deleteGroup()],
    ];
  }

  /** Two volumes of different kinds that are written to in turns. */
  async startPair(): Promise<void> {
    const [first = "ext4", second = "block"] = this.#tools.random.sample(CONTENTS, 2);
    const one = await this.#volumes.createVolume(first, true);
    const two = await this.#volumes.createVolume(second, true);
    if (one === undefined || two === undefined) return;
    for (const volume of [one, two]) await this.#volumes.mount(volume);
    this.#tools.writerTools.journal.write({ e: "pair", volumes: [one.name, two.name] });
    one.writer = new Writer(this.#tools.writerTools, [one, two]);
    two.writer = one.writer;
  }

  async act(): Promise<void> {
    let place = this.#tools.random.next() * this.#actions.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, action] of this.#actions) {
      place -= weight;
      if (place >= 0) continue;
      await action();
      return;
    }
  }

  /** Ends all writers. */
  async stop(): Promise<void> {
    for (const { writer } of this.#world.volumes.values()) await writer?.stop();
  }
}
