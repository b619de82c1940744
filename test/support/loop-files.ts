/** Loop devices over sparse files, for tests on a real kernel. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";

import type { BlockDevice } from "../../src/core/dm.ts";
import { Losetup } from "../../src/host/losetup.ts";
import type { Runner } from "../../src/host/run.ts";
import { scratchDirectory } from "./scratch.ts";

export interface LoopFile extends BlockDevice {
  readonly file: string;
}

export interface LoopFiles {
  /** A sparse file of that many bytes, attached with direct I/O. */
  attach(name: string, size: bigint): Promise<LoopFile>;
  /** Detaches all and deletes the files. */
  clean(): Promise<void>;
  readonly directory: string;
}

/** Files in a directory of their own below the scratch directory. */
export async function loopFiles(runner: Runner): Promise<LoopFiles> {
  const directory = await mkdtemp(join(scratchDirectory(), "loop-"));
  const losetup = new Losetup(runner);
  const attached: string[] = [];
  return {
    directory,
    async attach(name, size) {
      const file = join(directory, name);
      const handle = await open(file, "wx");
      await handle.truncate(Number(size));
      await handle.close();
      const device = await losetup.attach(file);
      attached.push(device.path);
      return { ...device, file };
    },
    async clean() {
      await Promise.all(attached.map((path) => losetup.detach(path)));
      await rm(directory, { recursive: true });
    },
  };
}
