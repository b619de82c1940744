import { describe, expect, test } from "vitest";

import type { FaultCase, Violation } from "../../faults/case.ts";
import { formatRun, formatSummary, isGood, tallyOf, type RunEnd } from "../../faults/report.ts";

const CUT: FaultCase = {
  name: "cut",
  promises: [2, 4],
  seeds: { full: 1, share: 1 },
  run: () => Promise.reject(new Error("not run here")),
};

const ended = (seed: number, ...violations: readonly Violation[]): RunEnd => ({
  fault: CUT,
  seed,
  seconds: 1.25,
  end: { violations, figures: "12 records" },
});
const broken: RunEnd = { fault: CUT, seed: 9, seconds: 1, end: { failure: "no kernel" } };

describe("formatSummary", () => {
  test("has a line for each promise, and says which were not tried", () => {
    const lines = formatSummary([ended(3), ended(5, { promise: 2, evidence: "a record is lost" })]).split(
      "\n",
    );
    expect(lines).toHaveLength(15);
    expect(lines[0]).toBe("promise 1: 0 cases, 0 violations");
    expect(lines[1]).toBe("promise 2: 2 cases, 1 violations, seeds 3-5");
    expect(lines[3]).toBe("promise 4: 2 cases, 0 violations, seeds 3-5");
    expect(lines[13]).toBe("not tried by this run: promise 1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13");
    expect(lines[14]).toBe("VIOLATED cut, seed 5: promise 2: a record is lost");
  });

  test("ends with the first lines of all evidence, since the end of an output is what is kept of it", () => {
    const evidence = ["promise 2: nothing is lost", ...Array.from({ length: 40 }, (_, at) => `row ${at}`)];
    const long = ended(3, { promise: 2, evidence: evidence.join("\n") }, { promise: 4, evidence: "a mount" });
    const lines = formatSummary([long, broken]).split("\n");
    expect(lines.slice(-17, -14)).toEqual([
      "VIOLATED cut, seed 3: promise 2: promise 2: nothing is lost",
      "    row 0",
      "    row 1",
    ]);
    expect(lines.slice(-4)).toEqual([
      "    row 12",
      "    (27 more lines)",
      "VIOLATED cut, seed 3: promise 4: a mount",
      "NOT DONE cut, seed 9: no kernel",
    ]);
  });

  test("counts a violation of a promise that the case does not name", () => {
    const [first] = formatSummary([ended(1, { promise: 1, evidence: "formatted twice" })]).split("\n");
    expect(first).toBe("promise 1: 1 cases, 1 violations, seeds 1-1");
  });

  test("counts a run that could not be done for no promise", () => {
    const summary = formatSummary([broken]);
    expect(summary).toContain("promise 2: 0 cases, 0 violations\n");
    expect(summary).toContain("could not be done: make faults SEED=9 CASE=cut");
  });
});

describe("a run", () => {
  test("that kept its promises is one line", () => {
    expect(formatRun(ended(3))).toBe("  ok cut, seed 3, 1.3 s: 12 records");
  });

  test("that did not says the evidence and the command that repeats it", () => {
    const text = formatRun(ended(3, { promise: 2, evidence: "lost:\nrecord 7" }));
    expect(text).toContain("    promise 2: lost:\n    record 7");
    expect(text).toContain("repeat: make faults SEED=3 CASE=cut");
  });

  test("that could not be done is not good, and failed in the tally", () => {
    expect(formatRun(broken)).toContain("NOT DONE");
    expect([ended(1), ended(1, { promise: 2, evidence: "" }), broken].map(isGood)).toEqual([
      true,
      false,
      false,
    ]);
    expect(tallyOf([ended(1), broken])).toEqual({ passed: 1, failed: 1, skipped: [] });
  });
});
