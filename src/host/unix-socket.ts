/**
 * What all listeners on unix sockets have in common: mode 0600 from the first instant; a socket left by a dead process is
 * replaced, one that a living process answers on is not.
 */
import { lstat, stat, unlink } from "node:fs/promises";
import { connect } from "node:net";

import { EnvironmentError } from "../core/errors.ts";

const ONLY_OWNER = 0o600;

/** Throws EnvironmentError where another process listens at `path`, or something else lies there. */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new EnvironmentError(`${path} is not a socket: move it away, or choose another endpoint`);
  if (await somebodyListens(path)) {
    throw new EnvironmentError(`another process listens at ${path}: is a second dmthin running?`);
  }
  await unlink(path).catch(ignoreMissing);
}

/**
 * Nothing else may create files while `bind` runs: the process's umask is narrowed around it. Throws EnvironmentError
 * where it fails, or where the socket did not get its mode; then `undo` is called.
 */
export async function bindForOwner(
  path: string,
  bind: () => Promise<unknown>,
  undo: () => void,
): Promise<void> {
  const before = process.umask(0o777 & ~ONLY_OWNER);
  try {
    await bind();
  } catch (cause) {
    throw new EnvironmentError(`cannot listen at ${path}: is its directory writable?`, { cause });
  } finally {
    process.umask(before);
  }
  const { mode } = await stat(path);
  if ((mode & 0o777) === ONLY_OWNER) return;
  undo();
  throw new EnvironmentError(`${path} did not get mode 0600 from its filesystem: put the socket elsewhere`);
}

function somebodyListens(path: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => resolve(true));
  socket.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
    // A listener with a full backlog answers EAGAIN: it lives.
    else if (error.code === "EAGAIN") resolve(true);
    else reject(new EnvironmentError(`cannot tell whether somebody listens at ${path}`, { cause: error }));
  });
  return promise.finally(() => socket.destroy());
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
  return undefined;
}
