/** Which pools the configured ones are, by what lies on their devices or is active under their names. */
import { describeBlockDevice } from "../../host/block-device.ts";
import { PoolSetupError, systemErrnoOf } from "../../core/errors.ts";
import type { PoolName, PoolUuid } from "../../core/ids.ts";
import type { PoolOptions } from "../../core/pool-options.ts";
import { activeUuid } from "../active-uuid.ts";
import { readLabelCopies } from "../label-store.ts";
import type { Find } from "./found-pools.ts";
import type { ConfiguredPool } from "./standing.ts";

export async function configuredPools(
  pools: readonly PoolOptions[],
  finds: readonly Find[],
): Promise<readonly ConfiguredPool[]> {
  return Promise.all(
    pools.map(async (options): Promise<ConfiguredPool> => {
      const uuid = (await uuidOnDevices(options, finds)) ?? activeUuid(options.name);
      return { name: options.name, ...(uuid === undefined ? {} : { uuid }) };
    }),
  );
}

async function uuidOnDevices(options: PoolOptions, finds: readonly Find[]): Promise<PoolUuid | undefined> {
  switch (options.backing) {
    case "loop":
      return uuidInFile(`${options.directory}/metadata.img`);
    case "parts":
      return (await findAt(options.metadata, finds))?.label.pool;
    case "devices": {
      if (options.select !== undefined) return uuidByName(options.name, finds);
      const disks = await Promise.all(options.devices.map((path) => findAt(path, finds)));
      const labels = disks.flatMap((disk) => disk?.label ?? []);
      return (labels.find(({ member }) => member === "metadata") ?? labels[0])?.pool;
    }
  }
}

/** Selected disks are the pool's by their labels alone. */
function uuidByName(name: PoolName, finds: readonly Find[]): PoolUuid | undefined {
  const own = finds.filter(({ label }) => label.backing === "devices" && label.name === name);
  const [uuid, ...others] = new Set(own.map(({ label }) => label.pool));
  return others.length === 0 ? uuid : undefined;
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
