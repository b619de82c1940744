/** A supervisor whose tries and whose time are the test's. */
import { setImmediate as settle } from "node:timers/promises";

import { PoolUnavailableError } from "../../src/core/errors.ts";
import type { PoolName } from "../../src/core/ids.ts";
import { PoolSupervisor, type SupervisedPool } from "../../src/pool/supervisor.ts";
import { MemoryPool } from "./memory-pool.ts";

export const NAME = "fast" as PoolName;

/** One try as the supervisor sees it; the test decides what comes of it. */
export class Try {
  readonly mayCreate: boolean;
  readonly report: (level: "info" | "warn" | "error", message: string) => void;
  readonly closed = Promise.withResolvers<void>();
  closing = false;
  readonly #opened = Promise.withResolvers<SupervisedPool>();
  readonly #unusable = Promise.withResolvers<string>();

  constructor(mayCreate: boolean, report: Try["report"]) {
    this.mayCreate = mayCreate;
    this.report = report;
  }

  get opened(): Promise<SupervisedPool> {
    return this.#opened.promise;
  }

  close(): Promise<void> {
    this.closing = true;
    return this.closed.promise;
  }

  succeed(): void {
    const contract = { unusable: this.#unusable.promise, disks: ["/dev/a"], reconfigure: async () => {} };
    this.#opened.resolve(Object.assign(new MemoryPool(NAME, "a"), contract));
  }

  fail(message: string): void {
    this.failWith(new PoolUnavailableError(message));
  }

  failWith(error: Error): void {
    this.#opened.reject(error);
  }

  freeze(reason: string): void {
    this.#unusable.resolve(reason);
  }
}

/** A supervisor whose time passes only by `pass`. */
export function supervisorBench() {
  const tries: Try[] = [];
  const lines: string[] = [];
  /** What the pool's standing was each time that a try ended. */
  const ends: string[] = [];
  let now = 0;
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  const report = (_level: string, message: string): void => {
    lines.push(message);
  };
  const supervisor = new PoolSupervisor({
    name: NAME,
    open: (mayCreate, news) => {
      const trial = new Try(mayCreate, news);
      tries.push(trial);
      return trial;
    },
    report,
    onTried: () => void ends.push(supervisor.standing.kind),
    clock: {
      now: () => now,
      pause: (ms, signal) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        sleepers.add({ until: now + ms, wake: resolve });
        signal.addEventListener("abort", () => resolve());
        return promise;
      },
    },
  });
  const last = (): Try => {
    const trial = tries.at(-1);
    if (trial === undefined) throw new Error("nothing was tried");
    return trial;
  };
  return {
    supervisor,
    tries,
    lines,
    ends,
    last,
    pass: async (ms: number): Promise<void> => {
      now += ms;
      for (const sleeper of sleepers) {
        if (sleeper.until > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      await settle();
    },
    /** The last try comes to this end, and everything of it is over. */
    end: async (how: (trial: Try) => void): Promise<void> => {
      const trial = last();
      how(trial);
      await settle();
      trial.closed.resolve();
      await settle();
    },
  };
}
