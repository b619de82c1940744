/** Files that come anew while the process runs, by an editor's or a ConfigMap's hand. Events, no polling. */
import { watch } from "node:fs";
import { messageOf } from "./core/errors.ts";

export interface FollowOptions {
  readonly directory: string;
  /** Whether a name of the directory matters. */
  readonly matters: (name: string) => boolean;
  readonly changed: () => void;
  /** Told where the directory is not followed, or not any more. */
  readonly lost: (problem: string) => void;
}

/** Editors write in several steps, and a ConfigMap comes as a few renames. */
const SETTLE_MS = 500;

/** Until the returned function is called. */
export function followFiles({ directory, matters, changed, lost }: FollowOptions): () => void {
  let timer: NodeJS.Timeout | undefined;
  // Not later with each event: a directory may never be quiet.
  const soon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      changed();
    }, SETTLE_MS).unref();
  };
  try {
    const watcher = watch(directory, { persistent: false }, (_event, name) => {
      // The links through which a ConfigMap or a Secret shows a new version of all its files begin with two dots.
      if (name === null || name.startsWith("..") || matters(name)) soon();
    });
    watcher.on("error", (error) => lost(`not followed any more: ${messageOf(error)}`));
    return () => {
      clearTimeout(timer);
      watcher.close();
    };
  } catch (error) {
    lost(`not followed: ${messageOf(error)}`);
    return () => clearTimeout(timer);
  }
}
