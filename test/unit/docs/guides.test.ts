/** Every block of shell in the guides is run by test/kernel/guides.test.ts, or says why not. */
import { describe, expect, test } from "vitest";

import { parseConfig } from "../../../src/config.ts";
import { SCENARIOS } from "../../support/guide-scenarios.ts";
import {
  expectedOutput,
  GUIDES,
  isRun,
  missingLines,
  NOT_RUN,
  shellBlocks,
  yamlBlocks,
} from "../../support/guides.ts";

describe("the guides", () => {
  test("that have blocks to run are followed, and only those", () => {
    expect(GUIDES.length).toBeGreaterThan(6);
    const toRun = GUIDES.filter((guide) => shellBlocks(guide).some(isRun));
    expect(Object.keys(SCENARIOS).toSorted()).toEqual(toRun.toSorted());
  });

  test("leave a block out for a reason of the list, and each reason is used", () => {
    const blocks = GUIDES.flatMap((guide) => shellBlocks(guide));
    const reasons = blocks.flatMap(({ run }) => ("leftOutFor" in run ? [run.leftOutFor] : []));
    expect([...new Set(reasons)].toSorted()).toEqual(NOT_RUN.toSorted());
    // Most are run.
    expect(blocks.length - reasons.length).toBeGreaterThan(4 * reasons.length);
  });
});

test("every configuration that a guide shows is valid, whole or as a pool of one", () => {
  const shown = GUIDES.flatMap((guide) => yamlBlocks(guide).map((text) => ({ guide, text })));
  const tried = shown.flatMap(({ guide, text }) => {
    const isWhole = text.startsWith("endpoint:");
    if (!isWhole && !text.trimStart().startsWith("- name:")) return [];
    const whole = isWhole ? text : `endpoint: unix:///run/dmthin/csi.sock\npools:\n${text}`;
    const parsed = parseConfig(whole, { nodeName: "worker-3" });
    return [{ guide, problems: parsed.kind === "valid" ? [] : parsed.problems }];
  });
  expect(tried.length).toBeGreaterThan(3);
  expect(tried.filter(({ problems }) => problems.length > 0)).toEqual([]);
});

describe("a block", () => {
  const of = (comment: string, indent = "") =>
    shellBlocks("x.md", `# X\n\n${comment}${indent}\`\`\`sh\n${indent}true\n${indent}\`\`\`\n`);

  test("is run, with an exit code of its own, or is left out", () => {
    expect(of("")).toEqual([{ guide: "x.md", line: 3, text: "true", run: { exitCode: 0 } }]);
    expect(of("", "   ")).toEqual([{ guide: "x.md", line: 3, text: "true", run: { exitCode: 0 } }]);
    expect(of("<!-- run: exit code 4 -->\n")).toMatchObject([{ run: { exitCode: 4 } }]);
    expect(of("<!-- not run: starts the test kernel -->\n").map(isRun)).toEqual([false]);
  });

  test.each([
    "not run: too slow",
    "not run: needs a cluster",
    "not run",
    "later",
    "run: exit code x",
    "not run: starts the test kernel later",
    "not run: needs lvm2",
  ])("is not left out for: %s", (comment) => {
    expect(() => of(`<!-- ${comment} -->\n`)).toThrow(/x\.md:3: .* is no reason/);
  });
});

describe("what a block prints", () => {
  test("is said by whole lines of comment", () => {
    expect(expectedOutput("# one\nls    # two\n  # three\n#four\n#   five  six\n")).toEqual([
      "one",
      "five six",
    ]);
  });

  test.each([
    [["a", "c"], "a\nb\nc\n", []],
    [["c", "a"], "a\nb\nc\n", ["a"]],
    [["a …"], "a   lot of  it\n", []],
    [["a …"], "ab\n", ["a …"]],
    [["a.c"], "abc\n", ["a.c"]],
    [["a", "a"], "a\n", ["a"]],
    [["a"], "", ["a"]],
  ])("%j of %j misses %j", (expected, output, missing) => {
    expect(missingLines(expected, output)).toEqual(missing);
  });
});
