import { describe, expect, test } from "vitest";

import { ParseError } from "../../../src/core/errors.ts";
import { bytes } from "../../../src/core/units.ts";
import { formatReport, parseReport } from "../../../src/monitor/report-json.ts";
import { absentPool, nodeReport, openPool } from "../../support/node-report.ts";

const REPORT = nodeReport(
  openPool({ conditions: [{ type: "DataLow", reason: "filling" }] }),
  openPool({ silence: "no answer within 5 s" }),
  openPool({ leftOut: true }),
  absentPool,
);

describe("a report as JSON", () => {
  test("comes back as it was", () => {
    expect(parseReport(formatReport(REPORT))).toEqual(REPORT);
  });

  test("has sizes as decimal text, so that no reader rounds them", () => {
    const large = bytes(9_007_199_254_740_993n);
    const pool = openPool();
    if (pool.kind !== "open") throw new Error("not open");
    const json = formatReport(nodeReport({ ...pool, figures: { ...pool.figures, promised: large } }));
    expect(json).toContain('"promised": "9007199254740993"');
    expect(parseReport(json).pools[0]).toMatchObject({ figures: { promised: large } });
  });

  test("of a newer driver may say more", () => {
    const more = { ...(JSON.parse(formatReport(REPORT)) as object), kernel: "8.0" };
    expect(parseReport(JSON.stringify(more))).toEqual(REPORT);
  });

  test.each([
    ["no JSON", "<html>"],
    ["another shape", "[]"],
    ["a size that is a number", formatReport(REPORT).replace('"blockSize": "65536"', '"blockSize": 65536')],
  ])("is refused where it is %s", (_what, json) => {
    expect(() => parseReport(json)).toThrow(ParseError);
  });
});
