/** Trims the pools of a node when it is their time: one filesystem of a pool after the other, all pools side by side. */
import { createHash } from "node:crypto";

import type { PoolName, VolumeId } from "../core/ids.ts";
import type { Observer } from "../core/observer.ts";
import type { PoolOptions, PoolsChange } from "../core/pool-options.ts";
import { formatBytes } from "../core/units.ts";
import { slotAt, untilNextSlot } from "../plan/trim-slots.ts";
import type { TrimTimes } from "../plan/trim-slots.ts";
import type { Report } from "../pool/backing.ts";
import type { Pool } from "../pool/engine.ts";
import { noteOf } from "./trims.ts";
import type { Trims } from "./trims.ts";

export interface TrimScheduleOptions {
  readonly node: string;
  readonly pools: readonly PoolOptions[];
  /** Undefined while it is not open. */
  readonly open: (name: PoolName) => Pool | undefined;
  readonly trims: Pick<Trims, "trim">;
  readonly observer: Pick<Observer, "trimmed">;
  readonly report: Report;
}

interface Entry {
  readonly times: TrimTimes;
  /** The period whose trim has begun, or was none of ours. */
  slot: number;
  running: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** No timer takes more. */
const MOST_MS = 2 ** 31 - 1;

export class TrimSchedule {
  readonly #options: TrimScheduleOptions;
  readonly #entries = new Map<PoolName, Entry>();
  readonly #end = new AbortController();

  constructor(options: TrimScheduleOptions) {
    this.#options = options;
    this.reconfigure({ pools: options.pools, ended: [] });
  }

  /** Options of some pools, and those that are gone; a trim that runs goes on. */
  reconfigure({ pools, ended }: Pick<PoolsChange, "pools" | "ended">): void {
    for (const name of ended) {
      clearTimeout(this.#entries.get(name)?.timer);
      this.#entries.delete(name);
    }
    for (const { name, trim } of pools) {
      const before = this.#entries.get(name);
      if (before?.times.every === trim.every) continue;
      clearTimeout(before?.timer);
      this.#entries.delete(name);
      if (trim.every === undefined) continue;
      const times = { every: trim.every, phase: phaseOf(this.#options.node, name) % trim.every };
      const entry = { times, slot: slotAt(times, Date.now()), running: false, timer: undefined };
      this.#entries.set(name, entry);
      this.#arm(name, entry);
    }
  }

  /** What runs is stopped. */
  close(): void {
    this.#end.abort();
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
  }

  /** By the wall clock, which may be set; by how much it has to be late is measured by a clock that is not. */
  #arm(name: PoolName, entry: Entry): void {
    const delay = Math.min(untilNextSlot(entry.times, Date.now()), MOST_MS);
    entry.timer = setTimeout(() => {
      const slot = slotAt(entry.times, Date.now());
      const due = slot > entry.slot;
      entry.slot = slot;
      this.#arm(name, entry);
      if (due && !entry.running) void this.#run(name, entry);
    }, delay).unref();
  }

  async #run(name: PoolName, entry: Entry): Promise<void> {
    entry.running = true;
    const { open, report } = this.#options;
    const pool = open(name);
    for (const id of pool?.trims.keys() ?? []) if (pool?.volume(id) === undefined) pool?.trims.delete(id);
    let done = 0;
    let trimmed = 0n;
    for (const id of pool === undefined ? [] : stagedFilesystems(pool)) {
      // Given up and opened again meanwhile: its volumes are another engine's.
      if (pool === undefined || open(name) !== pool || this.#end.signal.aborted) break;
      const end = await this.#trimOne(pool, id);
      done += end.outcome === "done" ? 1 : 0;
      trimmed += end.bytes;
    }
    if (done > 0)
      report("info", `pool ${name}: trimmed ${done} filesystems, ${formatBytes(trimmed)} by their account`);
    entry.running = false;
  }

  async #trimOne(pool: Pool, id: VolumeId): ReturnType<Trims["trim"]> {
    const { trims, observer, report } = this.#options;
    const end = await trims.trim(pool, id, this.#end.signal);
    observer.trimmed(pool.name, end.outcome, Number(end.bytes));
    const note = noteOf(end, new Date());
    if (note !== undefined) pool.trims.set(id, note);
    if (end.outcome === "failed") report("warn", `volume ${id} was not trimmed: ${end.reason ?? ""}`);
    return end;
  }
}

/** By their names, so that pools and nodes do not all begin at once; milliseconds. */
const phaseOf = (node: string, pool: PoolName): number =>
  createHash("sha256").update(`${node}/${pool}`).digest().readUIntBE(0, 6);

const stagedFilesystems = (pool: Pool): readonly VolumeId[] =>
  pool
    .volumes()
    .flatMap(({ id, state, staging }) => (state === "ready" && staging?.access === "mount" ? [id] : []));
