/** All configured pools as one value: each is asked once, side by side, and one that is stuck holds up no other. */
import { setTimeout as sleep } from "node:timers/promises";

import { errnoOf, messageOf } from "../core/errors.ts";
import type { PoolName } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { BackingReport, PoolReport } from "../core/pool-report.ts";
import { levelsOf } from "../plan/fill.ts";
import { conditionsOf, conditionsOfAbsent } from "../plan/pool-conditions.ts";
import type { Report } from "./backing.ts";
import { describeSelector } from "./devices/disk-selector.ts";
import type { Pool, PoolSet } from "./engine.ts";

export interface ReportOptions {
  /** How long a pool is waited for. */
  readonly withinMs: number;
  /** Pools that the configuration does not name any more. */
  readonly leftOut?: readonly PoolName[];
}

/** In the order of the configuration. Rejects never. */
export async function reportPools(
  configured: readonly PoolOptions[],
  pools: PoolSet,
  { withinMs, leftOut = [] }: ReportOptions,
): Promise<readonly PoolReport[]> {
  const done = new AbortController();
  const late = sleep(withinMs, `no answer within ${withinMs / 1000} s`, { ref: false, signal: done.signal });
  // Its end is awaited below; where nobody asks, there is no one to tell.
  late.catch(() => undefined);
  const looks = new Map(pools.pools.map((pool) => [pool, look(pool, late)]));
  const answers = new Map<Pool, Answer>();
  for (const [pool, answer] of looks) answers.set(pool, await answer);
  done.abort();
  // Looked up again: a pool may have come or gone meanwhile.
  return configured.map((options) => {
    const pool = pools.byName(options.name);
    const report =
      pool === undefined ? absentReport(options, pools) : openReport(options, pool, answers.get(pool));
    return leftOut.includes(options.name) ? { ...report, leftOut: true } : report;
  });
}

/** All that take changes, side by side. Rejects never: what could not be measured is told, and the others are. */
export async function measurePools(pools: PoolSet, report: Report): Promise<void> {
  await Promise.all(
    pools.pools.map(async (pool) => {
      try {
        if (pool.condition.kind === "ready") await pool.measure();
      } catch (error) {
        report("warn", `pool ${pool.name}: not measured: ${messageOf(error)}`);
      }
    }),
  );
}

/** Undefined: the kernel answered. */
type Answer = { readonly silence: string; readonly deviceGone: boolean } | undefined;

async function look(pool: Pool, late: Promise<string>): Promise<Answer> {
  try {
    const silence = await Promise.race([pool.look(), late]);
    return typeof silence === "string" ? { silence, deviceGone: false } : undefined;
  } catch (error) {
    return { silence: messageOf(error), deviceGone: errnoOf(error) === "ENXIO" };
  }
}

function openReport(options: PoolOptions, pool: Pool, answer: Answer): PoolReport {
  const figures = pool.figures();
  const { mode, needsCheck, state, reason } = figures;
  const view = { mode, needsCheck, fill: levelsOf(figures), deviceGone: answer?.deviceGone ?? false };
  return {
    kind: "open",
    name: options.name,
    backing: backingReport(options),
    // Nothing but the fence makes an open pool read-only.
    conditions: conditionsOf(state === "read-only" ? { ...view, fenced: reason ?? "foreign hands" } : view),
    ...(answer === undefined ? {} : { silence: answer.silence }),
    figures,
  };
}

function absentReport(options: PoolOptions, pools: PoolSet): PoolReport {
  const found = pools.absent.find(({ name }) => name === options.name);
  const reason = found?.reason ?? "it is being opened";
  return {
    kind: "absent",
    name: options.name,
    backing: backingReport(options),
    conditions: conditionsOfAbsent(reason, found?.trouble),
    reason,
  };
}

function backingReport(options: PoolOptions): BackingReport {
  if (options.backing === "loop") return { kind: "loop", directory: options.directory };
  if (options.backing === "devices") {
    const { devices, select } = options;
    return {
      kind: "devices",
      devices,
      ...(select === undefined ? {} : { selector: describeSelector(select) }),
    };
  }
  const { data, metadata, catalog } = options;
  return { kind: "parts", data, metadata, ...(catalog === undefined ? {} : { catalog }) };
}
