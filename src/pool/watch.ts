/**
 * Sees a pool fill although no call of ours fills it: by the events of its thin-pool device. One waiting process a pool.
 * Where the kernel has no event, this looks again after a while: docs/adr/0011-events-and-a-slow-look.md.
 */
import { AsyncLocalStorage } from "node:async_hooks";

import { errnoOf, messageOf } from "../core/errors.ts";
import type { PoolObserver } from "../core/observer.ts";
import type { DmName } from "../core/ids.ts";
import { Dmsetup } from "../host/dmsetup.ts";
import { pause } from "../host/pause.ts";
import type { Runner } from "../host/run.ts";
import type { Report } from "./backing.ts";
import type { ThinPool } from "./thin-pool.ts";

export interface WatchOptions {
  /** Of a runner that holds no lock: what waits here must not keep a next driver waiting. */
  readonly dmsetup: Pick<Dmsetup, "eventNumber" | "waitForEvent">;
  readonly device: DmName;
  /**
   * Takes note of how the pool is now. `events`: how many there have been since the device was made. Answers after how
   * long to look again without another; undefined: not.
   */
  readonly look: (events: number) => Promise<number | undefined>;
  readonly report: Report;
  /** The device is not there any more. */
  readonly gone?: () => void;
}

/** After a look that failed. */
const RETRY_MS = 30_000;
/** How long a level may go unseen that the kernel has no event for, in a pool that has been at a level. */
const LOOK_SOON_MS = 5000;
/** The same for a filesystem below that others may fill. */
const LOOK_BELOW_MS = 30_000;

/** As at the start of the program: a watch is nobody's operation, although an operation begins it. */
const outside = AsyncLocalStorage.snapshot();

export class PoolWatch {
  readonly #options: WatchOptions;
  readonly #end = new AbortController();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  start(): void {
    void outside(() => this.#run());
  }

  /** No look begins after it, and the waiting process is killed. May be repeated. */
  close(): void {
    this.#end.abort();
  }

  async #run(): Promise<void> {
    const { device, report, gone } = this.#options;
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        await this.#once();
      } catch (error) {
        if (signal.aborted) return;
        if (errnoOf(error) === "ENXIO") {
          report("warn", `${device} was removed; it is watched no longer`);
          gone?.();
          return;
        }
        report("error", `${device}: its events cannot be waited for: ${messageOf(error)}`);
        await pause(RETRY_MS, signal);
      }
    }
  }

  /** The number first: what happens during the look ends the wait at once. */
  async #once(): Promise<void> {
    const { dmsetup, device, look } = this.#options;
    const seen = await dmsetup.eventNumber(device);
    const again = await look(seen);
    const { signal } = this.#end;
    if (signal.aborted) return;
    try {
      await dmsetup.waitForEvent(device, seen, {
        signal,
        ...(again === undefined ? {} : { timeoutMs: again }),
      });
    } catch (error) {
      if (errnoOf(error) !== "ETIMEDOUT") throw error;
    }
  }
}

/** Watches an open pool until it is closed. `runner`: one that holds no lock. */
export function watchPool(
  pool: ThinPool,
  runner: Runner,
  { report, observer }: { readonly report: Report; readonly observer?: PoolObserver },
): PoolWatch {
  const watch = new PoolWatch({
    dmsetup: new Dmsetup(runner),
    device: pool.parts.hands.poolDevice,
    look: async (events) => {
      await pool.refreshSupply();
      return lookAgainAfter(pool, events);
    },
    report,
    gone: () => observer?.troubleChanged?.(pool.name),
  });
  watch.start();
  return watch;
}

/**
 * The low water mark gives one event, until the pool's table is loaded again: from then on the kernel is silent until the
 * pool is full, also where it was emptied in between. About most of the metadata it is silent too, and of the filesystem
 * below a loop pool it knows nothing.
 */
function lookAgainAfter(pool: ThinPool, events: number): number | undefined {
  const { data, metadata } = pool.known.fill;
  if (events > 0 || data.level > 0 || metadata.level > 0) return LOOK_SOON_MS;
  const { totalData, blockSize } = pool.known.supply;
  return data.total < totalData * blockSize ? LOOK_BELOW_MS : undefined;
}
