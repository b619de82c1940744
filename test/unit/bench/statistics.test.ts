import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { median, quantile, ratioOf, summarize } from "../../../bench/model/statistics.ts";

test.each([
  ["one", [7], 7],
  ["an odd count, in any order", [9, 1, 5], 5],
  ["an even count: between the two in the middle", [4, 1, 2, 3], 2.5],
])("the median of %s", (_what, samples, expected) => {
  expect(median(samples)).toBe(expected);
});

test("quartiles lie between neighbours where their place does", () => {
  expect(summarize([1, 2, 3, 4, 5, 6])).toEqual({ n: 6, median: 3.5, q1: 2.25, q3: 4.75, min: 1, max: 6 });
});

test("a quantile is never outside the series, and never below a lower one", () => {
  const samples = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (series, share) => {
      const value = quantile(series, share);
      expect(value).toBeGreaterThanOrEqual(Math.min(...series));
      expect(value).toBeLessThanOrEqual(Math.max(...series) + 1e-9);
      expect(quantile(series, share / 2)).toBeLessThanOrEqual(value + 1e-9);
    }),
  );
});

test("nothing has no median", () => {
  expect(() => median([])).toThrow(RangeError);
});

describe("a ratio", () => {
  test("is that of the medians, its spread that of the rounds", () => {
    // A round in which the machine was slow counts for both sides.
    expect(ratioOf([10, 20, 100], [40, 80, 400])).toEqual({ value: 0.25, spread: [0.25, 0.25] });
  });

  test("tells rounds that differ", () => {
    expect(ratioOf([10, 20, 30], [10, 10, 10])).toEqual({ value: 2, spread: [1.5, 2.5] });
  });

  test("of series of different length is none: they were not measured in the same rounds", () => {
    expect(() => ratioOf([1, 2], [1])).toThrow(RangeError);
  });
});
