import { expect, test } from "vitest";

import { type DataPoint, formatDataPath } from "../../../bench/model/data-path.ts";

const point = (changes: Partial<DataPoint>): DataPoint => ({
  blockKib: 64,
  zeroing: true,
  load: "4k",
  state: "fresh",
  share: 0.5,
  thinMibS: 5,
  linearMibS: 10,
  ...changes,
});

test("the table has a line for each case, a column for each block size, and leaves out what was not measured", () => {
  const table = formatDataPath([
    point({ blockKib: 1024, share: 0.1 }),
    point({}),
    point({ zeroing: false, share: 0.987 }),
  ]);
  const cells = table.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  expect(cells[0]).toEqual(["", "thin / dm-linear", "64 KiB", "1 MiB", ""]);
  expect(cells[2]).toEqual(["", "4k, fresh", "50 %", "10 %", ""]);
  expect(cells[3]).toEqual(["", "4k, fresh, zeroing off", "99 %", "", ""]);
});
