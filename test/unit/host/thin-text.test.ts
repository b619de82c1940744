import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { devNumber, type LinearSegment } from "../../../src/core/dm.ts";
import { MAX_THIN_ID, thinId } from "../../../src/core/ids.ts";
import { sectors } from "../../../src/core/units.ts";
import { formatLinearTable, parseLinearTable } from "../../../src/host/linear-text.ts";
import { formatThinTable, parseThinStatus, parseThinTable } from "../../../src/host/thin-text.ts";
import { captured, DMSETUP_CAPTURES } from "../../support/fixtures.ts";

const length = fc.bigInt({ min: 0n, max: 2n ** 63n }).map(sectors);
const device = fc.tuple(fc.nat(4095), fc.nat(1_048_575)).map(([major, minor]) => devNumber(major, minor));

describe.each(DMSETUP_CAPTURES)("thin and linear text of %s", (directory) => {
  test.each([
    ["thin-status-empty", { kind: "active", mapped: 0n }],
    ["thin-status", { kind: "active", mapped: 12928n, highestMapped: 384127n }],
    ["thin-status-error", { kind: "fail" }],
    ["thin-status-fail", { kind: "fail" }],
  ])("%s", (name, expected) => {
    expect(parseThinStatus(captured(`${directory}/${name}`))).toEqual(expected);
  });

  test("a thin's table names the pool and the thin", () => {
    const text = captured(`${directory}/thin-table`);
    expect(parseThinTable(text)).toMatchObject({ length: 409600n, thinId: 1 });
    expect(formatThinTable(parseThinTable(text))).toBe(text.trim());
  });

  test("live and inactive table differ in length only", () => {
    const [live, inactive] = ["table-live", "table-inactive"].map((name) =>
      parseThinTable(captured(`${directory}/${name}`)),
    );
    expect(inactive).toEqual({ ...live, length: 819200n });
  });

  test("a linear table comes back as the kernel prints it", () => {
    const text = captured(`${directory}/linear-table`);
    expect(parseLinearTable(text)).toHaveLength(3);
    expect(formatLinearTable(parseLinearTable(text))).toBe(text.trim());
  });
});

describe("thin text", () => {
  test("a table survives being written and read", () => {
    const table = fc.record({ length, pool: device, thinId: fc.nat(MAX_THIN_ID).map(thinId) });
    fc.assert(
      fc.property(table, (value) => {
        expect(parseThinTable(formatThinTable(value))).toEqual(value);
      }),
    );
  });

  test.each([
    ["an external origin", "0 8 thin 254:0 1 7:3", 'end is "7:3"'],
    ["an id of more than 24 bits", "0 8 thin 254:0 16777216", "thin id"],
    ["a second segment", "8 8 thin 254:0 1", 'start is "8"'],
    ["a device by path", "0 8 thin /dev/dm-0 1", "pool device"],
    ["a device without a table", "\n", 'start is ""'],
  ])("%s is refused", (_, line, message) => {
    expect(() => parseThinTable(line)).toThrow(message);
  });

  test("a lone dash, of a thin that never opened, is a failure", () => {
    expect(parseThinStatus("0 8 thin -")).toEqual({ kind: "fail" });
  });

  test.each(["0 8 thin", "0 8 thin x -", "0 8 thin 8 y", "0 8 linear 8 8"])("%j is refused", (line) => {
    expect(() => parseThinStatus(line)).toThrow("expected");
  });
});

describe("linear text", () => {
  test("segments survive being written and read", () => {
    const segment: fc.Arbitrary<LinearSegment> = fc.record({ length, device, offset: length });
    fc.assert(
      fc.property(fc.array(segment), (segments) => {
        expect(parseLinearTable(formatLinearTable(segments))).toEqual(segments);
      }),
    );
  });

  test.each([
    ["a gap", "0 8 linear 7:0 0\n9 8 linear 7:0 8"],
    ["an overlap", "0 8 linear 7:0 0\n7 8 linear 7:0 8"],
    ["another target", "0 8 striped 7:0 0"],
  ])("%s is refused", (_, text) => {
    expect(() => parseLinearTable(text)).toThrow("expected");
  });
});
