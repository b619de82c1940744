import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { PoolReport } from "../../../src/core/pool-report.ts";
import { bytes, GIB } from "../../../src/core/units.ts";
import { StateFeed } from "../../../src/route/node-state.ts";
import type { NodeState } from "../../../src/generated/dmthin.ts";
import { openPool } from "../../support/node-report.ts";
import { MemoryPool, memoryPools } from "../../support/memory-pool.ts";

const TIMES = { heartbeatMs: 60_000, settleMs: 100, reportMs: 5000 };

let pool: MemoryPool;
let feed: StateFeed;
let told: NodeState[];
let leave: () => void;
beforeEach(async () => {
  vi.useFakeTimers();
  pool = new MemoryPool("fast", "a");
  const node = { name: "node-a", topology: "node-a", maxVolumes: 0 };
  const driver = { version: "1", node, pools: () => memoryPools([pool]) };
  feed = new StateFeed({ driver, report: async () => [] }, TIMES);
  told = [];
  leave = feed.listen({ tell: (state) => void told.push(state), end: () => {} });
  // What it hears from the kernel at first.
  await vi.advanceTimersByTimeAsync(TIMES.settleMs);
  told.length = 0;
});
afterEach(() => {
  leave();
  vi.useRealTimers();
});

const rooms = () => told.map(({ pools }) => pools?.[0]?.maximum_volume_bytes);

test("what a node tells of itself asks no kernel", async () => {
  pool.room = bytes(GIB);
  feed.poke();
  await vi.advanceTimersByTimeAsync(3 * TIMES.heartbeatMs);
  expect(rooms().at(-1)).toBe(String(GIB));
  expect(pool.looks).toBe(0);
});

test("calls that change nothing make a node tell nothing", async () => {
  pool.room = bytes(GIB);
  for (const method of ["FindNames", "Probe", "GetCapacity", "ListVolumes", "NodeGetVolumeStats"]) {
    feed.answered(method);
    await vi.advanceTimersByTimeAsync(TIMES.settleMs);
  }
  expect(rooms()).toEqual([]);
  feed.answered("CreateVolume");
  await vi.advanceTimersByTimeAsync(TIMES.settleMs);
  expect(rooms()).toEqual([String(GIB)]);
});

describe("what the kernel says of a pool", () => {
  let asked: number;
  let low: boolean;
  /** Until when an answer takes. */
  let answer: Promise<void>;
  beforeEach(async () => {
    leave();
    asked = 0;
    low = false;
    answer = Promise.resolve();
    const node = { name: "node-a", topology: "node-a", maxVolumes: 0 };
    const driver = { version: "1", node, pools: () => memoryPools([pool]) };
    const report = async (): Promise<readonly PoolReport[]> => {
      asked += 1;
      const conditions = low ? [{ type: "DataLow" as const, reason: "its data is filling" }] : [];
      await answer;
      return [openPool({ conditions })];
    };
    feed = new StateFeed({ driver, report }, TIMES);
    leave = feed.listen({ tell: (state) => void told.push(state), end: () => {} });
    await vi.advanceTimersByTimeAsync(TIMES.settleMs);
    told.length = 0;
  });
  const conditions = () => told.at(-1)?.pools?.[0]?.conditions?.map(({ type }) => type);

  test("is asked again as soon as it may be, and not at the next heartbeat", async () => {
    low = true;
    feed.poke();
    await vi.advanceTimersByTimeAsync(TIMES.reportMs - TIMES.settleMs - 1);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect([asked, conditions()]).toEqual([2, ["DataLow"]]);
  });

  test("is asked again where something happened while it was asked", async () => {
    await vi.advanceTimersByTimeAsync(TIMES.reportMs);
    const { promise, resolve } = Promise.withResolvers<void>();
    answer = promise;
    feed.poke();
    await vi.advanceTimersByTimeAsync(TIMES.settleMs);
    low = true;
    feed.poke();
    await vi.advanceTimersByTimeAsync(TIMES.settleMs);
    resolve();
    await vi.advanceTimersByTimeAsync(TIMES.reportMs);
    expect([asked, conditions()]).toEqual([3, ["DataLow"]]);
  });
});
