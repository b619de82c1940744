/** The labelled devices of one pool: taken or opened, grown, relabelled, given up. */
import type { BlockDevice, LinearSegment } from "../core/dm.ts";
import { PoolUnavailableError } from "../core/errors.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import { sectorsFromBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import type { Runner } from "../host/run.ts";
import type { Backing, BackingDevices, OnStep, Segments } from "./backing.ts";
import type { Decision } from "./decision.ts";
import { membersOfGrowth } from "./growth.ts";
import type { Growth, Wish } from "./growth.ts";
import { labelFor } from "./label.ts";
import type { Label } from "./label.ts";
import { membersOf, runsOf } from "./layout.ts";
import type { ExtentRole, Extents, Member } from "./layout.ts";
import { relabel, rename, writeLabels } from "./relabel.ts";
import type { LabelHands } from "./relabel.ts";

interface MembersOptions {
  readonly backing: Backing;
  /** The primary one. */
  readonly label: Label;
  readonly onStep: OnStep;
}

export class Members implements BackingDevices {
  readonly uuid: PoolUuid;
  readonly blockSize: Bytes;
  readonly hostBytes?: () => Promise<Bytes>;
  readonly #backing: Backing;
  readonly #onStep: OnStep;
  readonly #runner: Runner;
  readonly #nodes = new Map<Member, BlockDevice>();
  #label: Label;
  #fresh = false;
  /** A change of the labels failed: which of them have it is not known. */
  #unsure = false;

  constructor({ backing, label, onStep }: MembersOptions, runner: Runner) {
    this.uuid = label.pool;
    this.blockSize = label.blockSize;
    if (backing.hostBytes !== undefined) this.hostBytes = backing.hostBytes;
    this.#backing = backing;
    this.#label = label;
    this.#onStep = onStep;
    this.#runner = runner;
  }

  get disks(): readonly string[] {
    return this.#members.flatMap((member) => this.#backing.pathOf?.(member) ?? []);
  }

  get fresh(): boolean {
    return this.#fresh;
  }

  get extents(): Extents {
    return this.#label.extents;
  }

  get segments(): Segments {
    return {
      catalog: this.#segments("catalog"),
      meta: this.#segments("meta"),
      spare: this.#segments("spare"),
      data: this.#segments("data"),
    };
  }

  async materialize(decision: Decision): Promise<BackingDevices> {
    this.#fresh = decision.kind !== "open";
    if (decision.kind === "create" || decision.kind === "resume") {
      // The primary first: a labelled device without it is then never a crash, always a lost device.
      for (const member of this.#members) {
        await this.#onStep(`claim ${member}`);
        await this.#backing.claim(this.#runner, labelFor(this.#label, member));
      }
    }
    for (const role of this.#members) {
      await this.#onStep(`attach ${role}`);
      this.#nodes.set(role, await this.#backing.attach(this.#runner, role));
    }
    if (decision.kind === "open") await writeLabels(this.#label, decision.behind, this.#hands);
    return this;
  }

  async writeReady(): Promise<void> {
    if (this.#label.state === "ready") return;
    const ready = { ...this.#label, state: "ready", sequence: this.#label.sequence + 1 } as const;
    await writeLabels(ready, this.#members, this.#hands);
    this.#label = ready;
  }

  growth(wish: Wish): Promise<Growth> {
    return this.#backing.growth(this.#label, wish);
  }

  async extend(extents: Extents): Promise<void> {
    const members = this.#members;
    // One step ahead of every device that was to join before and is still about: it can never pass for the one that does.
    if (membersOf(extents).length > members.length) await this.relabel(this.extents);
    for (const member of membersOfGrowth(this.extents, extents)) {
      // Its label does not list itself yet: that tells a device that is to join from one whose pool has lost its newest label.
      if (!members.includes(member)) {
        await this.#onStep(`claim ${member}`);
        await this.#backing.claim(this.#runner, labelFor(this.#label, member));
      }
      await this.#onStep(`extend ${member}`);
      this.#nodes.set(member, await this.#backing.extend(this.#runner, member, { ...this.#label, extents }));
    }
  }

  relabel(extents: Extents): Promise<void> {
    return this.#change(() => relabel(this.#label, extents, this.#hands));
  }

  rename(name: PoolName): Promise<void> {
    return this.#change(() => rename(this.#label, name, this.#hands));
  }

  async #change(write: () => Promise<Label>): Promise<void> {
    if (this.#unsure)
      throw new PoolUnavailableError("an earlier change of the labels failed; the pool must be opened again");
    this.#unsure = true;
    this.#label = await write();
    this.#unsure = false;
  }

  async detach(): Promise<void> {
    for (const role of this.#members.toReversed()) await this.#backing.detach(this.#runner, role);
  }

  get #members(): readonly Member[] {
    return membersOf(this.#label.extents);
  }

  get #hands(): LabelHands {
    return {
      pathOf: (member) => this.#node(member).path,
      labelsFrom: this.#backing.labelsFrom ?? 0n,
      onStep: this.#onStep,
    };
  }

  #segments(role: ExtentRole): readonly LinearSegment[] {
    return runsOf(this.extents)
      .filter((run) => run.role === role)
      .map(({ member, offset, length }) => ({
        device: this.#node(member).number,
        offset: sectorsFromBytes(offset),
        length: sectorsFromBytes(length),
      }));
  }

  #node(role: Member): BlockDevice {
    const node = this.#nodes.get(role);
    if (node === undefined) throw new RangeError(`member ${role} is not attached`);
    return node;
  }
}
