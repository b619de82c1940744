import { describe, expect, test } from "vitest";

import { bytes, GIB, MIB } from "../../../src/core/units.ts";
import { levelsOf } from "../../../src/plan/fill.ts";
import { conditionsOf, conditionsOfAbsent } from "../../../src/plan/pool-conditions.ts";
import type { PoolView } from "../../../src/plan/pool-conditions.ts";

interface Case extends Partial<PoolView> {
  /** MiB of 1000. */
  readonly data?: bigint;
  readonly metadata?: bigint;
}

function typesOf({ data = 0n, metadata = 0n, mode = "rw", needsCheck = false, ...rest }: Case) {
  const fill = levelsOf({
    mode,
    needsCheck,
    data: { used: bytes(data * MIB), size: bytes(2n * GIB) },
    dataLimit: bytes(1000n * MIB),
    metadata: { used: bytes(metadata * MIB), size: bytes(1000n * MIB) },
  });
  return conditionsOf({ mode, needsCheck, fill, deviceGone: false, ...rest }).map(({ type }) => type);
}

describe("an open pool has", () => {
  test.each<[string, Case, readonly string[]]>([
    ["no condition when all is well", {}, []],
    ["none right below the first warning", { data: 799n, metadata: 799n }, []],
    ["DataLow from 80 % of what there is on", { data: 800n }, ["DataLow"]],
    ["OutOfData, and DataLow no more, when nothing is left", { data: 1000n }, ["OutOfData"]],
    ["OutOfData as soon as the kernel says so", { data: 100n, mode: "out_of_data_space" }, ["OutOfData"]],
    ["MetadataLow from 80 % on", { metadata: 850n }, ["MetadataLow"]],
    ["MetadataLow and ReadOnly when its metadata is full", { mode: "ro" }, ["MetadataLow", "ReadOnly"]],
    [
      "NeedsCheck and ReadOnly after a metadata error",
      { mode: "ro", needsCheck: true },
      ["NeedsCheck", "ReadOnly"],
    ],
    [
      "ReadOnly and ForeignWriter behind the fence",
      { fenced: "foreign hands" },
      ["ReadOnly", "ForeignWriter"],
    ],
    [
      "ReadOnly once where both make it so",
      { fenced: "foreign hands", mode: "ro", needsCheck: true },
      ["NeedsCheck", "ReadOnly", "ForeignWriter"],
    ],
    ["DeviceMissing when its device was removed", { deviceGone: true }, ["DeviceMissing"]],
    ["all that holds, not only the first", { data: 900n, metadata: 900n }, ["DataLow", "MetadataLow"]],
  ])("%s", (_what, view, expected) => {
    expect(typesOf(view)).toEqual(expected);
  });
});

test("a reason says how much of how much", () => {
  const fill = levelsOf({
    mode: "rw",
    needsCheck: false,
    data: { used: bytes(GIB), size: bytes(2n * GIB) },
    dataLimit: bytes((5n * GIB) / 4n),
    metadata: { used: bytes(0), size: bytes(GIB) },
  });
  expect(conditionsOf({ mode: "rw", needsCheck: false, fill, deviceGone: false })).toEqual([
    { type: "DataLow", reason: "its data is filling: 80 % (1 GiB of 1.2 GiB)" },
  ]);
});

describe("a pool that is not open has", () => {
  test.each([
    ["device-missing", ["DeviceMissing"]],
    ["needs-check", ["NeedsCheck", "ReadOnly"]],
    ["read-only", ["ReadOnly"]],
    ["failed", ["NeedsCheck"]],
    [undefined, []],
  ] as const)("%s: %j", (trouble, types) => {
    expect(conditionsOfAbsent("why", trouble)).toEqual(types.map((type) => ({ type, reason: "why" })));
  });
});
