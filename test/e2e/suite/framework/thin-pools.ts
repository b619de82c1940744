/** ThinPools: what the cluster says of each pool. */
import type { KubeObject } from "./kubectl.ts";
import type { World } from "./world.ts";

export const THIN_POOLS = "thinpools.dmthin.io";

interface Space {
  readonly bytes: number;
  readonly usedBytes: number;
}

/** As users of the API read it: docs/reference has all of it. */
export interface ThinPoolStatus {
  readonly mode: string;
  readonly uuid?: string;
  readonly data?: Space;
  readonly promisedBytes?: number;
  readonly volumes?: number;
  readonly snapshots?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
  }[];
}

export interface ThinPool extends KubeObject {
  readonly spec: { readonly node: string; readonly pool: string };
  readonly status?: ThinPoolStatus;
}

export const thinPools = (world: World): Promise<readonly ThinPool[]> =>
  world.kubectl.list<ThinPool>(["get", THIN_POOLS]);

/** Waits until the report of a pool says so. */
export function untilPool<R>(
  world: World,
  of: { readonly node: string; readonly pool: string },
  what: string,
  judge: (status: ThinPoolStatus) => R | undefined,
  timeoutMs = 180_000,
): Promise<R> {
  return world.phase("other waits", () =>
    world.kubectl.watch<ThinPool, R>({
      get: [THIN_POOLS],
      what: `the report of pool ${of.pool} on ${of.node}: ${what}`,
      timeoutMs,
      judge: (pools) => {
        const found = pools.find(({ spec }) => spec.node === of.node && spec.pool === of.pool);
        return found?.status === undefined ? undefined : judge(found.status);
      },
    }),
  );
}

/** How many volumes and snapshots all pools report, once a condition of them holds. */
export function untilCounts<R>(
  world: World,
  what: string,
  judge: (counts: { readonly volumes: number; readonly snapshots: number }) => R | undefined,
): Promise<R> {
  return world.phase("other waits", () =>
    world.kubectl.watch<ThinPool, R>({
      get: [THIN_POOLS],
      what,
      timeoutMs: 180_000,
      judge: (pools) => {
        const sum = (of: (status: ThinPoolStatus) => number | undefined): number =>
          pools.reduce((all, { status }) => all + (status === undefined ? 0 : (of(status) ?? 0)), 0);
        return judge({ volumes: sum((each) => each.volumes), snapshots: sum((each) => each.snapshots) });
      },
    }),
  );
}
