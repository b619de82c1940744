import { describe, expect, test } from "vitest";
import type { NodeState__Output, Pool__Output } from "../../../src/generated/dmthin.ts";
import { nodeView } from "../../../src/route/node-view.ts";

const pool = (name: string, digit: string): Pool__Output => ({
  uuid: digit.repeat(32),
  name,
  is_default: false,
  available_bytes: "0",
  maximum_volume_bytes: "0",
  minimum_volume_bytes: "0",
  data_bytes: "0",
  data_used_bytes: "0",
  conditions: [],
  figures: null,
});
const absent = (name: string) => ({ name, reason: "", conditions: [], backing: "" });
const state = (changes: Partial<NodeState__Output>): NodeState__Output => ({
  node: "a",
  version: "1",
  opened: true,
  pools: [],
  absent_pools: [],
  heartbeat_ms: 1000,
  versions: null,
  damaged: [],
  ...changes,
});

test("a node speaks of each of its pools once", () => {
  const pools = [pool("fast", "a"), pool("slow", "b")];
  const view = nodeView("a", state({ pools, absent_pools: [absent("third")] }));
  expect(view.pools.map(({ name }) => name)).toEqual(["fast", "slow"]);
});

test.each([
  ["two open pools", { pools: [pool("fast", "a"), pool("fast", "b")] }],
  ["an open pool and one that is not", { pools: [pool("fast", "a")], absent_pools: [absent("fast")] }],
  ["two pools that are not open", { absent_pools: [absent("fast"), absent("fast")] }],
])("of %s with one name nothing is believed", (_what, changes) => {
  expect(() => nodeView("a", state(changes))).toThrow(/fast.*different names/);
});

describe("a word of a node that is wrong is told, but not at any length", () => {
  const long = "x".repeat(100_000);
  const many = Array.from({ length: 5000 }, () => pool("fast", "a"));
  const figures = {
    backing: "",
    mode: "",
    state: "",
    metadata_bytes: "0",
    metadata_used_bytes: "0",
    promised_bytes: "0",
    overprovision: long,
    volumes: 0,
    snapshots: 0,
  };
  test.each([
    ["its name", { node: long }],
    ["a UUID", { pools: [{ ...pool("fast", "a"), uuid: long }] }],
    ["many UUIDs", { pools: many }],
    ["many names", { absent_pools: many.map(({ name }) => absent(name)) }],
    ["a number", { pools: [{ ...pool("fast", "a"), figures }] }],
  ])("%s", (_what, changes) => {
    let problem = "";
    try {
      nodeView("a", state(changes));
    } catch (error) {
      problem = String(error);
    }
    expect(problem.length).toBeGreaterThan(500);
    expect(problem.length).toBeLessThan(1500);
  });
});
