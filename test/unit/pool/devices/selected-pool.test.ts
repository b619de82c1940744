/** Whose disks they are, by their labels, and how many more are wanted. */
import { expect, test } from "vitest";
import type { PoolName } from "../../../../src/core/ids.ts";
import { bytes, KIB, MIB } from "../../../../src/core/units.ts";
import { layoutDisks } from "../../../../src/pool/devices/disk-layout.ts";
import { lostMembers, neededDisks, poolOfName } from "../../../../src/pool/devices/selected-pool.ts";
import type { Label } from "../../../../src/pool/label.ts";
import { LABEL, OTHER_POOL, POOL } from "../../../support/labels.ts";

const FAST = "fast" as PoolName;
const extents = layoutDisks(
  { name: FAST, blockSize: bytes(64n * KIB), metadataSize: bytes(4n * MIB) },
  [1, 2].map((number) => ({ path: `/dev/${number}`, size: bytes(400n * MIB) })),
);
const first: Label = { ...LABEL, backing: "devices", extents };
const second: Label = { ...first, member: "data", index: 1 };
const on = (...labels: readonly Label[]) =>
  labels.map((label, index) => ({ path: `/dev/sd${index}`, label }));

test("the pool of a name is the one that is active, else the only one; two are not guessed between", () => {
  const other = { ...first, pool: OTHER_POOL };
  expect(poolOfName(FAST, [], undefined)).toBeUndefined();
  expect(poolOfName(FAST, on(first, second), undefined)).toBe(POOL);
  expect(poolOfName(FAST, on(first, other), OTHER_POOL)).toBe(OTHER_POOL);
  expect(() => poolOfName(FAST, on(first, other), undefined)).toThrow(/two pools of that name .*\/dev\/sd1/);
  expect(poolOfName("slow" as PoolName, on(first), undefined)).toBeUndefined();
  // Of another backing: no disk of a pool of disks.
  expect(poolOfName(FAST, on(LABEL), undefined)).toBeUndefined();
  expect(() => poolOfName(FAST, [], POOL)).toThrow(/is active as .* and no disk that can be read/);
  // Its name was changed, and that was cut off.
  expect(poolOfName("slow" as PoolName, on(first), POOL)).toBeUndefined();
});

test("what is missing of a complete pool is waited for, and never made up", () => {
  expect(lostMembers([first, second])).toEqual([]);
  expect(lostMembers([first])).toEqual(["disk data-1"]);
  expect(lostMembers([{ ...first, state: "creating" }])).toEqual([]);
  expect(lostMembers([])).toEqual([]);
});

test("as many are wanted as count says, as a creation began with, and none without the first disk", () => {
  expect(neededDisks(2, [])).toBe(2);
  expect(neededDisks(2, [first, second])).toBe(0);
  expect(neededDisks(4, [first, second])).toBe(2);
  expect(neededDisks(1, [first, second])).toBe(0);
  expect(neededDisks(4, [{ ...first, state: "creating" }])).toBe(1);
  expect(neededDisks(4, [second])).toBe(0);
});
