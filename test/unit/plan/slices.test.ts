/** Slices follow the disk: longer while they are quick, shorter while they are slow, always whole blocks, always bounded. */
import { expect, test } from "vitest";

import { bytes, GIB, KIB, MIB } from "../../../src/core/units.ts";
import { nextSlice, pauseAfter } from "../../../src/plan/slices.ts";

const BLOCK = bytes(64n * KIB);
const slice = (mebibytes: bigint, ms: number) => ({ length: bytes(mebibytes * MIB), ms });

test.each([
  ["the first one", undefined, 128n],
  ["after a quick one", slice(128n, 99), 256n],
  ["after one of the right time", slice(128n, 200), 128n],
  ["after a slow one", slice(128n, 301), 64n],
  ["never more than a GiB", slice(1024n, 1), 1024n],
  ["never less than 16 MiB", slice(16n, 5000), 16n],
  ["after the rest of a device", slice(1n, 1), 16n],
])("%s", (_what, last, mebibytes) => {
  expect(nextSlice(last, BLOCK)).toBe(mebibytes * MIB);
});

test("whole blocks, also large ones", () => {
  const block = bytes(192n * MIB);
  expect(nextSlice(undefined, block)).toBe(192n * MIB);
  expect(nextSlice({ length: block, ms: 1 }, block)).toBe(384n * MIB);
  expect(nextSlice({ length: block, ms: 5000 }, bytes(GIB))).toBe(GIB);
});

test("discards have the disk for half of the time at most", () => {
  expect(pauseAfter(slice(128n, 250))).toBe(250);
});
