/**
 * Deletions that are acknowledged and still give their space back to the disk: in the background, slice after slice, one
 * object at a time. Discards never stand in anybody's way: whoever needs the name or the room has the deletion finished
 * at once, without the rest of them. Why: docs/adr/0016-discards-after-the-answer.md.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { open } from "node:fs/promises";

import { messageOf, PoolUnavailableError } from "../core/errors.ts";
import type { GroupId, SnapshotId, ThinId, VolumeId } from "../core/ids.ts";
import { bytes, bytesFromSectors } from "../core/units.ts";
import type { Sectors } from "../core/units.ts";
import { discardRange } from "../host/discard.ts";
import { pause } from "../host/pause.ts";
import { addDemand, fits } from "../plan/capacity.ts";
import type { Demand } from "../plan/capacity.ts";
import { nextSlice, pauseAfter } from "../plan/slices.ts";
import type { Slice } from "../plan/slices.ts";
import type { Plan } from "../plan/step.ts";
import type { ThinDeviceName } from "./thin-devices.ts";
import type { ThinPool } from "./thin-pool.ts";
import type { Report } from "./backing.ts";

type ObjectId = VolumeId | SnapshotId | GroupId;

export interface DoomedThin extends ThinDeviceName {
  readonly thinId: ThinId;
  /** Whole blocks: the last one is discarded as well. */
  readonly length: Sectors;
  /** It is known to have nothing that could be given back. */
  readonly isBlank: boolean;
}

/** Nothing has the thins active. */
export interface Deletion {
  readonly title: string;
  /** That are gone for callers. */
  readonly ids: readonly ObjectId[];
  readonly thins: readonly DoomedThin[];
  /** What is counted as promised for them, while they are recorded. */
  readonly demand: Demand;
  readonly isRecorded: () => boolean;
  /** First the decision is recorded; then the thins are deleted, which must not be active, and forgotten. */
  readonly plan: Plan;
}

interface Pending {
  readonly deletion: Deletion;
  /** Aborted: no further slice, the rest at once. */
  readonly hurry: AbortController;
  /** Resolves when its end was tried; it is gone then, unless it could not be. */
  readonly tried: PromiseWithResolvers<void>;
}

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/** As at the start of the program: what follows an answer is no part of the call. */
const outside = AsyncLocalStorage.snapshot();

export class Deletions {
  /** As configured. */
  wanted: boolean;
  readonly #pool: ThinPool;
  readonly #report: Report;
  readonly #pending = new Map<ObjectId, Pending>();
  readonly #end = new AbortController();
  /** Ends when those before have had their discards. */
  #turn: Promise<void> = Promise.resolve();

  constructor(pool: ThinPool, wanted: boolean, report: Report) {
    this.#pool = pool;
    this.wanted = wanted;
    this.#report = report;
  }

  /** Whether a deletion now has anything to discard for: wanted, passed down, and the pool can wait for its space. */
  get discards(): boolean {
    const { condition, known } = this.#pool;
    const { mode, discard } = known.status;
    return this.wanted && condition.kind === "ready" && discard === "discard_passdown" && mode === "rw";
  }

  /** How many objects are still being discarded. */
  get size(): number {
    return this.#all().size;
  }

  /** Undefined for an object that is gone for callers. */
  unless<R extends { readonly id: ObjectId }>(record: R | undefined): R | undefined {
    return record !== undefined && this.#pending.has(record.id) ? undefined : record;
  }

  /** What has that name, also if it is deleted and still discarded: it makes way, and is gone then, unless it could not be. */
  async named<R extends { readonly id: ObjectId }>(
    table: { named(name: string): R | undefined },
    name: string,
  ): Promise<R | undefined> {
    const record = table.named(name);
    if (record !== undefined) await this.hurry(record.id);
    return table.named(name);
  }

  /** What they are still counted with, and what whoever asks for it gets. */
  get demand(): Demand {
    const counted = [...this.#all()].filter(({ deletion }) => deletion.isRecorded());
    return addDemand(...counted.map(({ deletion }) => deletion.demand));
  }

  /** Durable when it resolves, and gone for callers. */
  async delete(deletion: Deletion): Promise<void> {
    const [decision, ...rest] = deletion.plan;
    if (decision === undefined) throw new RangeError("a plan without steps");
    await this.#pool.perform([decision]);
    if (this.discards && deletion.thins.some(({ isBlank }) => !isBlank)) this.start(deletion);
    else await this.#pool.perform(rest);
  }

  /** For a deletion whose decision is recorded. */
  start(deletion: Deletion): void {
    const pending: Pending = {
      deletion,
      hurry: new AbortController(),
      tried: Promise.withResolvers<void>(),
    };
    for (const id of deletion.ids) this.#pending.set(id, pending);
    void outside(() => this.#run(pending));
  }

  /** Resolves when the object is gone, or could not be deleted yet. */
  async hurry(...ids: readonly ObjectId[]): Promise<void> {
    const wanted = new Set(ids.flatMap((id) => this.#pending.get(id) ?? []));
    for (const each of wanted) each.hurry.abort();
    await Promise.all([...wanted].map(({ tried }) => tried.promise));
  }

  /** The same for all of them. */
  hurryAll(): Promise<void> {
    return this.hurry(...this.#pending.keys());
  }

  /** Where a promise has no room beside them, they end now. */
  async makeRoomFor(demand: Demand): Promise<void> {
    const { known, state } = this.#pool;
    if (this.#pending.size === 0 || fits(known.supply, state.demand, demand)) return;
    await this.hurryAll();
    await this.#pool.refreshSupply();
  }

  /** Nothing more is begun. What is left goes on at the next opening, by its records. */
  close(): void {
    this.#end.abort();
    for (const { hurry, tried } of this.#all()) {
      hurry.abort();
      tried.resolve();
    }
  }

  #all(): ReadonlySet<Pending> {
    return new Set(this.#pending.values());
  }

  async #run(pending: Pending): Promise<void> {
    const before = this.#turn;
    const mine = Promise.withResolvers<void>();
    this.#turn = before.then(() => mine.promise);
    const { signal } = pending.hurry;
    await Promise.race([before, aborted(signal)]);
    const outcome = await this.#discard(pending);
    mine.resolve();
    await this.#finish(pending, outcome);
  }

  /** Answers what has become of it, for the log. */
  async #discard({ deletion, hurry }: Pending): Promise<string> {
    const { signal } = hurry;
    const began = performance.now();
    try {
      for (const thin of deletion.thins) {
        if (thin.isBlank) continue;
        if (signal.aborted || !this.discards) break;
        await this.#discardThin(deletion, thin, signal);
      }
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      return signal.aborted || !this.discards
        ? `its discards were cut short after ${seconds} s`
        : `discarded within ${seconds} s`;
    } catch (error) {
      if (!this.#end.signal.aborted)
        this.#report("warn", `${deletion.title}: deleted without all discards: ${messageOf(error)}`);
      return "not discarded";
    }
  }

  async #discardThin({ title }: Deletion, thin: DoomedThin, signal: AbortSignal): Promise<void> {
    const { parts, runner, state } = this.#pool;
    await this.#operate(`${title}: activation to discard`, [{ kind: "activate", ...thin }]);
    // From now on the kernel knows better.
    state.mapped.delete(thin.thinId);
    const node = parts.hands.devices.find(thin);
    if (node === undefined)
      throw new PoolUnavailableError(`${thin.device} vanished right after it was activated`);
    // While it is open nobody can remove the device, and its number goes to no other one between two slices.
    const held = await open(node.path, "r");
    try {
      if (parts.hands.devices.find(thin)?.number !== node.number)
        throw new PoolUnavailableError(`${thin.device} was replaced right after it was activated`);
      const size = bytesFromSectors(thin.length);
      let last: Slice | undefined;
      for (let offset = 0n; offset < size && !signal.aborted && this.discards; offset += last.length) {
        const wished = nextSlice(last, parts.blockSize);
        const length = bytes(size - offset < wished ? size - offset : wished);
        const began = performance.now();
        await discardRange(runner, node.path, { offset: bytes(offset), length });
        last = { length, ms: performance.now() - began };
        await pause(pauseAfter(last), signal);
      }
    } finally {
      await held.close();
    }
  }

  /** It was acknowledged, so it is tried until it is done. */
  async #finish(pending: Pending, outcome: string): Promise<void> {
    const { deletion, tried } = pending;
    const { signal } = this.#end;
    for (let delay = FIRST_RETRY_MS; !signal.aborted; delay = Math.min(2 * delay, LONGEST_RETRY_MS)) {
      try {
        await this.#operate(`${deletion.title}: the end`, finishOf(deletion));
        for (const id of deletion.ids) this.#pending.delete(id);
        for (const { thinId } of deletion.thins) this.#pool.state.mapped.delete(thinId);
        this.#report("info", `${deletion.title}: gone, ${outcome}`);
        tried.resolve();
        return;
      } catch (error) {
        // A pool that takes no changes gets better by being opened again only, and that goes on with it.
        const isOver = this.#pool.condition.kind !== "ready";
        const next = isOver ? "goes on when the pool is opened again" : "tried again soon";
        if (!signal.aborted) this.#report("warn", `${deletion.title}: ${next}: ${messageOf(error)}`);
        if (isOver) return tried.resolve();
      }
      tried.resolve();
      await pause(delay, signal);
    }
  }

  /** Holds nothing: nobody else can name the object any more, nor take its name before it is gone. */
  #operate(title: string, plan: Plan): Promise<unknown> {
    return this.#pool.parts.operations.run({ title, fingerprint: title, exclusive: [] }, () => {
      this.#pool.requireReady();
      return this.#pool.perform(plan);
    });
  }
}

function finishOf({ thins, plan }: Deletion): Plan {
  const [_decision, ...rest] = plan;
  return [...thins.map(({ device, uuid }) => ({ kind: "deactivate", device, uuid }) as const), ...rest];
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
