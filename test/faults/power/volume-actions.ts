/** What a workload does with volumes: each action picks its volume, and does nothing where none is fit for it. */
import { fromSnapshot, fromVolume, SMALL } from "../../support/volume-life.ts";
import type { Content, TestVolume } from "../../support/volume-life.ts";
import { retried } from "../../support/retried.ts";
import type { Operation } from "./events.ts";
import type { Performer } from "./performer.ts";
import { changing, reading, type Volume, type World } from "./world.ts";
import { Writer } from "./writer.ts";

const MIB = 1n << 20n;
export const CONTENTS: readonly Content[] = ["ext4", "xfs", "btrfs", "block"];
const MOST_ANCESTORS = 5;
const MOST_GROWTHS = 2;

export class VolumeActions {
  readonly #tools: Performer;
  readonly #world: World;

  constructor(tools: Performer, world: World) {
    this.#tools = tools;
    this.#world = world;
  }

  async create(): Promise<void> {
    if (this.#world.room().volumes < 1) return;
    await this.createVolume(this.#tools.random.pick(CONTENTS) ?? "ext4", false);
  }

  async createVolume(content: Content, paired: boolean): Promise<Volume | undefined> {
    const name = this.#world.name("v");
    const what: Operation = { kind: "create", volume: name, content, size: SMALL[content].toString() };
    return this.#addVolume(what, [], paired, () => this.#tools.life.create(name, content));
  }

  async copy(): Promise<void> {
    if (this.#world.room().volumes < 1) return;
    const { volumes, snapshots } = this.#world.free("read");
    const from = this.#tools.random.pick([...volumes, ...snapshots, ...snapshots]);
    if (from === undefined || from.ancestors.length >= MOST_ANCESTORS) return;
    const { content, size } = from.kind === "volume" ? from.test : from;
    const wanted = this.#tools.random.chance(0.3) ? size + 32n * MIB : size;
    const name = this.#world.name("v");
    const what: Operation = { kind: "copy", volume: name, content, size: wanted.toString(), from: from.name };
    const source = from.kind === "volume" ? fromVolume(from.test) : fromSnapshot({ snapshot_id: from.id });
    const ancestors = from.kind === "volume" ? [...from.ancestors, from.name] : from.ancestors;
    await reading([from], () =>
      this.#addVolume(what, ancestors, false, () => this.#tools.life.copy(name, source, content, wanted)),
    );
  }

  async #addVolume(
    what: Extract<Operation, { kind: "create" | "copy" }>,
    ancestors: readonly string[],
    paired: boolean,
    call: () => Promise<TestVolume>,
  ): Promise<Volume | undefined> {
    this.#world.pending.volumes += 1;
    const test = await this.#tools.perform(what, call, ({ id, size }) => ({ id, size: size.toString() }));
    this.#world.pending.volumes -= 1;
    if (test === undefined) return undefined;
    const state = { readers: 0, changing: false, writer: undefined, written: 0, growths: 0 };
    const volume: Volume = { kind: "volume", name: what.volume, ancestors, test, paired, ...state };
    this.#world.volumes.set(volume.name, volume);
    return volume;
  }

  async use(): Promise<void> {
    if (this.#world.room().used < 1) return;
    const { volumes } = this.#world.free("change");
    const volume = this.#tools.random.pick(volumes.filter(({ writer }) => writer === undefined));
    if (volume === undefined) return;
    this.#world.pending.used += 1;
    await changing([volume], async () => {
      if (await this.mount(volume)) volume.writer = new Writer(this.#tools.writerTools, [volume]);
    });
    this.#world.pending.used -= 1;
  }

  async mount(volume: Volume): Promise<boolean> {
    const { life } = this.#tools;
    const what: Operation = { kind: "use", volume: volume.name };
    return this.#tools.done(what, async () => {
      await retried(() => life.stage(volume.test));
      await retried(() => life.publish(volume.test));
    });
  }

  async release(): Promise<void> {
    const volume = this.#tools.random.pick(this.#unpaired().filter(({ writer }) => writer !== undefined));
    if (volume === undefined) return;
    const { life } = this.#tools;
    await changing([volume], async () => {
      await volume.writer?.stop();
      const what: Operation = { kind: "release", volume: volume.name };
      const done = await this.#tools.done(what, async () => {
        await retried(() => life.unpublish(volume.test));
        await retried(() => life.unstage(volume.test));
      });
      if (done) volume.writer = undefined;
    });
  }

  async grow(): Promise<void> {
    const { volumes } = this.#world.free("change");
    const volume = this.#tools.random.pick(volumes.filter(({ growths }) => growths < MOST_GROWTHS));
    if (volume === undefined) return;
    const { life, random } = this.#tools;
    const size = volume.test.size + BigInt(random.between(1, 3)) * 32n * MIB;
    await changing([volume], async () => {
      const what: Operation = { kind: "grow", volume: volume.name, size: size.toString() };
      const done = await this.#tools.done(what, async () => {
        await retried(() => life.enlarge(volume.test, size));
        if (volume.writer !== undefined) await retried(() => life.expandOnNode(volume.test, size));
      });
      if (!done) return;
      volume.growths += 1;
      volume.test = { ...volume.test, size };
    });
  }

  async deleteVolume(): Promise<void> {
    const volume = this.#tools.random.pick(this.#unpaired().filter(({ writer }) => writer === undefined));
    if (volume === undefined) return;
    await changing([volume], async () => {
      const what: Operation = { kind: "delete-volume", volume: volume.name };
      if (await this.#tools.done(what, () => this.#tools.life.delete(volume.test)))
        this.#world.volumes.delete(volume.name);
    });
  }

  #unpaired(): readonly Volume[] {
    return this.#world.free("change").volumes.filter(({ paired }) => !paired);
  }
}
