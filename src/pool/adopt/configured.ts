/** Which pools the configured ones are, by what lies on their devices or is active under their names. */
import { findDmDevice } from "../../host/dm-sysfs.ts";
import { describeBlockDevice } from "../../host/block-device.ts";
import { PoolSetupError, systemErrnoOf } from "../../core/errors.ts";
import { parsePoolOfUuid, poolDeviceName } from "../../core/ids.ts";
import type { PoolUuid } from "../../core/ids.ts";
import type { PoolOptions } from "../../core/pool-options.ts";
import { readLabelCopies } from "../label-store.ts";
import type { Find } from "./found-pools.ts";
import type { ConfiguredPool } from "./standing.ts";

export async function configuredPools(
  pools: readonly PoolOptions[],
  finds: readonly Find[],
): Promise<readonly ConfiguredPool[]> {
  return Promise.all(
    pools.map(async (options): Promise<ConfiguredPool> => {
      const uuid = (await uuidOnDevices(options, finds)) ?? activeUuid(options);
      return { name: options.name, ...(uuid === undefined ? {} : { uuid }) };
    }),
  );
}

function activeUuid({ name }: PoolOptions): PoolUuid | undefined {
  return parsePoolOfUuid(findDmDevice(poolDeviceName(name, "pool"))?.uuid ?? "");
}

async function uuidOnDevices(options: PoolOptions, finds: readonly Find[]): Promise<PoolUuid | undefined> {
  switch (options.backing) {
    case "loop":
      return uuidInFile(`${options.directory}/metadata.img`);
    case "parts":
      return (await findAt(options.metadata, finds))?.label.pool;
    case "devices": {
      const disks = await Promise.all(options.devices.map((path) => findAt(path, finds)));
      const labels = disks.flatMap((disk) => disk?.label ?? []);
      return (labels.find(({ member }) => member === "metadata") ?? labels[0])?.pool;
    }
  }
}

async function findAt(path: string, finds: readonly Find[]): Promise<Find | undefined> {
  try {
    const { number } = await describeBlockDevice(path);
    return finds.find((find) => find.number === number);
  } catch (error) {
    // Not there, or no block device: nothing is to be told by it.
    if (error instanceof PoolSetupError) return undefined;
    throw error;
  }
}

async function uuidInFile(path: string): Promise<PoolUuid | undefined> {
  try {
    const { reading } = await readLabelCopies(path);
    return reading.kind === "label" ? reading.label.pool : undefined;
  } catch (error) {
    if (systemErrnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
