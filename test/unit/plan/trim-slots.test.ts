/** The calendar of trims: one moment in each period, whoever asks and however often it was asked before. */
import fc from "fast-check";
import { expect, test } from "vitest";

import { slotAt, untilNextSlot } from "../../../src/plan/trim-slots.ts";

const WEEK = 7 * 86_400_000;

test("a period begins at its phase", () => {
  const times = { every: 1000, phase: 300 };
  expect([299, 300, 1299, 1300].map((now) => slotAt(times, now))).toEqual([-1, 0, 0, 1]);
  expect([299, 300, 1299].map((now) => untilNextSlot(times, now))).toEqual([1, 1000, 1]);
});

test("after the wait the next period has begun, and not a moment before", () => {
  const times = fc
    .integer({ min: 10_000, max: WEEK })
    .chain((every) => fc.record({ every: fc.constant(every), phase: fc.nat(every - 1) }));
  fc.assert(
    fc.property(times, fc.nat(4e12), (each, now) => {
      const wait = untilNextSlot(each, now);
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(each.every);
      expect(slotAt(each, now + wait)).toBe(slotAt(each, now) + 1);
      expect(slotAt(each, now + wait - 1)).toBe(slotAt(each, now));
    }),
  );
});
