/** Operations that stand still together, one death, one start, and a look at each of them. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";

import { linesOf, machineState, run, thinIds, type MachineState } from "../../support/machine-state.ts";
import { countRecords, RecordWriter } from "../../support/record-writer.ts";
import type { Course, Operation } from "./course.ts";
import { KillNode, quoted } from "./kill-node.ts";
import { Listing } from "./listing.ts";
import { Place } from "./place.ts";
import {
  type Death,
  type KillCase,
  type PlacedCase,
  type Point,
  pointsOf,
  type Round,
  withoutIds,
} from "./points.ts";

/** Between two records of a writer: others need the one processor too. */
const REST_MS = 25;

/** What went wrong, by case and in the round as a whole; empty where all held. */
export interface RoundEnd {
  readonly failures: ReadonlyMap<PlacedCase, Error>;
  readonly records: Error | undefined;
  readonly leaks: Error | undefined;
}

interface Begun {
  readonly each: PlacedCase;
  readonly place: Place;
  readonly course: Course;
}

export class KillBench {
  readonly node: KillNode;
  readonly #places: readonly Place[];
  readonly #operations: ReadonlyMap<string, Operation>;
  readonly #points = new Map<string, readonly Point[]>();
  #number = 0;
  #before: unknown;

  private constructor(node: KillNode, operations: readonly Operation[]) {
    this.node = node;
    this.#places = node.pools.map((pool) => new Place(node, pool));
    this.#operations = new Map(operations.map((each) => [each.name, each]));
  }

  static async start(pools: readonly string[], operations: readonly Operation[]): Promise<KillBench> {
    const bench = new KillBench(await KillNode.make(pools), operations);
    await bench.node.start("process");
    for (const place of bench.#places) await place.furnish();
    return bench;
  }

  /** Lets every operation run once, undisturbed. */
  async learn(): Promise<readonly Point[]> {
    const [place] = this.#places;
    if (place === undefined) throw new Error("no pool");
    for (const { name, begin } of this.#operations.values()) {
      const course = await begin(place, this.#tag());
      await this.node.takeTrace();
      const answer = await course.call();
      const lines = (await this.node.takeTrace()).filter((line) => line.startsWith(`${course.title} #`));
      if (lines.length === 0) throw new Error(`${name} left no trace`);
      this.#points.set(name, pointsOf(name, lines));
      await course.check?.(answer, false);
      await course.end(answer);
    }
    return [...this.#points.values()].flat();
  }

  /** The first round. There is no driver yet. */
  async begin(round: Round, next?: Death): Promise<RoundEnd> {
    await this.node.start(round.death);
    this.#before = await this.#state();
    return this.perform(round, next);
  }

  /** The driver that runs dies; the next one can die as `next` wants it. Without a next, it ends too. */
  async perform({ death, cases }: Round, next?: Death): Promise<RoundEnd> {
    const begun: Begun[] = [];
    for (const each of cases) begun.push(await this.#prepare(each));
    const journals = this.#places.flatMap((place) => place.journals);
    const writer = await RecordWriter.slowly(REST_MS, ...journals);
    this.node.tools.hold();
    for (const each of begun) await this.#standStill(each);
    await writer.reach(0);
    await this.node.kill(death);
    const failures = new Map(await this.#startBesideOrphans(begun, next ?? "process"));
    const records = await failureOf(async () => {
      await writer.reach(3);
    });
    const leaks = [await failureOf(() => this.#expectNoStrayThin()), await failureOf(expectNoIdleDevice)];
    const listing = await Listing.of(this.node.csi);
    for (const each of begun) {
      const failure = await failureOf(() => this.#verify(each, listing));
      if (failure !== undefined) failures.set(each.each, failure);
    }
    const lost = await failureOf(async () => {
      const durable = await writer.stop();
      for (const journal of journals) assert.equal(await countRecords(journal), durable, journal);
    });
    for (const journal of journals) await rm(journal);
    const after = await this.#state();
    leaks.push(await failureOf(async () => assert.deepEqual(after, this.#before)));
    this.#before = after;
    if (next === undefined) await this.node.kill("process");
    return { failures, records: records ?? lost, leaks: leaks.find((leak) => leak !== undefined) };
  }

  async stop(): Promise<void> {
    await this.node.stop();
  }

  async #prepare(each: PlacedCase): Promise<Begun> {
    const place = this.#places[each.place];
    const operation = this.#operations.get(each.operation);
    if (place === undefined || operation === undefined) throw new Error(`no ${each.operation}`);
    return { each, place, course: await operation.begin(place, this.#tag()) };
  }

  async #standStill({ each, course }: Begun): Promise<void> {
    const pattern = `^${quoted(course.title)} #${each.index} `;
    const text = await this.node.standStill(() => course.call(), howOf(each), pattern);
    // Where its steps are not those of the first run, no case is what it says.
    assert.equal(withoutIds(text), each.text);
  }

  /** Failures of those whose tool runs on while the next driver decides already. */
  async #startBesideOrphans(begun: readonly Begun[], next: Death): Promise<readonly [PlacedCase, Error][]> {
    const orphans = begun.map(({ each }) => each).filter((each) => each.way === "orphan" && holdsLock(each));
    const waited = await this.node.startBesideOrphans(new Set(orphans.map(({ place }) => place)).size, next);
    const failure = new Error("the next driver did not wait for a tool of the dead one");
    return waited ? [] : orphans.map((each) => [each, failure]);
  }

  async #verify({ each, course }: Begun, listing: Listing): Promise<void> {
    const begin = each.kind === "begin";
    for (const id of course.doomed ?? [])
      assert.equal(listing.has(id), begin, `${id} is ${begin ? "gone" : "there"} after the start`);
    if (course.mayBeGivenUp === true && (each.index + each.place) % 2 === 1) return course.end();
    const first = await patiently(() => course.call());
    const second = await course.call();
    assert.deepEqual(second, first);
    const survived = this.#expectedOutcome(each);
    if (course.idOf !== undefined) {
      const id = course.idOf(first);
      assert.equal(listing.has(id), survived, `complete when the driver died: ${survived}`);
      if (survived) listing.expectSame(id, first);
    }
    await course.check?.(first, survived);
    await course.end(first);
  }

  /** Whether its outcome was durable when the driver died. */
  #expectedOutcome({ operation, index }: PlacedCase): boolean {
    const pattern = this.#operations.get(operation)?.outcome;
    const done = this.#points.get(operation)?.find(({ text }) => pattern?.test(text) === true);
    return done !== undefined && index >= done.index;
  }

  /** Right after the start: what the pools hold is what the driver lists. */
  async #expectNoStrayThin(): Promise<void> {
    const listing = await Listing.of(this.node.csi);
    let thins = 0;
    for (const pool of this.node.pools) thins += (await thinIds(pool)).length;
    assert.equal(thins, listing.objects, "thins in the pools, and objects that the driver lists");
  }

  async #state(): Promise<unknown> {
    const { node } = this;
    const { usedBlocks: _moving, ...state }: MachineState = await machineState({
      pool: node.pools[0] ?? "",
      csi: node.csi,
      kubeletDirectory: node.kubeletDirectory,
    });
    const others = await Promise.all(node.pools.slice(1).map((pool) => thinIds(pool)));
    return { ...state, others };
  }

  #tag(): string {
    this.#number += 1;
    return `x${this.#number}`;
  }
}

/** Right after the start: an active volume is one that is mounted; nobody uses raw ones here. */
async function expectNoIdleDevice(): Promise<void> {
  const lines = linesOf(await run("dmsetup", "info", "-c", "--noheadings", "-o", "name,open"));
  assert.deepEqual(
    lines.filter((line) => /^dmthin-.*-v-.*:0$/.test(line)),
    [],
    "active, and used by nobody",
  );
}

/** On a busy machine the guard ends a bracket before its time, and the snapshot is taken back: then it is asked for again. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!/before the snapshot was complete/.test(String(error))) throw error;
    return call();
  }
}

/** What an orphan does, it does after its driver's death. What dies with its driver has done its work, or not begun. */
export function howOf({ kind, way, index }: KillCase): string {
  if (kind !== "tool" || way === "process") return "still";
  return way === "orphan" || index % 2 === 0 ? "before" : "after";
}

/** Unmounting, and showing to a pod, need no pool: they hold no lock of one. */
const holdsLock = ({ operation, text }: PlacedCase): boolean =>
  !text.startsWith("ran umount") && operation !== "publish";

async function failureOf(work: () => Promise<void>): Promise<Error | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
