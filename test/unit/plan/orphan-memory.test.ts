import { expect, test } from "vitest";
import type { ClusterOrphan } from "../../../src/core/cluster-orphans.ts";
import { isFresh, MOST_REMEMBERED, remember, sightingOf } from "../../../src/plan/orphan-memory.ts";

const EVERY = 1000;
const orphan = (name: string, kind: ClusterOrphan["kind"] = "volume", node = "node-a"): ClusterOrphan => ({
  kind,
  name,
  node,
  pool: "fast",
  createdAt: "",
  why: "",
});
const after = (before: Parameters<typeof remember>[0], names: readonly string[], now: number) =>
  remember(before, { orphans: names.map((name) => orphan(name)), unjudged: [] }, { now, everyMs: EVERY });
const entries = ({ since }: ReturnType<typeof after>) => Object.fromEntries(since);

test("what is found again keeps its time, and what is new gets one", () => {
  const first = after(undefined, ["v-1"], 5000);
  expect(entries(after(first, ["v-1", "v-2"], 6000))).toEqual({ "node-a/v-1": 5000, "node-a/v-2": 6000 });
});

test("what one look did not find begins anew", () => {
  const gone = after(after(undefined, ["v-1"], 5000), [], 6000);
  expect(entries(after(gone, ["v-1"], 7000))).toEqual({ "node-a/v-1": 7000 });
});

test("what is on another node than before begins anew, also when it comes back", () => {
  const on = (before: Parameters<typeof remember>[0], node: string, now: number) =>
    remember(before, { orphans: [orphan("v-1", "volume", node)], unjudged: [] }, { now, everyMs: EVERY });
  const moved = on(on(undefined, "node-a", 5000), "node-b", 6000);
  expect(entries(moved)).toEqual({ "node-b/v-1": 6000 });
  expect(entries(on(moved, "node-a", 7000))).toEqual({ "node-a/v-1": 7000 });
});

test("a gap in which nobody looked makes all begin anew", () => {
  const first = after(undefined, ["v-1"], 5000);
  expect(entries(after(first, ["v-1"], 5000 + 3 * EVERY))).toEqual({ "node-a/v-1": 5000 });
  expect(entries(after(first, ["v-1"], 5001 + 3 * EVERY))).toEqual({ "node-a/v-1": 5001 + 3 * EVERY });
});

test("a time that is still to come tells nothing", () => {
  expect(isFresh({ lookedAt: 6000 }, { now: 5999, everyMs: EVERY })).toBe(false);
  expect(entries(after(after(undefined, ["v-1"], 9000), ["v-1"], 5000))).toEqual({ "node-a/v-1": 5000 });
});

test("objects of the cluster are not kept: nobody deletes them here", () => {
  const list = { orphans: [orphan("pv", "persistentvolume"), orphan("s-1", "snapshot")], unjudged: [] };
  expect(entries(remember(undefined, list, { now: 1, everyMs: EVERY }))).toEqual({ "node-a/s-1": 1 });
});

test("there is a most, and the oldest stay", () => {
  const old = after(undefined, ["v-old"], 5000);
  const many = Array.from({ length: MOST_REMEMBERED }, (_each, index) => `v-${index}`);
  const { since } = after(old, [...many, "v-old"], 6000);
  expect([since.size, since.get(sightingOf(orphan("v-old")))]).toEqual([MOST_REMEMBERED, 5000]);
});
