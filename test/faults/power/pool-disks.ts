/** The disks of a pool, as the workload and those after it find them. */
import { mkdirSync } from "node:fs";

import type { RawConfig } from "../../support/driver.ts";
import { run } from "../../support/machine-state.ts";
import { divide, logWrites } from "./one-disk.ts";
import { POOL, type PoolDisks } from "./settings.ts";

export interface ReadyDisks {
  readonly config: RawConfig;
  /** The device or file with the label and the thin metadata. It may not be there yet. */
  readonly metadata: string;
  /** Of a loop pool. */
  readonly directory?: string;
  /** Where writes are logged: the device to be marked. */
  readonly log?: string;
}

const MOUNT_POINT = "/run/power-disk";
const METADATA_SIZE = "64MiB";

/** `fresh`: the disks are empty, and are prepared. */
export async function prepareDisks(
  disks: PoolDisks,
  { fresh }: { readonly fresh: boolean },
): Promise<ReadyDisks> {
  switch (disks.kind) {
    case "parts":
      return partsOf(disks);
    case "logged": {
      const log = await logWrites(disks.disk, disks.log);
      return { ...partsOf(await divide(log)), log };
    }
    case "loop":
      return loopOn(disks.disk, fresh);
  }
}

function partsOf({ metadata, data }: { readonly metadata: string; readonly data: string }): ReadyDisks {
  return { config: { name: POOL, backing: "parts", metadata, data, metadataSize: METADATA_SIZE }, metadata };
}

async function loopOn(disk: string, fresh: boolean): Promise<ReadyDisks> {
  if (fresh) await run("mkfs.ext4", "-q", "-F", disk);
  mkdirSync(MOUNT_POINT);
  await run("mount", disk, MOUNT_POINT);
  const directory = `${MOUNT_POINT}/pool`;
  const sizes = { dataSize: "6GiB", metadataSize: METADATA_SIZE };
  return {
    config: { name: POOL, backing: "loop", directory, ...sizes },
    metadata: `${directory}/metadata.img`,
    directory,
  };
}
