import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PoolOptions } from "../../src/core/pool-options.ts";
import { Crash, PoolBench } from "../support/pool-bench.ts";

let bench: PoolBench;
beforeEach(async () => {
  bench = await PoolBench.create();
});
afterEach(() => bench.clear());

/** Goes on making the pool and stops before that step; gives the step that it stopped before. */
async function crashBefore(options: PoolOptions, step: string): Promise<string> {
  try {
    const stack = await bench.open(options, step);
    await stack.finishCreation();
    return `no ${step}`;
  } catch (error) {
    if (error instanceof Crash) return error.message;
    throw error;
  }
}

const STACK_STEPS = [
  "create dmthin-bench-catalog",
  "create dmthin-bench-meta",
  "create dmthin-bench-spare",
  "create dmthin-bench-data",
  "make catalog filesystem",
  "zero metadata",
  "create dmthin-bench-pool",
  "mount catalog",
  "finish creation",
];

const stepsFor = (members: readonly string[]): readonly string[] => [
  ...members.map((role) => `claim ${role}`),
  ...members.map((role) => `attach ${role}`),
  ...STACK_STEPS,
  ...members.map((role) => `label ${role} ready`),
];

/**
 * One pool whose creation crashes again and again, each time one step later: what a crash leaves is where the next
 * attempt begins. The last labels are written by an open of the pool, which counts as complete by then.
 */
async function crashEverywhere(
  options: PoolOptions,
  steps: readonly string[],
  between: () => Promise<void>,
): Promise<void> {
  for (const step of steps) {
    expect(await crashBefore(options, step)).toBe(step);
    await between();
  }
  const stack = await bench.open(options);
  expect(stack.fresh).toBe(false);
  expect(bench.steps).toContain(steps.at(-1));
  await between();
  const again = await bench.open(options);
  expect(again).toMatchObject({ fresh: false, uuid: stack.uuid });
  expect(bench.steps.filter((step) => step.startsWith("label"))).toEqual([]);
}

describe("a crash in the creation of a pool, before any step,", () => {
  test("is made good by the next driver (loop)", async () => {
    const steps = stepsFor(["metadata", "data", "spare", "catalog"]);
    await crashEverywhere(bench.loop(), steps, async () => {});
    expect(bench.dmNames()).toHaveLength(5);
  });

  test("is made good by the next driver after a reboot (parts)", async () => {
    const steps = stepsFor(["metadata", "data"]);
    await crashEverywhere(bench.parts(), steps, () => bench.reboot());
    expect(bench.dmNames()).toHaveLength(5);
  });

  test("is made good by the next driver after a reboot (devices)", async () => {
    const steps = stepsFor(["metadata", "data-1"]);
    await crashEverywhere(bench.devices(), steps, () => bench.reboot());
    expect(bench.dmNames()).toHaveLength(5);
  });

  test("has passed every step that there is", async () => {
    const stack = await bench.open(bench.loop());
    await stack.finishCreation();
    expect(bench.steps).toEqual(stepsFor(["metadata", "data", "spare", "catalog"]));
  });
});
