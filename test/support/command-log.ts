/** What a driver did, by its log: it must log at level `debug`. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { linesOf } from "./machine-state.ts";

const PATIENCE_MS = 90_000;

/** What the driver wrote to its log since a moment. Commands are logged when they end. */
export class CommandLog {
  readonly #text: () => string;

  constructor(text: () => string) {
    this.#text = text;
  }

  text(): string {
    return this.#text();
  }

  /** Resolves when the driver has logged that. */
  async until(line: RegExp): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!line.test(this.#text())) {
      if (performance.now() > end) throw new Error(`no ${line} in:\n${this.#text().slice(-4000)}`);
      await sleep(100);
    }
  }

  /** Each with its arguments. */
  commands(): readonly (readonly string[])[] {
    return linesOf(this.#text()).flatMap((line) => {
      if (!line.startsWith("{")) return [];
      const entry = JSON.parse(line) as { readonly argv?: readonly string[] };
      return entry.argv === undefined ? [] : [entry.argv];
    });
  }

  /** All that make a filesystem; asking for the version does not. */
  mkfs(): readonly string[] {
    return this.commands()
      .filter(([tool = "", first]) => tool.startsWith("mkfs.") && first !== "-V")
      .map((argv) => argv.join(" "));
  }

  /** Messages to thin-pools, but those of a metadata snapshot, by which thins are listed and which change no thin. */
  messages(poolDevice?: string): readonly string[] {
    return this.commands()
      .filter(([tool, verb]) => tool === "dmsetup" && verb === "message")
      .filter(([, , device]) => poolDevice === undefined || device === poolDevice)
      .map((argv) => argv.slice(4).join(" "))
      .filter((text) => !text.endsWith("_metadata_snap"));
  }

  /** The thin that was made last. */
  lastThin(): number {
    const made = this.messages().findLast((text) => text.startsWith("create_"));
    if (made === undefined) throw new Error("no thin was made");
    return Number(made.split(" ")[1]);
  }
}

/** What comes after this moment; the file may not be there yet. */
export function logFrom(path: string): CommandLog {
  const begin = existsSync(path) ? readFileSync(path).length : 0;
  return new CommandLog(() => readFileSync(path).subarray(begin).toString());
}
