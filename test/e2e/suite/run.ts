/**
 * The e2e suite, on the cluster of KUBECONFIG with dmthin installed. `--smoke`: the share that every change has to pass; `--only PART,PART`: scenarios
 * whose ids contain that; `--list`: what there is. A line for each scenario; exit code 1 where one failed. What else it is told: README.md.
 */
import { parseArgs } from "node:util";

import { writeTally } from "../../runner/tally.ts";
import { CLASSES, deleteClasses, makeClasses } from "./framework/classes.ts";
import { lookAtCluster, type Cluster } from "./framework/cluster.ts";
import { forgetKept, gather } from "./framework/gather.ts";
import {
  formatEnd,
  formatSummary,
  isGood,
  tallyOf,
  type Result,
  type ScenarioEnd,
} from "./framework/report.ts";
import { select, type Scenario } from "./framework/scenario.ts";
import { runAll } from "./framework/schedule.ts";
import { readSettings } from "./framework/settings.ts";
import { World } from "./framework/world.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const DEADLINE_MS = 600_000;

const { values } = parseArgs({
  options: {
    smoke: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
  },
});
const only = values.only.split(",").filter((part) => part !== "");
const chosen = select(SCENARIOS, { smoke: values.smoke, only });
if (values.list) {
  for (const { id, title, smoke } of chosen)
    console.log(`${id}${smoke === true ? " (smoke)" : ""}: ${title}`);
} else {
  process.exitCode = (await runSuite(chosen)) ? 0 : 1;
}

async function runSuite(scenarios: readonly Scenario[]): Promise<boolean> {
  const settings = readSettings(process.env);
  const cluster = await lookAtCluster(settings);
  console.log(`dmthin on ${cluster.nodes.map(({ name }) => name).join(", ")}; ${scenarios.length} scenarios`);
  forgetKept();
  const began = performance.now();
  await makeClasses(cluster);
  const results: Result[] = [];
  try {
    await runAll(scenarios, settings.parallel, async (scenario) => {
      const result = { scenario, end: await perform(scenario, cluster) };
      results.push(result);
      console.log(formatEnd(result));
    });
  } finally {
    await deleteClasses(cluster);
  }
  console.log(formatSummary(results, (performance.now() - began) / 1000));
  writeTally("e2e", tallyOf(results));
  return isGood(results);
}

async function perform(scenario: Scenario, cluster: Cluster): Promise<ScenarioEnd> {
  const lacking = scenario.needs?.flatMap((need) => cluster.lacking.get(need) ?? []) ?? [];
  if (lacking[0] !== undefined) return { kind: "not run", why: lacking[0] };
  const world = new World(scenario.id, { cluster, classes: CLASSES });
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  const failed = async (error: unknown): Promise<ScenarioEnd> => {
    const text = error instanceof Error ? error.message : String(error);
    const end = { kind: "failed", seconds: seconds(), spent: world.spent, error: text } as const;
    return { ...end, kept: await gather(world, error instanceof Error ? (error.stack ?? text) : text) };
  };
  try {
    await world.open();
    await within(scenario.deadlineMs ?? DEADLINE_MS, scenario.run(world));
  } catch (error) {
    const end = await failed(error);
    if (!cluster.settings.keep)
      await world.close().catch((leak: unknown) => console.log(`  and then: ${String(leak)}`));
    return end;
  }
  try {
    await world.close();
  } catch (error) {
    return failed(error);
  }
  return { kind: "passed", seconds: seconds(), spent: world.spent, remarks: world.remarks };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
