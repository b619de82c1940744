/** What another configuration changes while the driver runs, and what has to wait. Pure. */
import type { Config } from "../config.ts";
import type { PoolName } from "../core/ids.ts";
import { bigintAsText } from "../core/json.ts";
import type { DevicesPoolOptions, PoolOptions, PoolsChange, PoolStanding } from "../core/pool-options.ts";
import { partitionOf } from "./conflicts.ts";
import { formatPath } from "./problems.ts";
import { placesOf } from "./same-device.ts";

/** The machine and the driver, as they are at this moment. */
export interface Surveyed {
  readonly standing: (name: PoolName) => PoolStanding;
  /** The device or directory behind a path. */
  readonly resolve: (path: string) => string;
}

export interface ConfigChanges extends PoolsChange {
  /** The configuration as it counts now: with the pools that are left out and kept, each where it was. */
  readonly config: Config;
  /** What was changed and does not count yet, each with its path. */
  readonly waiting: readonly string[];
  /** Something waits for the end of a try to open a pool. */
  readonly undecided: boolean;
}

const LATER = "counts when the driver is started again";
const SOON = "counts when the try to open the pool, which is under way, has ended";

export function changesOf(now: Config, next: Config, surveyed: Surveyed): ConfigChanges {
  const { leftOut, ended } = missing(now, next, surveyed);
  const counting = countingPools(now, next, ended, surveyed);
  const waiting = keysThatDiffer(now, next)
    .filter((key) => key !== "pools" && key !== "defaultPool")
    .map((key) => `${key}: ${LATER}`);
  for (const [index, options] of next.pools.entries()) {
    const path = (key: PropertyKey): string => formatPath(["pools", index, key]);
    const before = now.pools.find(({ name }) => name === options.name);
    if (isElsewhere(before, options)) {
      const taken = takenPlace(options, counting, surveyed);
      if (taken !== undefined) {
        waiting.push(`${formatPath(["pools", index, ...taken.keys])}: ${taken.text}`);
        if (before !== undefined) counting.set(options.name, before);
        continue;
      }
      if (before === undefined) counting.set(options.name, options);
    }
    const isTried = before !== undefined && surveyed.standing(options.name).kind === "trying";
    const then = counting.get(options.name) ?? options;
    waiting.push(...keysThatDiffer(then, options).map((key) => `${path(key)}: ${isTried ? SOON : LATER}`));
  }
  waiting.push(
    ...leftOut.map((name) => `pools: ${name} is left out; it stays open until the driver is started again`),
  );
  const isDefaultThere = next.defaultPool === undefined || counting.has(next.defaultPool);
  if (!isDefaultThere) waiting.push(`defaultPool: ${LATER}`);
  const { defaultPool: _was, ...rest } = now;
  const { defaultPool } = isDefaultThere ? next : now;
  const byDefault = defaultPool === undefined ? {} : { defaultPool };
  const old = new Map(now.pools.map((options) => [options.name, options]));
  return {
    pools: next.pools
      .flatMap(({ name }) => counting.get(name) ?? [])
      .filter((options) => differ(old.get(options.name), options)),
    leftOut,
    ended,
    ...byDefault,
    config: { ...rest, ...byDefault, pools: [...counting.values()] },
    waiting,
    undecided: now.pools.some(
      ({ name }) =>
        surveyed.standing(name).kind === "trying" &&
        differ(
          old.get(name),
          next.pools.find((each) => each.name === name),
        ),
    ),
  };
}

/** A pool that was open may have volumes that are in use: it is kept. */
function missing(now: Config, next: Config, { standing }: Surveyed): Pick<PoolsChange, "leftOut" | "ended"> {
  const names = now.pools.map(({ name }) => name).filter((name) => !next.pools.some((p) => p.name === name));
  const isEnded = (name: PoolName): boolean => standing(name).kind === "not-had";
  return { leftOut: names.filter((name) => !isEnded(name)), ended: names.filter(isEnded) };
}

/** Pools that the driver has already, by name, with the options that count from now on. */
function countingPools(
  now: Config,
  next: Config,
  ended: readonly PoolName[],
  surveyed: Surveyed,
): Map<PoolName, PoolOptions> {
  const kept = now.pools.filter(({ name }) => !ended.includes(name));
  return new Map(
    kept.map((old) => {
      const options = next.pools.find(({ name }) => name === old.name) ?? old;
      return [old.name, counted(old, options, surveyed)];
    }),
  );
}

/** Of a pool that nobody has yet, all: as if the driver were started with it. Of one that may be open any moment, nothing. */
function counted(old: PoolOptions, next: PoolOptions, { standing, resolve }: Surveyed): PoolOptions {
  const had = standing(old.name);
  if (!differ(old, next) || had.kind === "trying") return old;
  return had.kind === "not-had" ? next : takeOver(old, next, { disks: had.disks, resolve });
}

interface OpenPool {
  /** Of backing `devices`: those that it is on. */
  readonly disks: readonly string[];
  readonly resolve: (path: string) => string;
}

/** The old options with all of the new that an open pool takes over; of another backing: nothing. */
function takeOver(old: PoolOptions, next: PoolOptions, pool: OpenPool): PoolOptions {
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
    const { devices, force, select } = keepsDisks(rest, next, pool) ? next : rest;
    const { reserve: _was, select: _former, ...kept } = rest;
    const reserve = next.reserve === undefined ? {} : { reserve: next.reserve };
    const selected = select === undefined ? {} : { select };
    return { ...kept, ...common, ...reserve, ...selected, autoGrow: next.autoGrow, devices, force };
  }
  return old;
}

/**
 * A pool gives up no disk. One that it never took in may be anything: a slip of the pen, or a disk that was refused. Selected
 * disks are the pool's by their labels; another way to say which they are is for the next start.
 */
function keepsDisks(
  before: DevicesPoolOptions,
  { devices, select }: DevicesPoolOptions,
  { disks, resolve }: OpenPool,
): boolean {
  if (before.select !== undefined || select !== undefined)
    return before.select !== undefined && select !== undefined;
  const listed = new Set(devices.map((path) => resolve(path)));
  return disks.every((path) => listed.has(resolve(path)));
}

const isElsewhere = (before: PoolOptions | undefined, options: PoolOptions): boolean =>
  before === undefined || textOf(placesOf(before)) !== textOf(placesOf(options));

interface Taken {
  readonly keys: readonly PropertyKey[];
  readonly text: string;
}

/** A place that another pool goes on having although the file does not say so any more. */
function takenPlace(
  options: PoolOptions,
  counting: ReadonlyMap<PoolName, PoolOptions>,
  { resolve }: Surveyed,
): Taken | undefined {
  const others = [...counting.values()].filter(({ name }) => name !== options.name);
  for (const [keys, path] of placesOf(options)) {
    const place = resolve(path);
    const holder = others.find((other) =>
      placesOf(other).some(([, theirs]) => {
        const their = resolve(theirs);
        return their === place || partitionOf(their) === place || partitionOf(place) === their;
      }),
    );
    if (holder === undefined) continue;
    const text = `${path} is of pool ${holder.name} until the driver is started again; ${options.name} has to wait for that`;
    return { keys, text };
  }
  return undefined;
}

/** The order of keys says nothing. */
const differ = (one: PoolOptions | undefined, other: PoolOptions | undefined): boolean =>
  one === undefined || other === undefined ? one !== other : keysThatDiffer(one, other).length > 0;

function keysThatDiffer(one: object, other: object): string[] {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].filter((key) => textOf(Reflect.get(one, key)) !== textOf(Reflect.get(other, key)));
}

const textOf = (value: unknown): string | undefined => JSON.stringify(value, bigintAsText);
