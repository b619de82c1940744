/** All pools of this node, opened side by side: one that cannot be opened is named with its reason and stops no other. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../core/errors.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { Pool, PoolSet } from "./engine.ts";
import type { OpenDependencies, OpenedPool } from "./open.ts";
import { openPool } from "./open.ts";

export interface OpenPools extends PoolSet {
  /** Ends the driver's hold on every pool, side by side; nothing is deactivated. */
  close(): Promise<void>;
}

/** Pools come in as they open; until then they are among the absent. */
export interface OpeningPools extends OpenPools {
  /**
   * Resolves when the others need not be waited for: all are open or have failed, or one is open and the rest had
   * its time. So lists are whole from the first answer on, unless a disk is stuck.
   */
  readonly usable: Promise<void>;
  /** Resolves when every pool is open or has failed: with a stuck disk that may be never. */
  readonly settled: Promise<void>;
}

export interface PoolsConfig {
  readonly pools: readonly PoolOptions[];
  readonly defaultPool?: PoolName;
}

/** From the first open pool on; opening takes a second or two, unless a disk is stuck or an orphaned tool still runs. */
const LATECOMERS_MS = 5000;

/** Begins to open all of them. One that cannot be opened is among the absent, with its reason. */
export function startPools(config: PoolsConfig, dependencies: OpenDependencies): OpeningPools {
  const opened = new Map<PoolName, OpenedPool>();
  const failed = new Map<PoolName, string>();
  const first = Promise.withResolvers<void>();
  const open = async (options: PoolOptions): Promise<void> => {
    const { name } = options;
    try {
      const { operations } = dependencies;
      const pool = await operations.around(`open pool ${name}`, () => openPool(options, dependencies));
      opened.set(name, pool);
      dependencies.report("info", `pool ${name} is open`);
      first.resolve();
    } catch (error) {
      failed.set(name, messageOf(error));
      dependencies.report("error", `pool ${name} could not be opened: ${messageOf(error)}`);
    }
  };
  const settled = Promise.all(config.pools.map(open)).then(() => undefined);
  const names = config.pools.map(({ name }) => name);
  const defaultName = config.defaultPool ?? (names.length === 1 ? names[0] : undefined);
  /** In the order of the configuration. */
  const pools = (): readonly Pool[] => names.flatMap((name) => opened.get(name)?.pool ?? []);
  const byName = (name: string): Pool | undefined => pools().find((pool) => pool.name === name);
  return {
    usable: Promise.race([
      settled,
      first.promise.then(() => sleep(LATECOMERS_MS, undefined, { ref: false })),
    ]),
    settled,
    get pools() {
      return pools();
    },
    get absent() {
      return names
        .filter((name) => !opened.has(name))
        .map((name) => ({ name, reason: failed.get(name) ?? "it is still being opened" }));
    },
    get default() {
      return defaultName === undefined ? undefined : byName(defaultName);
    },
    byName,
    byUuid: (uuid: PoolUuid) => pools().find((pool) => pool.uuid === uuid),
    close: async () => {
      await Promise.all(opened.values().map((each) => each.close()));
    },
  };
}
