import { expect, test } from "vitest";

import type { Scenario } from "../../e2e/suite/framework/scenario.ts";
import { runAll } from "../../e2e/suite/framework/schedule.ts";

const scenario = (id: string, more: Partial<Scenario> = {}): Scenario => ({
  id,
  title: id,
  run: () => Promise.resolve(),
  ...more,
});

/** Runs them with so many lanes; what ran beside each of them, itself left out. */
async function neighbours(
  scenarios: readonly Scenario[],
  parallel: number,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const running = new Set<string>();
  const seen = new Map<string, Set<string>>();
  await runAll(scenarios, parallel, async ({ id }) => {
    running.add(id);
    for (const one of running) {
      const beside = seen.get(one) ?? new Set<string>();
      for (const other of running) if (other !== one) beside.add(other);
      seen.set(one, beside);
    }
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    running.delete(id);
  });
  return seen;
}

test("all are run, some at a time", async () => {
  const seen = await neighbours(
    ["a", "b", "c", "d"].map((id) => scenario(id)),
    2,
  );
  expect([...seen.keys()].toSorted()).toEqual(["a", "b", "c", "d"]);
  expect([...(seen.get("a") ?? [])]).toContain("b");
});

test("one that cannot bear others has none beside it, and comes after those that can", async () => {
  const seen = await neighbours([scenario("alone", { alone: true }), scenario("a"), scenario("b")], 3);
  expect(seen.get("alone")).toEqual(new Set());
  expect([...seen.keys()]).toEqual(["a", "b", "alone"]);
});

test("what only one can use is used by one at a time, and nothing is left out for it", async () => {
  const pool = { uses: "small-pool" } as const;
  const seen = await neighbours(
    [scenario("a", pool), scenario("b", pool), scenario("c", pool), scenario("d")],
    3,
  );
  expect([...seen.keys()].toSorted()).toEqual(["a", "b", "c", "d"]);
  expect([...(seen.get("a") ?? []), ...(seen.get("b") ?? []), ...(seen.get("c") ?? [])]).toEqual(["d"]);
});
