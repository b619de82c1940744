/** Two names of one device, as the machine resolves them. Reads links only; a device that is not there is nobody's twin. */
import { realpath } from "node:fs/promises";
import type { PoolOptions } from "../core/pool-options.ts";
import { partitionOf } from "./conflicts.ts";
import { formatPath } from "./problems.ts";

interface Place {
  /** In the file. */
  readonly path: string;
  readonly value: string;
  readonly device: string;
}

/** What is behind each path of these pools; a path that is not there stands for itself. */
export async function resolvePlaces(pools: readonly PoolOptions[]): Promise<ReadonlyMap<string, string>> {
  const paths = pools.flatMap((pool) => placesOf(pool).map(([, path]) => path));
  const resolved = paths.map(async (path) => [path, await realpath(path).catch(() => path)] as const);
  return new Map(await Promise.all(resolved));
}

/** Devices of the configuration that are one, or a partition of another, under other names than the file shows. */
export async function sameDevices(pools: readonly PoolOptions[]): Promise<string[]> {
  const named = pools.flatMap((pool, index) =>
    placesOf(pool).map(([keys, value]) => ({ path: formatPath(["pools", index, ...keys]), value })),
  );
  const resolved = await resolvePlaces(pools);
  const places = named.map(({ path, value }): Place => ({
    path,
    value,
    device: resolved.get(value) ?? value,
  }));
  return places.flatMap((place, index) => {
    const twin = places.slice(0, index).find(({ device }) => device === place.device);
    if (twin !== undefined)
      return [`${place.path}: ${place.value} is ${place.device}, already used as ${twin.path}`];
    const disk = partitionOf(place.device);
    const whole = places.find(({ device }) => device === disk);
    return whole === undefined
      ? []
      : [`${place.path}: ${place.value} is ${place.device}, a partition of ${whole.path}`];
  });
}

type Named = readonly [keys: readonly PropertyKey[], value: string];

/** What a pool must have for itself: the keys that name it, and the path. */
export function placesOf(pool: PoolOptions): readonly Named[] {
  switch (pool.backing) {
    case "loop":
      return [[["directory"], pool.directory]];
    case "parts":
      return [
        [["data"], pool.data],
        [["metadata"], pool.metadata],
        ...(pool.catalog === undefined ? [] : [[["catalog"], pool.catalog] as const]),
      ];
    case "devices":
      return pool.devices.map((path, index) => [["devices", index], path]);
  }
}
