import { describe, expect, test } from "vitest";

import { bytesOf } from "../../e2e/suite/framework/content.ts";
import { judgeRecords } from "../../e2e/suite/framework/writer.ts";

describe("records of a writer", () => {
  test("come one after the other; the longest gap is told", () => {
    expect(judgeRecords(["1 100", "2 100", "3 107", "4 108", ""])).toEqual({ last: 4, longestGapS: 7 });
    expect(judgeRecords(["17 5", "18 5"])).toEqual({ last: 18, longestGapS: 0 });
    expect(judgeRecords([])).toEqual({ last: 0, longestGapS: 0 });
  });

  test("one that is missing, twice there, or torn is an error", () => {
    expect(() => judgeRecords(["1 100", "3 100"])).toThrow("record 2 is missing");
    expect(() => judgeRecords(["1 100", "1 100"])).toThrow("record 2 is missing");
    expect(() => judgeRecords(["1 100", "2 1\0\0"])).toThrow("not a record");
    expect(() => judgeRecords(["1 100", "\0\0\0\0"])).toThrow("not a record");
  });
});

test("sizes are read as Kubernetes writes them, and nothing else is", () => {
  expect(bytesOf("512Mi")).toBe(536_870_912n);
  expect(bytesOf("1073741824")).toBe(1_073_741_824n);
  expect(() => bytesOf("1.5Gi")).toThrow("not a size");
  expect(() => bytesOf("5M")).toThrow("not a size");
});
