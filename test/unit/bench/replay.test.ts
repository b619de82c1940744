import { describe, expect, test } from "vitest";

import { leftOver, translate, typical, type Place } from "../../../bench/model/replay.ts";

const place: Place = {
  words: new Map([
    ["dmthin-bench-pool", "floor-pool"],
    ["dmthin-bench-v-1", "floor-v-9"],
  ]),
  made: 1007,
  origin: 1001,
  deleted: 1003,
  transactionId: 4n,
};
const message = (text: string) => ["dmsetup", "message", "dmthin-bench-pool", "0", text];

describe("a command of the driver, translated for the floor", () => {
  test.each([
    ["create_thin 65", "create_thin 1007"],
    ["create_snap 66 65", "create_snap 1007 1001"],
    ["delete 65", "delete 1003"],
    ["set_transaction_id 7 8", "set_transaction_id 4 5"],
  ])("sends %s as %s, to the floor's pool", (driver, floor) => {
    expect(translate(message(driver), place)).toEqual(["dmsetup", "message", "floor-pool", "0", floor]);
  });

  test("keeps all else as it is", () => {
    expect(translate(["dmsetup", "status", "--noflush", "dmthin-bench-v-1"], place)).toEqual([
      "dmsetup",
      "status",
      "--noflush",
      "floor-v-9",
    ]);
  });

  test("refuses what the floor has nothing for", () => {
    expect(() => translate(message("create_thin 65"), { words: new Map() })).toThrow(/a new id/);
    expect(() => translate(message("reserve_metadata_snap"), place)).toThrow(/knows no message/);
    expect(leftOver(["dmsetup", "resume", "dmthin-bench-v-2"], place, "bench")).toEqual(["dmthin-bench-v-2"]);
    expect(leftOver(["dmsetup", "resume", "dmthin-bench-v-1"], place, "bench")).toEqual([]);
  });
});

test("the typical recording is the shortest: others did something beside", () => {
  expect(
    typical([
      ["a", "b", "c"],
      ["a", "b"],
      ["a", "b", "c"],
    ]),
  ).toEqual(["a", "b"]);
  expect(() => typical([])).toThrow(RangeError);
});
