import { expect, test } from "vitest";
import { leaseMove } from "../../../src/plan/lease.ts";

const held = (holder: string, seenAt: number) => ({
  record: { holder, renewed: "1", durationMs: 30_000 },
  seenAt,
});

test.each([
  ["nobody's is made", undefined, "create"],
  ["one's own is renewed", held("me", -9e9), "renew"],
  ["one that was given back is taken", held("", 0), "take"],
  ["another's is waited for", held("you", 0), "wait"],
  ["another's is waited for until its time is over", held("you", -29_900), "wait"],
  ["one that was not renewed in time is taken", held("you", -30_001), "take"],
] as const)("a Lease: %s", (_what, sight, move) => {
  expect(leaseMove("me", sight, 100)).toBe(move);
});
