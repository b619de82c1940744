/**
 * What the guard is armed for, one file a bracket, so that the next start knows which mounts to thaw should guard and
 * driver both be killed. The state directory is a tmpfs: a note need not survive what ends every suspension anyway.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

import { parseBracket } from "./guard-protocol.ts";
import type { Bracket } from "./guard-protocol.ts";

const SUFFIX = ".json";

/** Synchronous on purpose: a few hundred bytes of memory, and the thread pool may be full of stuck disk I/O. */
export class BracketNotes {
  readonly #directory: string;

  constructor(stateDirectory: string) {
    this.#directory = `${stateDirectory}/brackets`;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  write(bracket: Bracket): void {
    const path = this.#path(bracket.id);
    writeFileSync(`${path}.new`, JSON.stringify(bracket), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  remove(id: string): void {
    rmSync(this.#path(id), { force: true });
  }

  /** Notes left behind. Files that are none are passed over. */
  read(): readonly Bracket[] {
    return readdirSync(this.#directory)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => readNote(`${this.#directory}/${name}`))
      .filter((bracket) => bracket !== undefined);
  }

  #path(id: string): string {
    return `${this.#directory}/${id}${SUFFIX}`;
  }
}

function readNote(path: string): Bracket | undefined {
  try {
    return parseBracket(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
