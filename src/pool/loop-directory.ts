/** The directory of a loop pool: on a filesystem that can carry it, and nobody else's. */
import type { Dirent } from "node:fs";
import { lstat, readdir, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { PoolSetupError, systemErrnoOf } from "../core/errors.ts";
import { LOOP_FILES } from "../core/pool-options.ts";

/** Filesystems whose files cannot carry a pool, by the magic number of statfs(2). */
const UNFIT: ReadonlyMap<bigint, string> = new Map([
  [0x00c0ffeen, "hostfs"],
  [0x01021994n, "tmpfs"],
  [0x858458f6n, "ramfs"],
  [0x73717368n, "squashfs"],
  [0xe0f5e1e2n, "erofs"],
  [0x9660n, "iso9660"],
]);

/** Throws PoolSetupError, naming the filesystem, before anything is made there. */
export async function requireFilesystem(directory: string): Promise<void> {
  const name = UNFIT.get(await magicOf(directory));
  if (name === undefined) return;
  throw new PoolSetupError(
    `${directory} is on ${name}, which cannot carry a pool (direct I/O to lasting storage); use a directory on ext4 or xfs on a disk`,
  );
}

/** Of the filesystem that holds the directory, or will. */
async function magicOf(path: string): Promise<bigint> {
  try {
    // The kernel's word is 32 bits; Node widens it with its sign.
    return BigInt.asUintN(32, (await statfs(path, { bigint: true })).type);
  } catch (error) {
    if (systemErrnoOf(error) !== "ENOENT" || path === "/") throw error;
    return magicOf(dirname(path));
  }
}

/** Files of the pool, finished or not, and what mkfs leaves in a fresh filesystem. */
const KNOWN: ReadonlySet<string> = new Set([
  ...LOOP_FILES,
  ...LOOP_FILES.map((name) => `${name}.new`),
  "lost+found",
]);

/** Not there: fine. Throws PoolSetupError for a directory that others use or may write to. */
export async function requireOwnDirectory(directory: string): Promise<void> {
  const strangers = (await directoryEntries(directory)).filter((entry) => !KNOWN.has(entry.name));
  if (strangers.length > 0) {
    const shown = strangers.slice(0, 3).map((entry) => entry.name);
    throw new PoolSetupError(
      `${directory} holds other files (${shown.join(", ")}${strangers.length > 3 ? ", …" : ""}); give the pool a directory of its own`,
    );
  }
  const found = await lstat(directory).catch((error: unknown) => {
    if (systemErrnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (found.uid !== process.geteuid?.() || (found.mode & 0o022) !== 0) {
    throw new PoolSetupError(
      `${directory} belongs to another user or is writable for others; make it root's, mode 0700`,
    );
  }
}

/** What is in the directory; nothing where there is none. Throws PoolSetupError where it is no directory. */
export async function directoryEntries(directory: string): Promise<readonly Dirent[]> {
  try {
    if (!(await lstat(directory)).isDirectory()) {
      throw new PoolSetupError(
        `${directory} is not a directory (links are not followed); name the directory itself`,
      );
    }
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (systemErrnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
