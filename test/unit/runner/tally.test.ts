import { describe, expect, test } from "vitest";

import { parseTally } from "../../runner/tally.ts";

describe("parseTally", () => {
  test("reads what a suite wrote", () => {
    const tally = { passed: 3, failed: 0, skipped: [{ name: "a test", reason: "no such kernel" }] };
    expect(parseTally(JSON.stringify(tally))).toEqual(tally);
  });

  test.each([
    ["half a file", '{"passed": 3, "fai'],
    ["nothing", ""],
    ["null", "null"],
    ["a count that is text", '{"passed": "3", "failed": 0, "skipped": []}'],
    ["a negative count", '{"passed": -1, "failed": 0, "skipped": []}'],
    ["a missing count", '{"passed": 1, "skipped": []}'],
    ["skips that are a number", '{"passed": 1, "failed": 0, "skipped": 2}'],
    ["a skip without a reason field", '{"passed": 1, "failed": 0, "skipped": [{"name": "x"}]}'],
  ])("refuses %s", (_what, text) => {
    expect(() => parseTally(text)).toThrow(SyntaxError);
  });
});
