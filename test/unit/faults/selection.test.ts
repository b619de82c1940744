import { describe, expect, test } from "vitest";

import type { FaultCase } from "../../faults/case.ts";
import { select } from "../../faults/selection.ts";

const fault = (name: string, full: number, share: number): FaultCase => ({
  name,
  promises: [2],
  seeds: { full, share },
  run: () => Promise.resolve({ violations: [], figures: "" }),
});
const CASES = [fault("cut", 3, 1), fault("full-only", 1, 0), fault("by-name", 0, 0)];

const chosen = (selection: Parameters<typeof select>[1]): readonly string[] =>
  select(CASES, selection).map((run) => `${run.fault.name} ${run.seed}`);

describe("select", () => {
  test.each([
    ["the whole suite", { share: false }, ["cut 1", "cut 2", "cut 3", "full-only 1"]],
    ["the share", { share: true }, ["cut 1"]],
    ["one run", { share: false, name: "cut", seed: "77" }, ["cut 77"]],
    ["a range of seeds", { share: false, name: "cut", seed: "9-11" }, ["cut 9", "cut 10", "cut 11"]],
    ["a seed for all", { share: false, seed: "5" }, ["cut 5", "full-only 5"]],
    ["a case that runs by name only", { share: false, name: "by-name" }, ["by-name 1"]],
    ["a case that is not in the share, by name", { share: true, name: "full-only" }, ["full-only 1"]],
  ])("takes %s", (_what, selection, expected) => {
    expect(chosen(selection)).toEqual(expected);
  });

  test.each([
    ["an unknown case", { share: false, name: "cuts" }, /no such case: cuts; cases are cut, full-only/],
    ["a seed that is a word", { share: false, seed: "many" }, /not a seed/],
    ["a negative seed", { share: false, seed: "-3" }, /not a seed/],
    ["a range that runs backwards", { share: false, seed: "9-3" }, /not a seed/],
  ])("refuses %s", (_what, selection, message) => {
    expect(() => chosen(selection)).toThrow(message);
  });

  test("refuses to run nothing", () => {
    expect(() => select([], { share: false })).toThrow(/no case/);
  });
});
