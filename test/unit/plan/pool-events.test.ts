import { describe, expect, test } from "vitest";
import type { StatusCondition } from "../../../src/core/thin-pool.ts";
import {
  eventMove,
  FORGET_MS,
  Lookups,
  MOST_EVENTS,
  MOST_LOOKUPS,
  SERIES_MS,
  take,
} from "../../../src/plan/event-limits.ts";
import { poolNotes } from "../../../src/plan/pool-events.ts";
import type { Turn } from "../../../src/plan/thin-pools.ts";

const turn = (
  type: StatusCondition["type"],
  was: Turn["was"],
  status: StatusCondition["status"],
  message = "so it is",
): Turn => ({ was, now: { type, status, reason: "Why", message, lastTransitionTime: "" } });

const notes = (...turned: readonly Turn[]) =>
  poolNotes({ node: "a", pool: "fast" }, turned).map(
    ({ type, reason, note, forClaims }) => `${type} ${reason} ${note}${forClaims ? " (claims)" : ""}`,
  );

test.each([
  ["a pool that is new", [turn("Ready", undefined, "True"), turn("DataLow", undefined, "False")], []],
  [
    "a new one in trouble",
    [turn("OutOfData", undefined, "True")],
    ["Warning PoolOutOfData pool fast: so it is (claims)"],
  ],
  [
    "one that is filling",
    [turn("DataLow", "False", "True")],
    ["Warning PoolDataLow pool fast: so it is (claims)"],
  ],
  [
    "metadata that is filling",
    [turn("MetadataLow", "False", "True")],
    ["Warning PoolMetadataLow pool fast: so it is"],
  ],
  [
    "one that cannot be opened",
    [turn("Ready", "True", "False")],
    ["Warning PoolNotReady pool fast: so it is (claims)"],
  ],
  [
    "one whose node is away",
    [turn("Ready", "True", "Unknown"), turn("DataLow", "False", "Unknown")],
    ["Warning PoolUnknown pool fast: so it is"],
  ],
  [
    "one whose node is back",
    [turn("Ready", "Unknown", "True"), turn("DataLow", "Unknown", "False")],
    ["Normal PoolRecovered pool fast: it is open"],
  ],
  [
    "one that was emptied",
    [turn("OutOfData", "True", "False"), turn("DataLow", "True", "False")],
    ["Normal PoolRecovered pool fast: OutOfData is over, DataLow is over"],
  ],
  [
    "one that got full",
    [turn("DataLow", "True", "False"), turn("OutOfData", "False", "True")],
    ["Warning PoolOutOfData pool fast: so it is (claims)", "Normal PoolRecovered pool fast: DataLow is over"],
  ],
] as const)("of %s is told", (_what, turned, expected) => {
  expect(notes(...turned)).toEqual(expected);
});

describe("how often the same is told", () => {
  const told = { name: "event", count: 1, sentAt: 0, seenAt: 0 };

  test.each([
    ["at first", undefined, 0, "create"],
    ["soon again", told, SERIES_MS - 1, "hold"],
    ["again after a while", told, SERIES_MS, "series"],
    ["again after long, without a rest", { ...told, seenAt: FORGET_MS }, FORGET_MS + 1, "series"],
    ["again after a long rest", told, FORGET_MS, "create"],
  ] as const)("%s", (_when, before, now, move) => {
    expect(eventMove(before, now)).toBe(move);
  });

  test("owners are looked up so often for a node, whatever other nodes had", () => {
    const lookups = new Lookups();
    const taken = (node: string, now: number): number =>
      Array.from({ length: 20 }, () => lookups.take(node, now)).filter(Boolean).length;
    expect(lookups.take("a", 0)).toBe(true);
    expect([taken("a", 1), taken("b", 1)]).toEqual([MOST_LOOKUPS - 1, MOST_LOOKUPS]);
    expect(taken("a", SERIES_MS - 1)).toBe(0);
    expect(taken("a", SERIES_MS)).toBe(1);
    expect(taken("a", SERIES_MS + 1)).toBe(MOST_LOOKUPS - 1);
  });

  test("all together are so many at once, and then one a second", () => {
    let bucket = take({ tokens: MOST_EVENTS, at: 0 }, 0);
    let taken = 0;
    while (bucket !== undefined) {
      taken += 1;
      bucket = take(bucket, 0);
    }
    expect(taken).toBe(MOST_EVENTS);
    const empty = { tokens: 0, at: 0 };
    expect([take(empty, 999), take(empty, 1000)?.tokens]).toEqual([undefined, 0]);
    expect(take(empty, 10 * 3_600_000)?.tokens).toBe(MOST_EVENTS - 1);
  });
});
