import { describe, expect, test } from "vitest";

import { bytes, dataBlocks, KIB, metaBlocks } from "../../../src/core/units.ts";
import { fillOf } from "../../../src/plan/fill.ts";

const BLOCK = bytes(64n * KIB);
const STATUS = {
  kind: "active",
  transactionId: 1n,
  usedMeta: metaBlocks(0),
  totalMeta: metaBlocks(1000),
  usedData: dataBlocks(0),
  totalData: dataBlocks(1000),
  mode: "rw",
  discard: "discard_passdown",
  whenFull: "error_if_no_space",
  needsCheck: false,
} as const;

describe("how full a pool is", () => {
  test.each([
    [0n, 0, true],
    [749n, 0, true],
    [750n, 0, false],
    [799n, 0, false],
    [800n, 80, false],
    [899n, 80, false],
    [900n, 90, false],
    [949n, 90, false],
    [950n, 95, false],
    [999n, 95, false],
    [1000n, 100, false],
  ])("%s of 1000 blocks: level %s", (used, level, calm) => {
    const data = fillOf({ ...STATUS, usedData: dataBlocks(used) }, BLOCK).data;
    expect(data).toEqual({ used: used * BLOCK, total: 1000n * BLOCK, level, calm });
    expect(fillOf({ ...STATUS, usedMeta: metaBlocks(used) }, BLOCK).metadata).toMatchObject({ level, calm });
  });

  test("goes by what the filesystem below can give, where that is less", () => {
    const status = { ...STATUS, usedData: dataBlocks(100n) };
    expect(fillOf(status, BLOCK, bytes(110n * BLOCK)).data).toMatchObject({ level: 90, total: 110n * BLOCK });
    expect(fillOf(status, BLOCK, bytes(9000n * BLOCK)).data).toMatchObject({
      level: 0,
      total: 1000n * BLOCK,
    });
    expect(fillOf(status, BLOCK, bytes(0)).data.level).toBe(100);
  });

  test.each([
    ["out of data, although some blocks are free already", { mode: "out_of_data_space" }, 100, 0],
    ["read-only for want of metadata", { mode: "ro" }, 0, 100],
    ["read-only for damage, which says nothing of room", { mode: "ro", needsCheck: true }, 0, 0],
  ] as const)("is %s", (_what, change, data, metadata) => {
    const fill = fillOf({ ...STATUS, ...change }, BLOCK);
    expect([fill.data.level, fill.metadata.level]).toEqual([data, metadata]);
  });
});
