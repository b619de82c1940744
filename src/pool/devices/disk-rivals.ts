/** What other pools of the configuration say of a disk that one of them selects. */
import { PoolSetupError } from "../../core/errors.ts";
import type { PoolOptions } from "../../core/pool-options.ts";
import { describeBlockDevice } from "../../host/block-device.ts";
import type { ListedDisk } from "../../host/disk-list.ts";
import { mismatches } from "./disk-selector.ts";
import type { Rival } from "./disk-selector.ts";

export async function rivalsFor(disk: ListedDisk, others: readonly PoolOptions[]): Promise<readonly Rival[]> {
  const rivals = await Promise.all(others.map((other) => rivalsOf(disk, other)));
  return rivals.flat();
}

async function rivalsOf(disk: ListedDisk, other: PoolOptions): Promise<readonly Rival[]> {
  const { name: pool } = other;
  if (other.backing === "devices" && other.select !== undefined)
    return mismatches(other.select, disk).length === 0 ? [{ kind: "selects", pool }] : [];
  const named = await Promise.all(
    pathsOf(other).map(async (path) => ((await isDisk(path, disk)) ? [path] : [])),
  );
  return named.flat().map((path) => ({ kind: "names", pool, path }));
}

function pathsOf(options: PoolOptions): readonly string[] {
  switch (options.backing) {
    case "loop":
      return [];
    case "parts":
      return [options.data, options.metadata, ...(options.catalog === undefined ? [] : [options.catalog])];
    case "devices":
      return options.devices;
  }
}

async function isDisk(path: string, { number }: ListedDisk): Promise<boolean> {
  try {
    return (await describeBlockDevice(path)).number === number;
  } catch (error) {
    // Not there, or no block device: it is another.
    if (error instanceof PoolSetupError) return false;
    throw error;
  }
}
