/**
 * Mounting and unmounting by mount(8) and umount(8), without helpers and without canonicalizing: paths are checked
 * before, and nothing here touches a filesystem that may not answer. Never lazy, never forced: both lose writes.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { errnoOf, PreconditionError } from "../core/errors.ts";
import type { MountEntry } from "../core/filesystem.ts";
import type { FsType } from "../core/records.ts";
import { readMountInfo, topMountAt } from "./mount-info.ts";
import type { Runner } from "./run.ts";

/** A directory cannot be left out of `--`: all paths given here are absolute. */
const PLAIN = ["--no-canonicalize", "--internal-only"];

export interface FilesystemMount {
  /** `/dev/dm-N`. */
  readonly device: string;
  readonly path: string;
  readonly fsType: FsType;
  readonly flags: readonly string[];
}

/** Mounts writable or not at all: mount(8) would otherwise turn to read-only by itself on a write-protected device. */
export async function mountFilesystem(runner: Runner, mount: FilesystemMount): Promise<void> {
  const { device, path, fsType, flags } = mount;
  const options = flags.length === 0 ? [] : ["-o", flags.join(",")];
  await runner.run("mount", [...PLAIN, "--rw", "-t", fsType, ...options, device, path]);
}

/** Kept by a bind mount, but lost when it is made read-only unless they are said again. */
const PER_MOUNT = new Set(["nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime"]);

/**
 * Shows `source` (a directory, or a device node) at `target` too. Read-only is part of the same command, so that a
 * driver killed here leaves no writable mount behind.
 * @param kept options of the source's own mount, to be had by the new one as well.
 */
export async function bindMount(
  runner: Runner,
  source: string,
  target: string,
  how: { readonly readOnly: boolean; readonly kept: readonly string[] },
): Promise<void> {
  const kept = how.kept.filter((option) => PER_MOUNT.has(option));
  const options = how.readOnly ? ["bind", "ro", ...kept] : ["bind"];
  await runner.run("mount", [...PLAIN, "-o", options.join(","), source, target]);
}

export interface Patience {
  /** How long a busy mount is tried again. */
  readonly totalMs: number;
  readonly pauseMs: number;
}

export const UNMOUNT_PATIENCE: Patience = { totalMs: 10_000, pauseMs: 250 };

/**
 * Unmounts what is seen at `path`, once; no longer mounted counts. PreconditionError while it stays busy. Ends when
 * umount(8) ends: one that is stuck in the kernel must not be started a second time, so it gets no deadline.
 */
export async function unmount(
  runner: Runner,
  entry: MountEntry,
  patience: Patience = UNMOUNT_PATIENCE,
): Promise<void> {
  const deadline = performance.now() + patience.totalMs;
  for (;;) {
    try {
      await runner.run("umount", [...PLAIN, entry.mountPoint]);
      return;
    } catch (error) {
      if (topMountAt(readMountInfo(), entry.mountPoint)?.id !== entry.id) return;
      if (errnoOf(error) !== "EBUSY") throw error;
      if (performance.now() >= deadline) {
        throw new PreconditionError(
          `${entry.mountPoint} is still in use after ${patience.totalMs / 1000} s: a process has files open in it or a mount lies below it; it is unmounted when they end`,
          { cause: error },
        );
      }
    }
    await sleep(patience.pauseMs);
  }
}
