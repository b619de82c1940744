/** All pools of this node, each kept open by a supervisor of its own: what one suffers stops no other. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../core/errors.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { AbsentPool, Pool, PoolSet } from "./engine.ts";
import type { OpenDependencies } from "./open.ts";
import { openPool } from "./open.ts";
import { PoolSupervisor } from "./supervisor.ts";

/** Pools come and go; one that is not open is among the absent, with its reason. */
export interface SupervisedPools extends PoolSet {
  /** Options of each as they count now, in the order of the configuration. */
  readonly configured: readonly PoolOptions[];
  /**
   * Resolves when the others need not be waited for: all are open or have failed once, or one is open and the rest had
   * its time. So lists are whole from the first answer on, unless a disk is stuck.
   */
  readonly usable: Promise<void>;
  /** Resolves when every pool is open or has failed once: with a stuck disk that may be never. */
  readonly settled: Promise<void>;
  /**
   * Options of pools of the set, by their names: open ones take them over, the others are opened with them. Rejects never;
   * a pool that takes no changes is reported.
   */
  reconfigure(pools: readonly PoolOptions[]): Promise<void>;
  /** Ends the driver's hold on every pool, side by side; nothing is deactivated. */
  close(): Promise<void>;
}

export interface PoolsConfig {
  readonly pools: readonly PoolOptions[];
  readonly defaultPool?: PoolName;
}

/** From the first open pool on; opening takes a second or two, unless a disk is stuck or an orphaned tool still runs. */
const LATECOMERS_MS = 5000;

/** Begins to open all of them, and keeps them open. */
export function startPools(config: PoolsConfig, dependencies: OpenDependencies): SupervisedPools {
  const { report, observer } = dependencies;
  const current = new Map(config.pools.map((options) => [options.name, options]));
  const supervisors = config.pools.map(
    (first) =>
      new PoolSupervisor({
        name: first.name,
        open: (mayCreate, news) => {
          const options = current.get(first.name) ?? first;
          const trial = openPool(options, { ...dependencies, report: news }, mayCreate);
          // Another configuration may have come while it was being opened.
          trial.opened.then(
            () => setImmediate(() => void catchUp(options)),
            () => undefined,
          );
          return trial;
        },
        report,
        ...(observer === undefined ? {} : { observer }),
      }),
  );
  const change = async (before: PoolOptions, options: PoolOptions): Promise<void> => {
    const supervisor = supervisors.find(({ name }) => name === options.name);
    try {
      if (hasOtherDevices(before, options)) supervisor?.reopen("its list of devices is another");
      else await supervisor?.pool?.reconfigure(options);
    } catch (error) {
      report("warn", `pool ${options.name}: the new configuration waits: ${messageOf(error)}`);
    }
  };
  const catchUp = async (openedWith: PoolOptions): Promise<void> => {
    const now = current.get(openedWith.name) ?? openedWith;
    if (now !== openedWith) await change(openedWith, now);
  };
  const first = Promise.withResolvers<void>();
  const tries = supervisors.map(async ({ tried }) => {
    if (await tried) first.resolve();
  });
  const settled = Promise.all(tries).then(() => undefined);
  const defaultName = config.defaultPool ?? (supervisors.length === 1 ? supervisors[0]?.name : undefined);
  /** In the order of the configuration. */
  const pools = (): readonly Pool[] => supervisors.flatMap(({ pool }) => pool ?? []);
  const byName = (name: string): Pool | undefined => pools().find((pool) => pool.name === name);
  return {
    usable: Promise.race([
      settled,
      first.promise.then(() => sleep(LATECOMERS_MS, undefined, { ref: false })),
    ]),
    settled,
    get configured() {
      return [...current.values()];
    },
    get pools() {
      return pools();
    },
    get absent() {
      return supervisors.flatMap((each) => (each.pool === undefined ? [absentPool(each)] : []));
    },
    get default() {
      return defaultName === undefined ? undefined : byName(defaultName);
    },
    byName,
    byUuid: (uuid: PoolUuid) => pools().find((pool) => pool.uuid === uuid),
    reconfigure: async (wanted) => {
      await Promise.all(
        wanted.map((options) => {
          const before = current.get(options.name) ?? options;
          current.set(options.name, options);
          return change(before, options);
        }),
      );
    },
    close: async () => {
      await Promise.all(supervisors.map((each) => each.stop()));
    },
  };
}

function absentPool({ name, absence: reason, trouble }: PoolSupervisor): AbsentPool {
  return trouble === undefined ? { name, reason } : { name, reason, trouble };
}

/** Devices are looked at when a pool is opened; volumes go on meanwhile. */
const hasOtherDevices = (before: PoolOptions, now: PoolOptions): boolean =>
  before.backing === "devices" &&
  now.backing === "devices" &&
  before.devices.join("\n") !== now.devices.join("\n");
