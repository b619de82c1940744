/**
 * Trims of mounted filesystems, slice after slice. They hold no lock, and whoever takes a mount down comes first: what
 * runs is stopped, and nothing begins before that has ended. Why: docs/adr/0017-scheduled-trim.md.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { messageOf } from "../core/errors.ts";
import { keyOf, thinDeviceName, thinDeviceUuid } from "../core/ids.ts";
import type { VolumeId } from "../core/ids.ts";
import type { TrimOutcome } from "../core/observer.ts";
import type { TrimNote } from "../core/pool-report.ts";
import { bytes, MIB } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { trimRange } from "../host/discard.ts";
import { findDmDevice, readAttribute } from "../host/dm-sysfs.ts";
import { identifyMount, readMountInfo, topMountAt } from "../host/mount-info.ts";
import { pause } from "../host/pause.ts";
import type { Runner } from "../host/run.ts";
import { nextSlice, pauseAfter } from "../plan/slices.ts";
import type { Slice } from "../plan/slices.ts";
import type { Pool } from "../pool/engine.ts";

export interface TrimEnd {
  readonly outcome: TrimOutcome;
  /** By the filesystem's own account. */
  readonly bytes: Bytes;
  /** Of a failure. */
  readonly reason?: string;
}

interface Running {
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
}

/** How long a trim that is stopped is waited for: the tool is killed, and the kernel looks for that between its discards. */
const STOP_MS = 5000;
/** The last slice has no end: a filesystem may be shorter than its device by this much, and refuses a beginning behind it. */
const REST = 32n * MIB;
const HELD_TRIES = 10;
const HELD_PAUSE_MS = 1000;
/** xfs and ext4 refuse a least piece that no group of theirs could hold. */
const MOST_LEAST = bytes(16n * MIB);

export class Trims {
  readonly #runner: Runner;
  readonly #running = new Map<VolumeId, Running>();
  /** Volumes whose mounts are in the hands of others, with how many of them. */
  readonly #kept = new Map<VolumeId, number>();

  /** `runner`: one that holds no pool's lock; a trim is no change of a pool, and its end needs no pool. */
  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /** Nothing of the volume is trimmed while `work` is done. */
  async without<T>(id: VolumeId, work: () => Promise<T>): Promise<T> {
    this.#kept.set(id, (this.#kept.get(id) ?? 0) + 1);
    try {
      const running = this.#running.get(id);
      running?.stop.abort();
      if (running !== undefined)
        await Promise.race([running.ended, sleep(STOP_MS, undefined, { ref: false })]);
      return await work();
    } finally {
      const others = (this.#kept.get(id) ?? 1) - 1;
      if (others === 0) this.#kept.delete(id);
      else this.#kept.set(id, others);
    }
  }

  /** The whole filesystem of a staged volume. Rejects never. */
  async trim(pool: Pool, id: VolumeId, signal: AbortSignal): Promise<TrimEnd> {
    if (this.#kept.has(id) || this.#running.has(id) || signal.aborted) return NOTHING;
    const stop = new AbortController();
    const either = AbortSignal.any([stop.signal, signal]);
    const work = this.#trim(pool, id, either);
    this.#running.set(id, { stop, ended: work });
    try {
      return await work;
    } finally {
      this.#running.delete(id);
    }
  }

  async #trim(pool: Pool, id: VolumeId, signal: AbortSignal): Promise<TrimEnd> {
    let trimmed = bytes(0);
    let last: Slice | undefined;
    try {
      for (let offset = bytes(0); ; offset = bytes(offset + last.length)) {
        const target = await unheldTarget(pool, id, signal);
        if (signal.aborted) return { outcome: "stopped", bytes: trimmed };
        if (target === undefined) return { outcome: "skipped", bytes: trimmed };
        const { mountPoint, blockSize } = target;
        const least = blockSize < MOST_LEAST ? blockSize : MOST_LEAST;
        const length = nextSlice(last, blockSize);
        const isLast = offset + length + REST >= target.size;
        const began = performance.now();
        const range = { offset, least, ...(isLast ? {} : { length }) };
        trimmed = bytes(trimmed + (await trimRange(this.#runner, mountPoint, range, signal)));
        if (isLast) return { outcome: "done", bytes: trimmed };
        last = { length, ms: performance.now() - began };
        await pause(pauseAfter(last), signal);
      }
    } catch (error) {
      if (signal.aborted) return { outcome: "stopped", bytes: trimmed };
      return { outcome: "failed", bytes: trimmed, reason: messageOf(error) };
    }
  }
}

const NOTHING: TrimEnd = { outcome: "skipped", bytes: bytes(0) };

/** For the report, where there is anything to say. */
export const noteOf = ({ outcome, bytes: trimmed }: TrimEnd, at: Date): TrimNote | undefined =>
  outcome === "done" ? { bytes: trimmed, at: at.toISOString() } : undefined;

interface TrimTarget {
  readonly mountPoint: string;
  /** Of the device. */
  readonly size: Bytes;
  /** The pool's, as the kernel says it: less of a discard frees nothing. */
  readonly blockSize: Bytes;
}

/** Snapshots hold a device for moments, people for as long as they like: a few tries tell them apart. */
async function unheldTarget(pool: Pool, id: VolumeId, signal: AbortSignal): Promise<TrimTarget | undefined> {
  for (let tries = 0; tries < HELD_TRIES && !signal.aborted; tries += 1) {
    const target = trimTarget(pool, id);
    if (target !== "held") return target;
    await pause(HELD_PAUSE_MS, signal);
  }
  return undefined;
}

/**
 * Where the filesystem of a volume is mounted by us, as records and the kernel have it in this moment; undefined where there
 * is nothing to trim: raw, not staged, read-only, unmounted, without discards, or the pool takes no changes.
 */
function trimTarget(pool: Pool, id: VolumeId): TrimTarget | "held" | undefined {
  const staging = pool.volume(id)?.staging;
  if (staging?.access !== "mount" || pool.condition.kind !== "ready") return undefined;
  const node = findDmDevice(thinDeviceName(pool.name, keyOf(id)));
  if (node === undefined || node.uuid !== thinDeviceUuid(pool.uuid, keyOf(id))) return undefined;
  if (node.suspended) return "held";
  const entries = readMountInfo();
  const top = topMountAt(entries, staging.path);
  const shown = top === undefined ? undefined : identifyMount(top, entries);
  if (top === undefined || shown?.kind !== "filesystem" || shown.number !== node.number) return undefined;
  if (top.options.includes("ro") || top.superOptions.includes("ro")) return undefined;
  const blockSize = bytes(
    BigInt(readAttribute(`/sys/dev/block/${node.number}/queue/discard_granularity`) ?? 0),
  );
  return blockSize === 0n ? undefined : { mountPoint: staging.path, size: node.size, blockSize };
}
