import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import { Heartbeat, LONGEST_STALL_MS, REMEMBERED_MS } from "../../../src/monitor/heartbeat.ts";

function bench() {
  let now = 1000;
  let beat = (): void => {};
  const heart = new Heartbeat({
    now: () => now,
    every: (_ms, each) => {
      beat = each;
      return () => {};
    },
  });
  return {
    heart,
    /** The loop stands still for that long; then the timer fires, if it may. */
    pass: (ms: number, beats = true): void => {
      now += ms;
      if (beats) beat();
    },
  };
}

describe("the heartbeat of the main loop", () => {
  test("is well while it beats, a little late or not", () => {
    const { heart, pass } = bench();
    for (const ms of [1000, 1400, 1000, LONGEST_STALL_MS]) {
      pass(ms);
      expect(heart.stall).toBeUndefined();
    }
    expect(heart.lagSeconds).toBe((LONGEST_STALL_MS - 1000) / 1000);
  });

  test("tells a stall, also when the next beat is still to come", () => {
    const { heart, pass } = bench();
    pass(9000, false);
    expect(heart.stall).toBe(8000);
    pass(0);
    expect(heart.stall).toBe(8000);
  });

  test("tells it for as long as a probe may come late, and then no more", () => {
    const { heart, pass } = bench();
    pass(9000);
    for (let ms = 0; ms < REMEMBERED_MS; ms += 1000) {
      pass(1000);
      expect(heart.stall).toBe(8000);
    }
    pass(1000);
    expect(heart.stall).toBeUndefined();
  });

  test("measures the real loop", async () => {
    const heart = new Heartbeat();
    const end = performance.now() + 2500;
    while (performance.now() < end);
    expect(heart.lagSeconds).toBeGreaterThan(1);
    await sleep(1);
    heart.stop();
  });
});
