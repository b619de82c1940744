import { expect, test } from "vitest";

import { formatEnd, formatSummary, isGood, tallyOf, type Result } from "../../e2e/suite/framework/report.ts";
import type { Phase } from "../../e2e/suite/framework/world.ts";

const scenario = (id: string) => ({ id, title: id, run: () => Promise.resolve() });
const spent = new Map<Phase, number>([
  ["pods start", 3],
  ["growth", 4.04],
]);
const passed: Result = {
  scenario: scenario("good"),
  end: { kind: "passed", seconds: 12.34, spent, remarks: ["it took 7 s"] },
};
const failed: Result = {
  scenario: scenario("bad"),
  end: { kind: "failed", seconds: 20, spent, error: "this\nand that", kept: "/there" },
};
const notRun: Result = { scenario: scenario("odd"), end: { kind: "not run", why: "needs the test bed" } };

test("each scenario has a line with its time; a failure has its error and where its logs are", () => {
  expect(formatEnd(passed)).toMatch(/^ok {7}good +12\.3 s\n +it took 7 s$/);
  expect(formatEnd(failed)).toMatch(/^FAILED {3}bad +20\.0 s\n +this\n +and that\n +kept: \/there$/);
  expect(formatEnd(notRun)).toMatch(/^not run {2}odd +needs the test bed$/);
});

test("the last line counts; what was not run is named only where there is any", () => {
  const last = (...results: readonly Result[]) => formatSummary(results, 30).split("\n").at(-1);
  expect(last(passed, failed, notRun)).toBe("e2e: 1 passed, 1 failed, 1 not run");
  expect(last(passed)).toBe("e2e: 1 passed, 0 failed");
});

test("the summary says where the time went: scenarios and phases, the dearest first", () => {
  const text = formatSummary([passed, failed, notRun], 30);
  expect(text.indexOf("bad")).toBeLessThan(text.indexOf("good"));
  expect(text).toMatch(/growth +8\.1 s\n +pods start +6\.0 s/);
});

test("a run is good when something passed and nothing failed", () => {
  expect(isGood([passed, notRun])).toBe(true);
  expect(isGood([passed, failed])).toBe(false);
  expect(isGood([notRun])).toBe(false);
});

test("make test counts the same, and says why a scenario was not run", () => {
  expect(tallyOf([passed, failed, notRun])).toStrictEqual({
    passed: 1,
    failed: 1,
    skipped: [{ name: "odd", reason: "needs the test bed" }],
  });
});
