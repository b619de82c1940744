/** When which filesystem of which pool is trimmed, with the clock in the test's hands. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { VolumeId } from "../../../src/core/ids.ts";
import type { PoolOptions } from "../../../src/core/pool-options.ts";
import type { Staging } from "../../../src/core/records.ts";
import { bytes } from "../../../src/core/units.ts";
import { TrimSchedule } from "../../../src/mounts/trim-schedule.ts";
import type { TrimEnd } from "../../../src/mounts/trims.ts";
import { loopOptions } from "../../support/loop-options.ts";
import { MemoryPool } from "../../support/memory-pool.ts";
import { volumeIdOf, volumeRecord } from "../../support/records.ts";

const HOUR = 3_600_000;
const mounted: Staging = { path: "/k/globalmount", access: "mount", fsType: "ext4", mountFlags: [] };
const raw: Staging = { path: "/k/staging", access: "block", mountFlags: [] };
const DONE: TrimEnd = { outcome: "done", bytes: bytes(4096) };

let pool: MemoryPool;
let isOpen: boolean;
let trimmed: VolumeId[];
let outcomes: string[];
let answer: (signal: AbortSignal) => Promise<TrimEnd>;
let schedule: TrimSchedule;
const options = (every: number | undefined): PoolOptions => ({ ...loopOptions("fast"), trim: { every } });

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 27) });
  pool = new MemoryPool("fast", "a");
  isOpen = true;
  trimmed = [];
  outcomes = [];
  answer = async () => DONE;
  pool.putVolume(volumeRecord(1, { staging: mounted }));
  pool.putVolume(volumeRecord(2));
  pool.putVolume(volumeRecord(3, { staging: raw }));
  pool.putVolume(volumeRecord(4, { staging: mounted }));
  pool.putVolume(volumeRecord(5, { staging: mounted, state: "deleting" }));
  begin(HOUR);
});
afterEach(() => {
  schedule.close();
  vi.useRealTimers();
});

function begin(every: number | undefined): void {
  schedule = new TrimSchedule({
    node: "node-1",
    pools: [options(every)],
    open: () => (isOpen ? pool : undefined),
    trims: {
      trim: (_pool, id, signal) => {
        trimmed.push(id);
        return answer(signal);
      },
    },
    observer: { trimmed: (_pool, outcome) => outcomes.push(outcome) },
    report: () => {},
  });
}

test("each staged filesystem is trimmed once in each period, and that is noted", async () => {
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(trimmed).toEqual([volumeIdOf(1), volumeIdOf(4)]);
  expect(pool.trims.get(volumeIdOf(4))).toMatchObject({ bytes: 4096n });
  await vi.advanceTimersByTimeAsync(2 * HOUR);
  expect(trimmed).toHaveLength(6);
  expect(outcomes).toEqual(Array.from({ length: 6 }, () => "done"));
});

test("a driver that starts within a period waits for the next, at the same moment of it", async () => {
  const moment = async (): Promise<number> => {
    const before = trimmed.length;
    while (trimmed.length === before) await vi.advanceTimersToNextTimerAsync();
    return Date.now() % HOUR;
  };
  const first = await moment();
  schedule.close();
  await vi.advanceTimersByTimeAsync(HOUR / 3);
  begin(HOUR);
  expect(await moment()).toBe(first);
});

test("one after the other, and a period that begins meanwhile is left out", async () => {
  const slow = Promise.withResolvers<TrimEnd>();
  answer = () => slow.promise;
  await vi.advanceTimersByTimeAsync(3 * HOUR);
  expect(trimmed).toEqual([volumeIdOf(1)]);
  answer = async () => DONE;
  slow.resolve(DONE);
  await vi.advanceTimersByTimeAsync(1);
  expect(trimmed).toEqual([volumeIdOf(1), volumeIdOf(4)]);
});

test("one that failed stops no other, and is not noted", async () => {
  answer = async () => ({ outcome: "failed", bytes: bytes(0), reason: "EIO" });
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(outcomes).toEqual(["failed", "failed"]);
  expect(pool.trims.size).toBe(0);
});

test("nothing of a pool that is not open, nor after the end, nor where it is never to be", async () => {
  isOpen = false;
  await vi.advanceTimersByTimeAsync(2 * HOUR);
  isOpen = true;
  schedule.reconfigure({ pools: [options(undefined)], ended: [] });
  await vi.advanceTimersByTimeAsync(100 * HOUR);
  schedule.reconfigure({ pools: [options(HOUR)], ended: [] });
  schedule.close();
  await vi.advanceTimersByTimeAsync(100 * HOUR);
  expect(trimmed).toEqual([]);
});

test("the end stops what runs, and begins no other", async () => {
  const slow = Promise.withResolvers<TrimEnd>();
  answer = (signal) => {
    signal.addEventListener("abort", () => slow.resolve({ outcome: "stopped", bytes: bytes(0) }));
    return slow.promise;
  };
  await vi.advanceTimersByTimeAsync(HOUR);
  schedule.close();
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(trimmed).toEqual([volumeIdOf(1)]);
  expect(outcomes).toEqual(["stopped"]);
});

test("a period beyond what a timer takes", async () => {
  schedule.reconfigure({ pools: [options(60 * 24 * HOUR)], ended: [] });
  await vi.advanceTimersByTimeAsync(60 * 24 * HOUR);
  expect(trimmed).toHaveLength(2);
});

test("a clock that is set back makes the next one late, by a period at most", async () => {
  await vi.advanceTimersByTimeAsync(HOUR);
  vi.setSystemTime(Date.now() - 30 * HOUR);
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(trimmed).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(trimmed).toHaveLength(4);
});
