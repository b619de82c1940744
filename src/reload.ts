/**
 * Follows the configuration file while the driver runs: at SIGHUP, and when something changes in the file's directory,
 * which is how a ConfigMap arrives. A configuration that is not valid changes nothing.
 */
import { basename, dirname } from "node:path";

import type { Config } from "./config.ts";
import { changesOf } from "./config/changes.ts";
import { messageOf } from "./core/errors.ts";
import type { PoolOptions } from "./core/pool-options.ts";
import { followFiles } from "./follow-files.ts";

export interface ReloadOptions {
  readonly path: string;
  /** As it counts now. */
  readonly config: Config;
  readonly read: () => Promise<Config>;
  readonly apply: (pools: readonly PoolOptions[]) => Promise<void>;
  readonly report: (level: "info" | "warn" | "error", message: string) => void;
}

/** Whoever asks by SIGHUP may have changed a device and not the file. */
type Which = "changed" | "all";

/** Until the returned function is called. */
export function followConfiguration(options: ReloadOptions): () => void {
  const reload = new Reload(options);
  const asked = (): void => void reload.run("all");
  process.on("SIGHUP", asked);
  const { path, report } = options;
  const unfollow = followFiles({
    directory: dirname(path),
    matters: (name) => name === basename(path),
    changed: () => void reload.run("changed"),
    lost: (problem) => report("warn", `${path} is ${problem}; use SIGHUP`),
  });
  return () => {
    process.off("SIGHUP", asked);
    unfollow();
  };
}

class Reload {
  readonly #options: ReloadOptions;
  #config: Config;
  #tail: Promise<void> = Promise.resolve();
  /** What was said last: the same is not said again at each write into the directory. */
  #told = "";

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  /** One at a time: each goes by what the one before has made of it. */
  run(which: Which): Promise<void> {
    this.#tail = this.#tail.then(() => this.#once(which));
    return this.#tail;
  }

  async #once(which: Which): Promise<void> {
    const { path, read, apply } = this.#options;
    let next: Config;
    try {
      next = await read();
    } catch (error) {
      return this.#tell("error", [
        `${path} is not taken over, the driver goes on as before: ${messageOf(error)}`,
      ]);
    }
    const { pools, config, waiting } = changesOf(this.#config, next);
    this.#config = config;
    this.#tell("warn", waiting);
    const wanted = which === "all" ? config.pools : pools;
    if (wanted.length === 0) return;
    this.#options.report("info", `${path}: taken over for pool ${wanted.map(({ name }) => name).join(", ")}`);
    await apply(wanted);
  }

  #tell(level: "warn" | "error", lines: readonly string[]): void {
    const text = lines.join("\n");
    if (text === this.#told) return;
    this.#told = text;
    for (const line of lines) this.#options.report(level, line);
  }
}
