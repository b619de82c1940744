/** What another configuration changes while the driver runs, and what has to wait for its next start. Pure. */
import type { Config } from "../config.ts";
import { bigintAsText } from "../core/json.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import { formatPath } from "./problems.ts";

export interface ConfigChanges {
  /** Pools that have other options from now on. */
  readonly pools: readonly PoolOptions[];
  /** The configuration as it counts now. */
  readonly config: Config;
  /** What was changed and does not count yet, each with its path. */
  readonly waiting: readonly string[];
}

const LATER = "counts when the driver is started again";

export function changesOf(now: Config, next: Config): ConfigChanges {
  const waiting = keysThatDiffer(now, next)
    .filter((key) => key !== "pools")
    .map((key) => `${key}: ${LATER}`);
  const pools: PoolOptions[] = [];
  for (const [index, options] of next.pools.entries()) {
    const old = now.pools.find(({ name }) => name === options.name);
    if (old === undefined) {
      waiting.push(`${formatPath(["pools", index])}: ${options.name} is new; it ${LATER}`);
      continue;
    }
    const then = takeOver(old, options);
    for (const key of keysThatDiffer(then, options))
      waiting.push(`${formatPath(["pools", index, key])}: ${LATER}`);
    if (keysThatDiffer(old, then).length > 0) pools.push(then);
  }
  for (const { name } of now.pools)
    if (!next.pools.some((each) => each.name === name))
      waiting.push(`pools: ${name} is left out; it stays open until the driver is started again`);
  const config = {
    ...now,
    pools: now.pools.map((old) => pools.find(({ name }) => name === old.name) ?? old),
  };
  return { pools, config, waiting };
}

function keysThatDiffer(one: object, other: object): string[] {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].filter((key) => textOf(Reflect.get(one, key)) !== textOf(Reflect.get(other, key)));
}

const textOf = (value: unknown): string | undefined => JSON.stringify(value, bigintAsText);

/** The old options with all of the new that an open pool takes over; of another backing: nothing. */
function takeOver(old: PoolOptions, next: PoolOptions): PoolOptions {
  const { metadataSize: _old, ...rest } = old;
  const { metadataSize, overprovision, discardOnDelete, trim } = next;
  const common = {
    overprovision,
    discardOnDelete,
    trim,
    ...(metadataSize === undefined ? {} : { metadataSize }),
  };
  if (rest.backing === "loop" && next.backing === "loop")
    return { ...rest, ...common, dataSize: next.dataSize, autoGrow: next.autoGrow };
  if (rest.backing === "parts" && next.backing === "parts")
    return { ...rest, ...common, autoGrow: next.autoGrow };
  if (rest.backing === "devices" && next.backing === "devices") {
    // Disks that are added; one that is taken out is for the next start to refuse.
    // Another way to say which disks they are is for the next start as well.
    const isSameWay = (rest.select === undefined) === (next.select === undefined);
    const adds = isSameWay && rest.devices.every((path, index) => next.devices[index] === path);
    const { devices, force, select } = adds ? next : rest;
    const { reserve: _was, select: _former, ...kept } = rest;
    const reserve = next.reserve === undefined ? {} : { reserve: next.reserve };
    const selected = select === undefined ? {} : { select };
    return { ...kept, ...common, ...reserve, ...selected, autoGrow: next.autoGrow, devices, force };
  }
  return old;
}
