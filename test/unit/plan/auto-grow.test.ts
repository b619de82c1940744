import { describe, expect, test } from "vitest";

import type { LoopAutoGrow } from "../../../src/core/pool-options.ts";
import { bytes, dataBlocks, GIB, KIB, metaBlocks, MIB } from "../../../src/core/units.ts";
import { dueGrowth } from "../../../src/plan/auto-grow.ts";
import { fillOf } from "../../../src/plan/fill.ts";

const BLOCK = bytes(64n * KIB);
/** 10 GiB of data, 64 MiB of metadata. */
const NOW = { data: bytes(10n * GIB), metadata: bytes(64n * MIB) };
const [TOTAL_DATA, TOTAL_META] = [163_840n, 16_384n];
const LOOP: LoopAutoGrow = { at: 80, metadata: true, step: 20, limit: bytes(100n * GIB) };
const PARTS = { at: 80, metadata: true };

interface Percents {
  readonly data?: bigint;
  readonly metadata?: bigint;
  readonly mode?: "rw" | "ro" | "out_of_data_space";
  readonly hostBytes?: bigint;
}

function due(
  { data = 10n, metadata = 10n, mode = "rw", hostBytes }: Percents,
  rule: LoopAutoGrow | typeof PARTS = LOOP,
) {
  const status = {
    kind: "active",
    transactionId: 1n,
    usedMeta: metaBlocks((TOTAL_META * metadata) / 100n),
    totalMeta: metaBlocks(TOTAL_META),
    usedData: dataBlocks((TOTAL_DATA * data) / 100n),
    totalData: dataBlocks(TOTAL_DATA),
    mode,
    discard: "discard_passdown",
    whenFull: "error_if_no_space",
    needsCheck: false,
  } as const;
  return dueGrowth(fillOf(status, BLOCK, hostBytes === undefined ? undefined : bytes(hostBytes)), NOW, rule);
}

describe("a loop pool", () => {
  test.each<[string, Percents, object | undefined]>([
    ["nothing below both", { data: 79n, metadata: 79n }, undefined],
    ["a fifth more data", { data: 80n }, { dataSize: 12n * GIB }],
    ["twice the metadata", { metadata: 81n }, { metadataTowards: 128n * MIB }],
    ["both", { data: 95n, metadata: 95n }, { dataSize: 12n * GIB, metadataTowards: 128n * MIB }],
    [
      "more data when it has run out, however much is said to be free",
      { data: 70n, mode: "out_of_data_space" },
      { dataSize: 12n * GIB },
    ],
    ["nothing where the filesystem below is what is full", { data: 79n, hostBytes: 9n * GIB }, undefined],
  ])("gets %s", (_what, percents, wish) => {
    const growth = due(percents);
    if (wish === undefined) expect(growth).toBeUndefined();
    else {
      const { why: _why, key: _key, releasesReserve: _releases, ...rest } = growth ?? {};
      expect(rest).toEqual(wish);
    }
  });

  test("goes to its limit, and not beyond", () => {
    expect(due({ data: 90n }, { ...LOOP, limit: bytes(11n * GIB) })).toMatchObject({ dataSize: 11n * GIB });
    expect(due({ data: 90n }, { ...LOOP, limit: NOW.data })).toBeUndefined();
    expect(due({ data: 90n }, { at: 80, metadata: true, step: 20 })).toBeUndefined();
  });

  test("goes by what it was told", () => {
    expect(due({ data: 94n }, { ...LOOP, at: 95 })).toBeUndefined();
    expect(due({ data: 95n }, { ...LOOP, at: 95, step: 100 })).toMatchObject({ dataSize: 20n * GIB });
    expect(due({ metadata: 99n }, { ...LOOP, metadata: false })).toBeUndefined();
  });
});

test("a pool on devices looks for room on them", () => {
  expect(due({ data: 79n }, PARTS)).toBeUndefined();
  const { why, key, ...wish } = due({ data: 80n }, PARTS) ?? { why: "", key: "" };
  expect(wish).toEqual({ releasesReserve: false });
  expect(why).toBe("its data has 8 GiB of 10 GiB in use");
  expect(key).not.toBe("");
});

test("is the same try at the same level and size, and another one at the next level", () => {
  expect(due({ data: 81n })?.key).toBe(due({ data: 89n })?.key);
  expect(due({ data: 90n })?.key).not.toBe(due({ data: 89n })?.key);
});

test("releases a reserve when no data is left, and not before, nor for want of metadata", () => {
  expect(due({ data: 99n }, PARTS)?.releasesReserve).toBe(false);
  expect(due({ data: 100n }, PARTS)?.releasesReserve).toBe(true);
  expect(due({ data: 99n, mode: "out_of_data_space" }, PARTS)?.releasesReserve).toBe(true);
  expect(due({ data: 10n, metadata: 100n }, PARTS)?.releasesReserve).toBe(false);
});
