import { describe, expect, test } from "vitest";

import { formatReport, isGood, lastLinesOf, outcomeOf, type Outcome } from "../../runner/outcome.ts";
import type { Stage } from "../../runner/stages.ts";

const step: Stage = { target: "check-types", count: { by: "exit" } };
const preparation: Stage = { target: "tools", count: { by: "preparation" } };
const suite: Stage = { target: "kernel", count: { by: "tally", suite: "kernel" } };
const green = { passed: 5, failed: 0, skipped: [] };

describe("outcomeOf", () => {
  test.each([
    ["a step that succeeds is one passed test", step, 0, undefined, "1 passed, 0 failed, 0 skipped"],
    ["a step that fails is one failed test", step, 2, undefined, "0 passed, 1 failed, 0 skipped"],
    [
      "a preparation that succeeds counts nothing",
      preparation,
      0,
      undefined,
      "0 passed, 0 failed, 0 skipped",
    ],
    ["a preparation that fails is a failure", preparation, 2, undefined, "0 passed, 1 failed, 0 skipped"],
    ["a suite counts its tests", suite, 0, green, "5 passed, 0 failed, 0 skipped"],
    [
      "a failed test is not counted twice",
      suite,
      2,
      { ...green, failed: 2 },
      "5 passed, 2 failed, 0 skipped",
    ],
    ["a bad exit code fails a green suite", suite, 125, green, "5 passed, 1 failed, 0 skipped"],
    ["a suite that left no count failed", suite, 0, undefined, "0 passed, 1 failed, 0 skipped"],
    ["a suite without a test failed", suite, 0, { ...green, passed: 0 }, "0 passed, 1 failed, 0 skipped"],
    [
      "a skip with its reason is no failure",
      suite,
      0,
      { ...green, skipped: [{ name: "x", reason: "kernel 6.1 has no such target" }] },
      "5 passed, 0 failed, 1 skipped",
    ],
    [
      "a skip without a reason is a failure",
      suite,
      0,
      { ...green, skipped: [{ name: "x", reason: " " }] },
      "5 passed, 1 failed, 1 skipped",
    ],
  ])("%s", (_name, stage, exitCode, tally, total) => {
    const outcome = outcomeOf(stage, { exitCode, seconds: 1, tally });
    expect(formatReport([outcome], 100).split("\n").at(-1)).toBe(total);
    expect(isGood([outcome])).toBe(total.includes(" 0 failed"));
  });
});

describe("formatReport", () => {
  const outcomes: readonly Outcome[] = [
    { target: "unit", seconds: 2.04, passed: 40, failed: 0, skipped: [], problems: [] },
    {
      target: "kernel",
      seconds: 61,
      passed: 7,
      failed: 1,
      skipped: [{ name: "btrfs copy", reason: "no btrfs in this kernel" }],
      problems: ["make kernel ended with exit code 124"],
    },
  ];

  test("lists times, problems and each skip with its reason, and ends with the total over all", () => {
    expect(formatReport(outcomes, 100).split("\n")).toEqual([
      "",
      "where the time goes (100 s in all)",
      "  unit       2.0 s  40 passed, 0 failed, 0 skipped",
      "  kernel    61.0 s  7 passed, 2 failed, 1 skipped",
      "",
      "problems",
      "  kernel: make kernel ended with exit code 124",
      "",
      "skipped",
      "  kernel: btrfs copy: no btrfs in this kernel",
      "",
      "47 passed, 2 failed, 1 skipped",
    ]);
  });

  test("repeats the end of what a failed stage put out, just before the total", () => {
    const output = Array.from({ length: 60 }, (_, at) => `line ${at}`).join("\n");
    const [good, bad] = outcomes as readonly [Outcome, Outcome];
    const lastLines = lastLinesOf(`${output}\n`);
    const lines = formatReport(
      [
        { ...good, lastLines },
        { ...bad, lastLines },
      ],
      100,
    ).split("\n");
    expect(lines.filter((line) => line.startsWith("the end of "))).toEqual(["the end of kernel"]);
    expect(lines.slice(-44, -40)).toEqual(["", "the end of kernel", "  line 20", "  line 21"]);
    expect(lines.slice(-3)).toEqual(["  line 59", "", "47 passed, 2 failed, 1 skipped"]);
  });

  test("a run of nothing is not good", () => {
    expect(isGood([])).toBe(false);
  });
});
