/** Freezing and syncing a mounted filesystem by its mount point (FIFREEZE, syncfs): util-linux and coreutils. */
import type { Runner } from "./run.ts";

/** Writes back what is dirty, without stopping anybody; makes a freeze right after it short. */
export async function syncMount(runner: Runner, mountPoint: string): Promise<void> {
  await runner.run("sync", ["--file-system", mountPoint]);
}

export async function freezeMount(runner: Runner, mountPoint: string): Promise<void> {
  await runner.run("fsfreeze", ["--freeze", mountPoint]);
}

/** Thawing what is not frozen fails with EINVAL; that is the state wanted, so exit code 1 with that text is fine. */
export async function thawMount(runner: Runner, mountPoint: string): Promise<void> {
  const result = await runner.run("fsfreeze", ["--unfreeze", mountPoint], { accept: [0, 1] });
  if (result.exitCode !== 0 && !/Invalid argument/.test(result.stderr)) {
    await runner.run("fsfreeze", ["--unfreeze", mountPoint]);
  }
}
