/**
 * The lock that makes one driver the owner of a thing, across restarts and across its own orphaned children.
 *
 * Two kernel locks (flock), so that no process number has to be trusted. `PATH.owner` is held by the driver alone: taken
 * means that a driver lives, and waiting would be in vain. `PATH` is held by the driver and, through inherited
 * descriptors (`Runner.holding`), by each tool it started: still taken after the driver's death means that such a tool
 * has not ended, and a new driver waits for it before it decides anything. Files stay: removing a locked file would let
 * two owners hold two files of one name.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

import { PoolUnavailableError, systemErrnoOf } from "../core/errors.ts";
import type { Runner } from "./run.ts";

export interface HeldLock {
  /** Give it to `Runner.holding`, so that tools keep the lock while they run. */
  readonly fd: number;
  release(): void;
}

const CONFLICT = 1;
/** Outlasts a passing `isOwned`, which holds the owner's lock for the moment of its look. */
const OWNER_PATIENCE_MS = 500;
/** Node opens with close-on-exec: only what `holding` names is inherited. */
const openLock = (path: string): number => openSync(path, "a+", 0o600);

async function tryLock(runner: Runner, fd: number, waitMs: number): Promise<boolean> {
  const patience = waitMs > 0 ? ["--timeout", (waitMs / 1000).toFixed(3)] : ["--nonblock"];
  // The lock belongs to the open file, not to the process that asks for it: it stays with us when flock ends.
  const result = await runner
    .holding([fd])
    .run("flock", ["--exclusive", ...patience, "3"], { accept: [0, CONFLICT] });
  return result.exitCode === 0;
}

/**
 * Takes the lock. Rejects with PoolUnavailableError within a second where a living driver holds it, and after `waitMs` where
 * tools of a dead driver still do.
 */
export async function takeLock(
  runner: Runner,
  path: string,
  options: { readonly waitMs: number },
): Promise<HeldLock> {
  const owner = openLock(ownerPath(path));
  try {
    if (!(await tryLock(runner, owner, OWNER_PATIENCE_MS))) {
      throw new PoolUnavailableError(
        `${path} is held by another dmthin, process ${readOwner(path) ?? "unknown"}`,
      );
    }
    ftruncateSync(owner);
    writeSync(owner, `${process.pid}\n`);
    return await takeShared(runner, path, owner, options.waitMs);
  } catch (error) {
    closeSync(owner);
    throw error;
  }
}

async function takeShared(runner: Runner, path: string, owner: number, waitMs: number): Promise<HeldLock> {
  const fd = openLock(path);
  try {
    if (!(await tryLock(runner, fd, waitMs))) {
      throw new PoolUnavailableError(
        `${path}: a tool started by an earlier dmthin has not ended within ${waitMs} ms; look for it with fuser ${path}`,
      );
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let held = true;
  return {
    fd,
    release() {
      if (!held) return;
      held = false;
      // The inheritable lock first: nobody may believe the owner gone while it is still being given up.
      closeSync(fd);
      closeSync(owner);
    },
  };
}

/** Whether a living driver owns the lock; a lock file that does not exist is owned by nobody. Takes nothing. */
export async function isOwned(runner: Runner, path: string): Promise<boolean> {
  const owner = openExisting(ownerPath(path));
  if (owner === undefined) return false;
  try {
    return !(await tryLock(runner, owner, 0));
  } finally {
    closeSync(owner);
  }
}

/** The process number that the last owner wrote, for messages only: it may be of another container, or dead. */
export function readOwner(path: string): string | undefined {
  try {
    return readFileSync(ownerPath(path), "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

const ownerPath = (path: string): string => `${path}.owner`;

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (systemErrnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
