/**
 * Follows the configuration file while the driver runs: at SIGHUP, and when something changes in the file's directory,
 * which is how a ConfigMap arrives. A configuration that is not valid changes nothing.
 */
import { basename, dirname } from "node:path";

import type { Config } from "./config.ts";
import { changesOf, type ConfigChanges, type Surveyed } from "./config/changes.ts";
import { ownConfiguration } from "./config/paths.ts";
import { resolvePlaces } from "./config/same-device.ts";
import { messageOf } from "./core/errors.ts";
import type { PoolsChange } from "./core/pool-options.ts";
import { followFiles } from "./follow-files.ts";

export interface ReloadOptions {
  readonly path: string;
  /** As it counts now. */
  readonly config: Config;
  readonly read: () => Promise<Config>;
  /** What the driver has of a pool. */
  readonly standing: Surveyed["standing"];
  /** Must have taken note of the change when it returns: the next look goes by that. */
  readonly apply: (change: PoolsChange) => Promise<void>;
  readonly report: (level: "info" | "warn" | "error", message: string) => void;
}

/** Whoever asks by SIGHUP may have changed a device and not the file. */
type Which = "changed" | "all";

export interface Following {
  /** A try to open a pool has ended: what waited for that is decided now. */
  tryEnded(): void;
  stop(): void;
}

export function followConfiguration(options: ReloadOptions): Following {
  const reload = new Reload(options);
  const asked = (): void => void reload.run("all");
  process.on("SIGHUP", asked);
  const { path, report } = options;
  const own = ownConfiguration(path, process.env["NODE_NAME"]) ?? path;
  const unfollow = followFiles({
    directory: dirname(path),
    matters: (name) => name === basename(path) || name === basename(own),
    changed: () => void reload.run("changed"),
    lost: (problem) => report("warn", `${path} is ${problem}; use SIGHUP`),
  });
  return {
    tryEnded: () => reload.tryEnded(),
    stop: () => {
      process.off("SIGHUP", asked);
      unfollow();
    },
  };
}

class Reload {
  readonly #options: ReloadOptions;
  #config: Config;
  #leftOut: readonly string[] = [];
  #undecided = false;
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

  tryEnded(): void {
    if (this.#undecided) void this.run("changed");
  }

  async #once(which: Which): Promise<void> {
    const { path, read, standing, apply } = this.#options;
    let next: Config;
    try {
      next = await read();
    } catch (error) {
      return this.#tell("error", [
        `${path} is not taken over, the driver goes on as before: ${messageOf(error)}`,
      ]);
    }
    const resolved = await resolvePlaces([...this.#config.pools, ...next.pools]);
    // From here to the call of `apply` nothing is waited for: what is decided must be true of the pools as they are.
    const resolve = (each: string): string => resolved.get(each) ?? each;
    const changes = changesOf(this.#config, next, { standing, resolve });
    const { config, waiting, undecided, leftOut } = changes;
    const pools = which === "all" ? config.pools : changes.pools;
    this.#tell("warn", waiting);
    const isNews = this.#isNews(changes) || pools.length > 0;
    this.#tellOf({ ...changes, pools });
    this.#config = config;
    this.#leftOut = leftOut;
    this.#undecided = undecided;
    // Not waited for: a pool that does not answer must not keep the next configuration from the others.
    if (isNews) void apply({ ...changes, pools });
  }

  #isNews({ ended, leftOut, defaultPool }: ConfigChanges): boolean {
    return (
      ended.length > 0 || leftOut.join() !== this.#leftOut.join() || defaultPool !== this.#config.defaultPool
    );
  }

  #tellOf({ pools, ended }: PoolsChange): void {
    const { path, report } = this.#options;
    const known = new Set(this.#config.pools.map(({ name }) => name));
    const say = (names: readonly string[], what: string): void => {
      if (names.length > 0) report("info", `${path}: ${what} ${names.join(", ")}`);
    };
    const names = pools.map(({ name }) => name);
    say(
      names.filter((name) => known.has(name)),
      "taken over for pool",
    );
    say(
      names.filter((name) => !known.has(name)),
      "there is a new pool",
    );
    say(ended, "left out, and was not open: pool");
  }

  #tell(level: "warn" | "error", lines: readonly string[]): void {
    const text = lines.join("\n");
    if (text === this.#told) return;
    this.#told = text;
    for (const line of lines) this.#options.report(level, line);
  }
}
