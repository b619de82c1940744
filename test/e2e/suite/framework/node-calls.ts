/** What CSI calls the nodes of dmthin have answered, and how long they took, by the driver's own log. */
import { z } from "zod";

import { nodePodOn } from "./driver.ts";
import { nameOf } from "./settings.ts";
import type { World } from "./world.ts";

const answered = z.object({ msg: z.literal("rpc"), method: z.string(), ms: z.number() });
/** Logs of a node under fifty claims are some hundred kB. */
const LOG_MS = 60_000;

export interface CallTimes {
  readonly method: string;
  readonly count: number;
  readonly medianMs: number;
  readonly longestMs: number;
}

/** Of a log in lines of JSON; other lines are left out. The dearest method first. */
export function callTimes(log: string): readonly CallTimes[] {
  const times = new Map<string, number[]>();
  for (const line of log.split("\n")) {
    const call = answered.safeParse(objectOf(line));
    if (!call.success) continue;
    const { method, ms } = call.data;
    times.set(method, [...(times.get(method) ?? []), ms]);
  }
  const sum = (all: readonly number[]): number => all.reduce((total, ms) => total + ms, 0);
  return [...times]
    .toSorted(([, one], [, other]) => sum(other) - sum(one))
    .map(([method, all]) => {
      const sorted = all.toSorted((one, other) => one - other);
      const medianMs = sorted[Math.floor(sorted.length / 2)] ?? 0;
      return { method, count: all.length, medianMs, longestMs: sorted.at(-1) ?? 0 };
    });
}

/** Of all nodes, since `began`. */
export async function nodeCalls(world: World, began: Date): Promise<readonly CallTimes[]> {
  const { namespace } = world.cluster.settings;
  const logs = await Promise.all(
    world.cluster.nodes.map(async ({ name }) =>
      world.kubectl.run(
        [
          "logs",
          nameOf(await nodePodOn(world, name)),
          `--namespace=${namespace}`,
          "--container=driver",
          `--since-time=${began.toISOString()}`,
        ],
        { timeoutMs: LOG_MS },
      ),
    ),
  );
  return callTimes(logs.join("\n"));
}

function objectOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
