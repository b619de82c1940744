import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { bytes, GIB } from "../../../src/core/units.ts";
import { StateFeed } from "../../../src/route/node-state.ts";
import type { NodeState } from "../../../src/generated/dmthin.ts";
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
