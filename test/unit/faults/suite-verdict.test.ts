import { describe, expect, test } from "vitest";

import {
  findVerdict,
  formatVerdict,
  outcomeOf,
  promisesIn,
  type TestVerdict,
} from "../../faults/suite-verdict.ts";

const passed = (name: string): TestVerdict => ({ name, state: "passed", errors: [] });
const failed = (name: string): TestVerdict => ({ name, state: "failed", errors: ["expected 1 to be 2"] });

describe("promisesIn", () => {
  test.each([
    ["promise 4: a kill after create-thin", [4]],
    ["a full pool > promises 6, 2: overwritten, it goes on", [2, 6]],
    ["promise 14: there is none", undefined],
    ["keeps promise 4", undefined],
    ["", undefined],
  ])("%s", (name, promises) => {
    expect(promisesIn(name)).toEqual(promises);
  });
});

describe("outcomeOf", () => {
  test("counts each test for every promise it names, a failed one against the first of them", () => {
    const tests = [
      passed("promises 4, 5: killed"),
      failed("promises 4, 5: killed twice"),
      passed("promise 5: x"),
    ];
    const { tried, violations, figures } = outcomeOf({ tests, otherErrors: [] }, [4, 5]);
    expect(tried).toEqual(
      new Map([
        [4, 2],
        [5, 3],
      ]),
    );
    expect(violations).toEqual([{ promise: 4, evidence: "promises 4, 5: killed twice\nexpected 1 to be 2" }]);
    expect(figures).toBe("2 of 3 held");
  });

  test.each([
    ["no tests", [], []],
    ["names no promise: alone", [passed("alone")], []],
    ["was not run: promise 4: later", [{ ...passed("promise 4: later"), state: "skipped" as const }], []],
    ["errors outside of tests:\nhook", [passed("promise 4: x")], ["hook"]],
    [
      "hook\nfailed: promise 4: y\nexpected 1 to be 2",
      [passed("promise 4: x"), failed("promise 4: y")],
      ["hook"],
    ],
    ["not declared: 5", [passed("promise 4: x"), passed("promise 5: x")], []],
    ["not tried: 4", [passed("promise 5: x")], []],
  ])("rejects a suite of which it cannot be said: %s", (message, tests, otherErrors) => {
    expect(() => outcomeOf({ tests, otherErrors }, [4])).toThrow(message);
  });
});

test("a verdict comes back as it was printed, wherever it stands", () => {
  const verdict = { tests: [passed("promise 1: x")], otherErrors: [] };
  expect(findVerdict(`vitest\n${formatVerdict(verdict)}\nbye\n`)).toEqual(verdict);
  expect(findVerdict("cut off")).toBeUndefined();
});
