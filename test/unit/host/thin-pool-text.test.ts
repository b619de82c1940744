import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { devNumber, type PoolTable } from "../../../src/core/dm.ts";
import { ParseError } from "../../../src/core/errors.ts";
import { dataBlocks, metaBlocks, sectors } from "../../../src/core/units.ts";
import { formatPoolTable, parsePoolStatus, parsePoolTable } from "../../../src/host/thin-pool-text.ts";
import { captured, DMSETUP_CAPTURES } from "../../support/fixtures.ts";

describe.each(DMSETUP_CAPTURES)("thin-pool text of %s", (directory) => {
  const status = (name: string) => parsePoolStatus(captured(`${directory}/pool-status-${name}`));

  test("an empty pool is read-write, with its reserve of metadata in use", () => {
    expect(status("empty")).toEqual({
      kind: "active",
      transactionId: 0n,
      usedMeta: 419n,
      totalMeta: 4096n,
      usedData: 0n,
      totalData: 16384n,
      mode: "rw",
      discard: "discard_passdown",
      whenFull: "queue_if_no_space",
      needsCheck: false,
      metaLowWater: 1024n,
    });
  });

  test("a held metadata snapshot shows its block", () => {
    expect(status("held")).toMatchObject({ mode: "rw", heldRoot: expect.any(BigInt) as bigint });
  });

  test.each([
    [
      "full",
      { mode: "out_of_data_space", usedData: 16384n, totalData: 16384n, whenFull: "error_if_no_space" },
    ],
    ["read-only", { mode: "ro", needsCheck: false }],
    ["needs-check", { mode: "ro", needsCheck: true }],
    ["failing", { kind: "fail" }],
    ["fail", { kind: "fail" }],
  ])("a pool on its way down: %s", (name, expected) => {
    expect(status(name)).toMatchObject(expected);
  });

  test.each(["pool-table", "pool-table-features"])("%s comes back as the kernel prints it", (name) => {
    const text = captured(`${directory}/${name}`);
    expect(formatPoolTable(parsePoolTable(text))).toBe(text.trim());
  });

  test("features are the requested ones", () => {
    const { features } = parsePoolTable(captured(`${directory}/pool-table-features`));
    expect(features.toSorted()).toEqual(["error_if_no_space", "no_discard_passdown"]);
  });
});

const CAPTURED = captured("dmsetup-1.02.205-linux-7.2/pool-status-empty").trim();

describe("pool status", () => {
  test("older kernels end before needs_check", () => {
    const words = CAPTURED.split(" ");
    expect(parsePoolStatus(words.slice(0, -1).join(" "))).not.toHaveProperty("metaLowWater");
    expect(parsePoolStatus(words.slice(0, -2).join(" "))).toMatchObject({ needsCheck: false });
  });

  test("words that later kernels append are ignored", () => {
    expect(parsePoolStatus(`${CAPTURED} 17 something`)).toEqual(parsePoolStatus(CAPTURED));
  });

  test.each([
    ["an unknown mode", CAPTURED.replace(" rw ", " rx "), 'mode is "rx"'],
    ["another target", CAPTURED.replace("thin-pool", "thin"), 'target is "thin"'],
    ["an unknown flag", CAPTURED.replace(" - 1024", " broken 1024"), 'needs check is "broken"'],
    ["a missing field", "0 8 thin-pool 0 1/2", 'data blocks is ""'],
    ["nothing", "", 'start is ""'],
  ])("%s is refused by position and value", (_, line, message) => {
    expect(() => parsePoolStatus(line)).toThrow(message);
  });

  test("any text is a status or a ParseError", () => {
    fc.assert(
      fc.property(mangled(CAPTURED), (line) => {
        try {
          return typeof parsePoolStatus(line).kind === "string";
        } catch (error) {
          return error instanceof ParseError;
        }
      }),
    );
  });

  test("every combination of fields is read back", () => {
    const natural = fc.bigInt({ min: 0n, max: 2n ** 63n });
    fc.assert(
      fc.property(
        fc.record({
          transactionId: natural,
          usedMeta: natural,
          totalMeta: natural,
          usedData: natural,
          totalData: natural,
          heldRoot: fc.option(natural, { nil: undefined }),
          mode: fc.constantFrom("rw", "ro", "out_of_data_space"),
          discard: fc.constantFrom("ignore_discard", "discard_passdown", "no_discard_passdown"),
          whenFull: fc.constantFrom("error_if_no_space", "queue_if_no_space"),
          needsCheck: fc.boolean(),
          metaLowWater: natural,
        }),
        (s) => {
          const line =
            `0 8 thin-pool ${s.transactionId} ${s.usedMeta}/${s.totalMeta} ${s.usedData}/${s.totalData} ${s.heldRoot ?? "-"} ` +
            `${s.mode} ${s.discard} ${s.whenFull} ${s.needsCheck ? "needs_check" : "-"} ${s.metaLowWater} `;
          expect({ heldRoot: undefined, ...parsePoolStatus(line) }).toEqual({
            kind: "active",
            ...s,
            totalMeta: metaBlocks(s.totalMeta),
            totalData: dataBlocks(s.totalData),
          });
        },
      ),
    );
  });
});

describe("pool table", () => {
  const natural = fc.bigInt({ min: 0n, max: 2n ** 63n });
  const device = fc.tuple(fc.nat(4095), fc.nat(1_048_575)).map(([major, minor]) => devNumber(major, minor));
  const table: fc.Arbitrary<PoolTable> = fc.record({
    length: natural.map(sectors),
    metadata: device,
    data: device,
    blockSectors: natural.map(sectors),
    lowWater: natural.map(dataBlocks),
    features: fc.subarray(["skip_block_zeroing", "error_if_no_space", "read_only", "no_discard_passdown"]),
  });

  test("a table survives being written and read", () => {
    fc.assert(
      fc.property(table, (value) => {
        expect(parsePoolTable(formatPoolTable(value))).toEqual(value);
      }),
    );
  });

  test("a feature count that does not fit is refused", () => {
    expect(() => parsePoolTable("0 8 thin-pool 7:0 7:1 128 100 2 read_only")).toThrow("feature count");
  });
});

/** The line with some words dropped or replaced. */
function mangled(line: string): fc.Arbitrary<string> {
  const words = line
    .split(" ")
    .map((word) => fc.oneof({ weight: 8, arbitrary: fc.constant(word) }, fc.string(), fc.constant("")));
  return fc.tuple(...words).map((each) => each.join(" "));
}
