/**
 * What must be there after a crash, and what may: the events of a workload folded into objects. Pure.
 *
 * Two points of the journal count: what was acknowledged by `known` must hold; what was begun by `possible` may have
 * happened. After a power cut both are its end; at a place in a log of writes they lie around it.
 */
import type { Content } from "../../support/volume-life.ts";
import { memberName, type Answer, type Event, type Operation } from "./events.ts";

/** `begun`: asked for, and no answer seen. */
export type Progress = "begun" | "done";

/** The records of one writer that an object holds: at least, at most. */
export interface Stream {
  readonly writer: string;
  least: number;
  most: number;
}

interface ObjectModel {
  readonly name: string;
  /** Of its creation among all. */
  readonly order: number;
  readonly content: Content;
  /** How its creation is asked for again. */
  readonly creation: Operation;
  created: Progress;
  deleted: Progress | undefined;
  id: string | undefined;
  size: bigint;
  /** Of its ancestors, the oldest first. */
  readonly inherited: readonly Stream[];
}

export interface VolumeModel extends ObjectModel {
  readonly kind: "volume";
  /** Its own writer's. */
  readonly own: Stream;
  /** Sizes asked for, and no answer seen. */
  growing: readonly bigint[];
}

export interface SnapshotModel extends ObjectModel {
  readonly kind: "snapshot";
  readonly source: string;
  readonly group: string | undefined;
}

export interface GroupModel {
  readonly kind: "group";
  readonly name: string;
  readonly order: number;
  readonly creation: Operation;
  readonly volumes: readonly string[];
  created: Progress;
  deleted: Progress | undefined;
  id: string | undefined;
}

export interface Model {
  readonly volumes: ReadonlyMap<string, VolumeModel>;
  readonly snapshots: ReadonlyMap<string, SnapshotModel>;
  readonly groups: ReadonlyMap<string, GroupModel>;
  /** Written to in turns. */
  readonly pair: readonly [string, string] | undefined;
  /** Operations that were refused, writers that met errors. */
  readonly failures: readonly string[];
  readonly counts: { readonly records: number; readonly operations: number };
}

/** `known` and `possible`: how many of the events; all if not given. */
export function modelOf(events: readonly Event[], known = events.length, possible = known): Model {
  const fold = new Fold();
  for (const [index, event] of events.slice(0, possible).entries()) fold.apply(event, index < known);
  return fold;
}

class Fold implements Model {
  readonly volumes = new Map<string, VolumeModel>();
  readonly snapshots = new Map<string, SnapshotModel>();
  readonly groups = new Map<string, GroupModel>();
  pair: readonly [string, string] | undefined;
  readonly failures: string[] = [];
  readonly counts = { records: 0, operations: 0 };
  readonly #underWay = new Map<number, Operation>();
  /** Streams that were being copied from a volume's own: their upper end follows it until the copy is made. */
  readonly #cuts = new Map<string, Stream[]>();

  apply(event: Event, known: boolean): void {
    switch (event.e) {
      case "begin":
        this.#underWay.set(event.op, event.what);
        return this.#begin(event.what, known);
      case "end":
        if (known) this.counts.operations += 1;
        return this.#end(this.#operation(event.op), event.answer, known);
      case "failed":
        this.failures.push(`${JSON.stringify(this.#operation(event.op))}: ${event.why}`);
        return;
      case "record":
        if (known) this.counts.records += 1;
        return this.#recorded(event.volume, event.n, known);
      case "pair":
        this.pair = event.volumes;
        return;
      case "broken":
        this.failures.push(`the writer of ${event.volume}: ${event.why}`);
        return;
      case "marking":
      case "marked":
        return;
    }
  }

  #begin(what: Operation, known: boolean): void {
    switch (what.kind) {
      case "create":
        return this.#addVolume(what, []);
      case "copy":
        return this.#addVolume(what, this.#streamsOf(what.from, what.volume));
      case "snapshot":
        return this.#addSnapshot(what.snapshot, what.volume, undefined, what);
      case "group":
        this.groups.set(what.group, {
          kind: "group",
          name: what.group,
          order: this.#next(),
          creation: what,
          volumes: what.volumes,
          created: "begun",
          deleted: undefined,
          id: undefined,
        });
        for (const volume of what.volumes)
          this.#addSnapshot(memberName(what.group, volume), volume, what.group, what);
        return;
      case "release":
        return this.#stopWriting(this.#volume(what.volume), known);
      case "grow":
        this.#volume(what.volume).growing = [...this.#volume(what.volume).growing, BigInt(what.size)];
        return;
      case "delete-volume":
        this.#volume(what.volume).deleted = "begun";
        return;
      case "delete-snapshot":
        this.#snapshot(what.snapshot).deleted = "begun";
        return;
      case "delete-group":
        this.#group(what.group).deleted = "begun";
        for (const member of this.#members(what.group)) member.deleted = "begun";
        return;
      case "use":
        return;
    }
  }

  #end(what: Operation, answer: Answer, known: boolean): void {
    const done = known ? "done" : "begun";
    switch (what.kind) {
      case "create":
      case "copy":
        this.#cuts.delete(what.volume);
        return this.#made(this.#volume(what.volume), answer, done);
      case "snapshot":
        this.#cuts.delete(what.snapshot);
        return this.#made(this.#snapshot(what.snapshot), answer, done);
      case "group":
        Object.assign(this.#group(what.group), { id: answer.id, created: done });
        for (const member of this.#members(what.group)) {
          this.#cuts.delete(member.name);
          const id = answer.members?.[member.source];
          this.#made(member, id === undefined ? {} : { id, size: member.size.toString() }, done);
        }
        return;
      case "use":
        return this.#startWriting(this.#volume(what.volume));
      case "grow":
        if (known) Object.assign(this.#volume(what.volume), { size: BigInt(what.size), growing: [] });
        return;
      case "delete-volume":
        this.#volume(what.volume).deleted = done;
        return;
      case "delete-snapshot":
        this.#snapshot(what.snapshot).deleted = done;
        return;
      case "delete-group":
        this.#group(what.group).deleted = done;
        for (const member of this.#members(what.group)) member.deleted = done;
        return;
      case "release":
        return;
    }
  }

  #startWriting(volume: VolumeModel): void {
    this.#mayReach(volume, volume.own.most + 1);
  }

  /** The writer has ended before: nothing is under way any more. */
  #stopWriting({ own }: VolumeModel, known: boolean): void {
    if (known) own.most = own.least;
  }

  #recorded(name: string, n: number, known: boolean): void {
    const volume = this.#volume(name);
    if (known) volume.own.least = n + 1;
    this.#mayReach(volume, n + 2);
  }

  #mayReach(volume: VolumeModel, most: number): void {
    volume.own.most = Math.max(volume.own.most, most);
    for (const cuts of this.#cuts.values())
      for (const cut of cuts) if (cut.writer === volume.name) cut.most = volume.own.most;
  }

  #made(object: ObjectModel, answer: Answer, created: Progress): void {
    object.created = created;
    object.id = answer.id;
    if (answer.size !== undefined) object.size = BigInt(answer.size);
  }

  #addVolume(what: Extract<Operation, { kind: "create" | "copy" }>, inherited: readonly Stream[]): void {
    this.volumes.set(what.volume, {
      kind: "volume",
      order: this.#next(),
      ...blank(what.volume, what.content, what, BigInt(what.size), inherited),
      own: { writer: what.volume, least: 0, most: 0 },
      growing: [],
    });
  }

  #addSnapshot(name: string, source: string, group: string | undefined, creation: Operation): void {
    const { content, size } = this.#volume(source);
    const inherited = this.#streamsOf(source, name);
    this.snapshots.set(name, {
      kind: "snapshot",
      order: this.#next(),
      ...blank(name, content, creation, size, inherited),
      source,
      group,
    });
  }

  /** Copied at some moment between now and the end of the operation. */
  #streamsOf(name: string, copy: string): readonly Stream[] {
    const snapshot = this.snapshots.get(name);
    if (snapshot !== undefined) return snapshot.inherited.map(copyOf);
    const { inherited, own } = this.#volume(name);
    const cut = { ...own };
    this.#cuts.set(copy, [cut]);
    return [...inherited.map(copyOf), cut];
  }

  readonly #next = (): number => this.volumes.size + this.snapshots.size + this.groups.size;

  #members(group: string): readonly SnapshotModel[] {
    return [...this.snapshots.values()].filter((each) => each.group === group);
  }

  readonly #operation = (op: number): Operation => required(this.#underWay.get(op), `operation ${op}`);
  readonly #volume = (name: string): VolumeModel => required(this.volumes.get(name), name);
  readonly #snapshot = (name: string): SnapshotModel => required(this.snapshots.get(name), name);
  readonly #group = (name: string): GroupModel => required(this.groups.get(name), name);
}

const copyOf = ({ writer, least, most }: Stream): Stream => ({ writer, least, most });

const blank = (
  name: string,
  content: Content,
  creation: Operation,
  size: bigint,
  inherited: readonly Stream[],
): Omit<ObjectModel, "order"> => ({
  name,
  content,
  creation,
  created: "begun",
  deleted: undefined,
  id: undefined,
  size,
  inherited,
});

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new RangeError(`the journal does not know ${name}`);
  return value;
}
