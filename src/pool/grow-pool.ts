/**
 * Growth that a person asks for: what could be taken is looked at as `dmthin pool plan` looks, and taken as a changed
 * configuration is taken. What is asked for is what is configured, and one step of a loop pool that grows by steps.
 */
import type { GrowthAnswer, GrowthRequest, GrowthSizes } from "../core/growth-answer.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { Bytes } from "../core/units.ts";
import type { Runner } from "../host/run.ts";
import { longerData } from "../plan/auto-grow.ts";
import { planPool } from "./pool-plan.ts";
import type { PoolPlan } from "./pool-plan.ts";
import type { PoolSupervisor } from "./supervisor.ts";

export interface GrowingPools {
  readonly supervisor: Pick<PoolSupervisor, "name" | "pool" | "absence" | "reopen">;
  readonly runner: Runner;
  /** Of the pool as it is configured now, and of all. */
  readonly options: PoolOptions;
  readonly configured: readonly PoolOptions[];
}

/** Rejects where the devices cannot be looked at for another reason than their own. */
export async function growPool(
  { supervisor, runner, options, configured }: GrowingPools,
  { dryRun, releaseReserve }: GrowthRequest,
): Promise<GrowthAnswer> {
  const found = obstacle(supervisor);
  if (found !== undefined) return found;
  const size = supervisor.pool?.figures().data.size;
  const wanted = optionsToGrow(options, size, releaseReserve);
  const plan = await planPool(wanted, runner, configured);
  if (plan.kind === "refuse") return { kind: "cannot", reason: plan.problems.join("; ") };
  const planned = {
    kind: "grown",
    pool: options.name,
    dryRun,
    before: sizesOf(plan.before ?? plan.sizes),
    devices: devicesOf(plan),
    notes: plan.notes,
  } as const;
  const idle = releaseReserve && wanted === options ? ["--release-reserve: the pool holds nothing back"] : [];
  if (dryRun) return { ...planned, after: sizesOf(plan.sizes), notDone: [...plan.refusals, ...idle] };
  // New devices are looked at when a pool is opened; volumes go on meanwhile.
  if (planned.devices.some(({ change }) => change === "take"))
    await supervisor.reopen("it is to take up new devices");
  const after = obstacle(supervisor);
  if (after !== undefined) return after;
  const outcome = await supervisor.pool?.growAsAsked(wanted);
  if (outcome === undefined) return { kind: "cannot", reason: supervisor.absence };
  return { ...planned, after: outcome.sizes, notDone: [...outcome.refusals, ...idle] };
}

function obstacle({ pool, absence }: GrowingPools["supervisor"]): GrowthAnswer | undefined {
  if (pool === undefined) return { kind: "cannot", reason: `it is not open: ${absence}` };
  const { condition } = pool;
  return condition.kind === "ready"
    ? undefined
    : { kind: "cannot", reason: `it is ${condition.kind}: ${condition.reason}` };
}

/** `size`: of its data now. Pure. */
export function optionsToGrow(
  options: PoolOptions,
  size: Bytes | undefined,
  releaseReserve: boolean,
): PoolOptions {
  if (options.backing === "devices" && options.reserve !== undefined && releaseReserve) {
    const { reserve: _released, ...rest } = options;
    return rest;
  }
  if (options.backing !== "loop" || size === undefined || options.dataSize > size) return options;
  const dataSize = longerData(size, options.autoGrow);
  return dataSize === undefined ? options : { ...options, dataSize };
}

const sizesOf = ({ data, metadata }: GrowthSizes): GrowthSizes => ({ data, metadata });

function devicesOf({ devices }: Exclude<PoolPlan, { kind: "refuse" }>) {
  return devices.flatMap(({ path, change, size }) =>
    change === "take" || change === "extend" ? [{ path, change, size } as const] : [],
  );
}
