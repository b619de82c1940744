/** Freezing and syncing a mounted filesystem by its mount point (FIFREEZE, syncfs): util-linux and coreutils. */
import { errnoOf } from "../core/errors.ts";
import type { Runner } from "./run.ts";

/** Writes back what is dirty, without stopping anybody; makes a freeze right after it short. */
export async function syncMount(runner: Runner, mountPoint: string): Promise<void> {
  await runner.run("sync", ["--file-system", mountPoint]);
}

export async function freezeMount(runner: Runner, mountPoint: string): Promise<void> {
  await runner.run("fsfreeze", ["--freeze", mountPoint]);
}

/** Thawing what is not frozen fails with EINVAL; that is the state wanted. */
export async function thawMount(runner: Runner, mountPoint: string): Promise<void> {
  try {
    await runner.run("fsfreeze", ["--unfreeze", mountPoint]);
  } catch (error) {
    if (errnoOf(error) !== "EINVAL") throw error;
  }
}
