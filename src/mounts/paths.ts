/**
 * Paths from requests (promise 12). Allowed is only what lies in kubelet's directory and goes through no symlink: a
 * volume's user can plant one inside a volume, and a mount that follows it would land anywhere on the host.
 */
import type { Stats } from "node:fs";
import { lstat, realpath } from "node:fs/promises";

import { EnvironmentError, InvalidRequestError, messageOf, systemErrnoOf } from "../core/errors.ts";
import { readMountInfo, topMountAt } from "../host/mount-info.ts";

/** What is at a path: nothing, not even its parent; nothing; or something. `mount`: a mount point of any kind. */
export type PathKind = "no-parent" | "nothing" | "mount" | "directory" | "file" | "other";

export interface LocatedPath {
  /** Without any symlink, as mountinfo names it. */
  readonly path: string;
  readonly kind: PathKind;
}

/** Linux' PATH_MAX without its closing NUL. */
export const MAX_PATH_BYTES = 4095;
const CONTROL = /\p{Cc}/u;

/** Components of an absolute path in its only spelling. Throws InvalidRequestError. */
export function splitPath(path: string, field: string): readonly string[] {
  const fail = (problem: string): InvalidRequestError => new InvalidRequestError(field, problem);
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw fail(`is longer than ${MAX_PATH_BYTES} bytes`);
  if (CONTROL.test(path)) throw fail("holds a control character");
  if (!path.startsWith("/")) throw fail("must be an absolute path");
  const components = path.replace(/\/$/, "").slice(1).split("/");
  if (components.some((each) => each === "" || each === "." || each === "..")) {
    throw fail("must not hold empty components, `.` or `..`");
  }
  return components;
}

function startsWith(components: readonly string[], directory: readonly string[]): boolean {
  return directory.length < components.length && directory.every((each, index) => each === components[index]);
}

export class KubeletPaths {
  readonly #configured: string;
  /** As of the last look; for `lockName`. */
  #real: string | undefined;

  /** @param directory absolute, as configured; it may be reached through symlinks, its content may not. */
  constructor(directory: string) {
    this.#configured = directory;
  }

  /** The directory without symlinks. EnvironmentError where it does not exist. */
  async directory(): Promise<string> {
    try {
      this.#real = await realpath(this.#configured);
      return this.#real;
    } catch (error) {
      throw new EnvironmentError(
        `kubeletDirectory ${this.#configured}: ${messageOf(error)}; mount it into the driver's container or correct the configuration`,
        { cause: error },
      );
    }
  }

  /** The same text for all spellings of a path that `place` takes. Looks at nothing: a lock is taken before anything else. */
  lockName(path: string): string {
    const bare = path.replace(/\/$/, "");
    const real = this.#real;
    return real !== undefined && bare.startsWith(`${real}/`)
      ? `${this.#configured}${bare.slice(real.length)}`
      : bare;
  }

  /** The path as mountinfo would name it; looks at nothing but the directory itself. Throws InvalidRequestError. */
  async place(path: string, field: string): Promise<string> {
    const components = splitPath(path, field);
    const real = await this.directory();
    for (const prefix of [this.#configured, real]) {
      const directory = splitPath(prefix, "kubeletDirectory");
      if (startsWith(components, directory)) return [real, ...components.slice(directory.length)].join("/");
    }
    throw new InvalidRequestError(field, `must lie in kubelet's directory, ${this.#configured}`);
  }

  /** Looks at every component. Throws InvalidRequestError for a symlink, and for a parent that is no directory. */
  async locate(path: string, field: string): Promise<LocatedPath> {
    const placed = await this.place(path, field);
    const real = await this.directory();
    const below = placed.slice(real.length + 1).split("/");
    for (let depth = 1; depth < below.length; depth += 1) {
      const kind = await kindOf([real, ...below.slice(0, depth)].join("/"), field);
      if (kind === "nothing") return { path: placed, kind: "no-parent" };
      if (kind !== "directory" && kind !== "mount") {
        throw new InvalidRequestError(field, `${below[depth - 1] ?? ""} in it is not a directory`);
      }
    }
    return { path: placed, kind: await kindOf(placed, field) };
  }
}

/** A mount point is not looked at: it cannot be a symlink, and what is mounted there may not answer. */
async function kindOf(path: string, field: string): Promise<PathKind> {
  if (topMountAt(readMountInfo(), path) !== undefined) return "mount";
  const stats = await lstatIfPresent(path);
  if (stats === undefined) return "nothing";
  if (stats.isSymbolicLink()) throw new InvalidRequestError(field, "goes through a symbolic link");
  if (stats.isDirectory()) return "directory";
  return stats.isFile() ? "file" : "other";
}

async function lstatIfPresent(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemErrnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
