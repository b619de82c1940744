/** All pools of this node, opened side by side: one that cannot be opened is named with its reason and stops no other. */
import { messageOf } from "../core/errors.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { Pool, PoolSet } from "./engine.ts";
import type { OpenDependencies, OpenedPool } from "./open.ts";
import { openPool } from "./open.ts";

export interface OpenPools extends PoolSet {
  /** Ends the driver's hold on every pool; nothing is deactivated. */
  close(): Promise<void>;
}

export interface PoolsConfig {
  readonly pools: readonly PoolOptions[];
  readonly defaultPool?: PoolName;
}

/** Never rejects for a pool's sake: see `absent`. */
export async function openPools(config: PoolsConfig, dependencies: OpenDependencies): Promise<OpenPools> {
  const opened: OpenedPool[] = [];
  const absent: { readonly name: PoolName; readonly reason: string }[] = [];
  await Promise.all(
    config.pools.map(async (options) => {
      try {
        opened.push(await openPool(options, dependencies));
        dependencies.report("info", `pool ${options.name} is open`);
      } catch (error) {
        absent.push({ name: options.name, reason: messageOf(error) });
        dependencies.report("error", `pool ${options.name} could not be opened: ${messageOf(error)}`);
      }
    }),
  );
  const order = config.pools.map((options) => options.name);
  const pools: readonly Pool[] = opened
    .map((each) => each.pool)
    .toSorted((left, right) => order.indexOf(left.name) - order.indexOf(right.name));
  const onlyOne = order.length === 1 ? order[0] : undefined;
  const defaultName = config.defaultPool ?? onlyOne;
  return {
    pools,
    absent,
    default: pools.find((pool) => pool.name === defaultName),
    byName: (name: string) => pools.find((pool) => pool.name === name),
    byUuid: (uuid: PoolUuid) => pools.find((pool) => pool.uuid === uuid),
    close: async () => {
      for (const each of opened) await each.close();
    },
  };
}
