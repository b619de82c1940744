/**
 * Keeps one pool open for as long as the driver runs. One that could not be opened is tried again; one whose engine has
 * become of no use is given up, and opened again when nothing of the old engine is under way any more. Each pool has its
 * own: a disk that is stuck holds up nobody else.
 */
import { DeviceMissingError, messageOf, TroubledPoolError } from "../core/errors.ts";
import type { PoolName } from "../core/ids.ts";
import type { PoolOptions, PoolStanding } from "../core/pool-options.ts";
import { NOBODY } from "../core/observer.ts";
import type { PoolObserver } from "../core/observer.ts";
import type { AbsenceTrouble } from "../core/pool-report.ts";
import { pause } from "../host/pause.ts";
import type { Report } from "./backing.ts";
import type { Pool } from "./engine.ts";
import type { AskedGrowth } from "./pool-growth.ts";

/** An open pool, as whoever keeps it open sees it. */
export interface SupervisedPool extends Pool {
  /** Resolves with the reason when it is of no use any more. */
  readonly unusable: Promise<string>;
  /** Of backing `devices`: those that it is on now, as configured. */
  readonly disks: readonly string[];
  /** Takes over what may change while it is open. PoolUnavailableError where it takes no changes. */
  reconfigure(options: PoolOptions): Promise<void>;
  /** Takes up room once, see `PoolGrowth.asAsked`. PoolUnavailableError where it takes no changes. */
  growAsAsked(options: PoolOptions): Promise<AskedGrowth>;
}

/** One try, see `open.ts`. */
export interface Trial {
  readonly opened: Promise<SupervisedPool>;
  close(): Promise<void>;
}

export interface SupervisorOptions {
  readonly name: PoolName;
  /** `mayCreate` in the first try with a configuration only: what has no pool later has lost it. */
  readonly open: (mayCreate: boolean, report: Report) => Trial;
  readonly report: Report;
  readonly observer?: PoolObserver;
  /** A try has ended: the pool is open, or nothing is under way on it. */
  readonly onTried?: () => void;
  readonly clock?: Clock;
}

export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** Resolves after that time, or as soon as the signal is aborted. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

const CLOCK: Clock = {
  now: () => performance.now(),
  pause,
};

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 60_000;
/** A pool that was open for less is not well: the waits go on growing. */
const WELL_MS = 60_000;

type Life =
  | { readonly kind: "opening"; readonly before: string | undefined }
  | { readonly kind: "open"; readonly pool: SupervisedPool }
  /** Not open any more, and something of it is still under way. */
  | { readonly kind: "leaving"; readonly reason: string }
  | { readonly kind: "waiting"; readonly reason: string; readonly until: number };

export class PoolSupervisor {
  readonly name: PoolName;
  /** Resolves when the first try has come to an end; true: the pool is open. With a stuck disk perhaps never. */
  readonly tried: Promise<boolean>;
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #observer: PoolObserver;
  readonly #tried = Promise.withResolvers<boolean>();
  readonly #stop = new AbortController();
  #reopening = Promise.withResolvers<string>();
  readonly #ended: Promise<void>;
  #life: Life = { kind: "opening", before: undefined };
  /** Called at the end of the next try, or of all. */
  readonly #awaited: (() => void)[] = [];
  /** The last failure that was reported; undefined after a success. */
  #told: string | undefined;
  /** What the last try failed with; undefined after a success. */
  #failure: unknown;
  /** What the last try and this one have reported: neither repeats the other. */
  #lines: ReadonlySet<string> = new Set();
  /** Disks of the pool when it was last open; undefined: it was not open yet. */
  #hadDisks: readonly string[] | undefined;
  #mayCreate = true;
  #anew = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.name = options.name;
    this.#clock = options.clock ?? CLOCK;
    this.#observer = options.observer ?? NOBODY;
    this.tried = this.#tried.promise;
    this.#ended = this.#run();
  }

  /** Undefined while it is not open. */
  get pool(): SupervisedPool | undefined {
    return this.#life.kind === "open" ? this.#life.pool : undefined;
  }

  /** Why it is not open, and what happens next. */
  get absence(): string {
    const life = this.#life;
    switch (life.kind) {
      case "opening":
        return life.before === undefined
          ? "it is still being opened"
          : `${life.before}; it is being tried again now`;
      case "open":
        return "it is open";
      case "leaving":
        return `${life.reason}; it is tried again when what is under way on it has ended`;
      case "waiting": {
        const seconds = Math.max(1, Math.ceil((life.until - this.#clock.now()) / 1000));
        return `${life.reason}; it is tried again in ${seconds} s`;
      }
    }
  }

  /** What kind of reason the last try failed for, where that can be told. */
  get trouble(): AbsenceTrouble | undefined {
    if (this.#failure instanceof TroubledPoolError) return this.#failure.trouble;
    return this.#failure instanceof DeviceMissingError ? "device-missing" : undefined;
  }

  get standing(): PoolStanding {
    const disks = this.pool?.disks ?? this.#hadDisks;
    if (disks !== undefined) return { kind: "had", disks };
    return { kind: this.#life.kind === "waiting" ? "not-had" : "trying" };
  }

  /** Of a pool that is not had: the next try comes now, and is like the first. Any other: nothing is to be done. */
  startOver(): void {
    if (this.standing.kind !== "not-had") return;
    this.#mayCreate = true;
    this.#anew.abort();
  }

  /**
   * Gives the open pool up and opens it again, for what counts at an opening alone. Not open: nothing is to be done.
   * Resolves when that try has come to an end, good or bad; with a stuck disk perhaps never.
   */
  async reopen(reason: string): Promise<void> {
    if (this.#life.kind !== "open") return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaited.push(resolve);
    this.#reopening.resolve(reason);
    await promise;
  }

  /** Ends the driver's hold on the pool, when a try that is under way has ended. */
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#ended;
  }

  async #run(): Promise<void> {
    let delay = FIRST_DELAY_MS;
    for (;;) {
      const { reason, openMs } = await this.#once();
      if (this.#stop.signal.aborted) return this.#tellAwaiting();
      if (openMs >= WELL_MS) delay = FIRST_DELAY_MS;
      this.#life = { kind: "waiting", reason, until: this.#clock.now() + delay };
      this.#anew = new AbortController();
      this.#options.onTried?.();
      await this.#clock.pause(delay, AbortSignal.any([this.#stop.signal, this.#anew.signal]));
      if (this.#stop.signal.aborted) return this.#tellAwaiting();
      delay = this.#anew.signal.aborted ? FIRST_DELAY_MS : Math.min(2 * delay, LONGEST_DELAY_MS);
      this.#life = { kind: "opening", before: reason };
    }
  }

  /** From a try to the end of what came of it. */
  async #once(): Promise<{ readonly reason: string; readonly openMs: number }> {
    const mayCreate = this.#mayCreate;
    this.#mayCreate = false;
    const trial = this.#options.open(mayCreate, this.#newsOnly());
    let reason: string;
    let openMs = 0;
    try {
      const pool = await trial.opened;
      const since = this.#clock.now();
      this.#reopening = Promise.withResolvers<string>();
      this.#life = { kind: "open", pool };
      this.#told = undefined;
      this.#failure = undefined;
      this.#observer.lifeChanged(this.name, "opened");
      this.#options.report("info", `pool ${this.name} is open`);
      this.#tried.resolve(true);
      this.#tellAwaiting();
      this.#options.onTried?.();
      reason = await this.#whileUsable(pool.unusable);
      this.#hadDisks = pool.disks;
      openMs = this.#clock.now() - since;
    } catch (error) {
      reason = messageOf(error);
      this.#failure = error;
      this.#observer.lifeChanged(this.name, "open-failed");
      if (reason !== this.#told)
        this.#options.report("error", `pool ${this.name} could not be opened: ${reason}; it is tried again`);
      this.#told = reason;
      this.#tried.resolve(false);
      this.#tellAwaiting();
    }
    this.#life = { kind: "leaving", reason };
    await trial.close();
    return { reason, openMs };
  }

  async #whileUsable(unusable: Promise<string>): Promise<string> {
    const stopped = Promise.withResolvers<string>();
    const end = (): void => stopped.resolve("the driver ends");
    this.#stop.signal.addEventListener("abort", end);
    if (this.#stop.signal.aborted) end();
    const reason = await Promise.race([
      stopped.promise,
      this.#reopening.promise.then((why) => {
        this.#options.report("info", `pool ${this.name} is opened again: ${why}`);
        return why;
      }),
      unusable.then((why) => {
        this.#options.report("error", `pool ${this.name} is given up, to be opened again: ${why}`);
        this.#observer.lifeChanged(this.name, "given-up");
        return why;
      }),
    ]);
    this.#stop.signal.removeEventListener("abort", end);
    return reason;
  }

  #tellAwaiting(): void {
    for (const resolve of this.#awaited.splice(0)) resolve();
  }

  /** For one try: what the try before it reported as well is not said again, until the pool is open. */
  #newsOnly(): Report {
    const before = this.#lines;
    const lines = new Set<string>();
    this.#lines = lines;
    return (level, message) => {
      const open = this.#life.kind === "open";
      if (!open) lines.add(message);
      if (open || !before.has(message)) this.#options.report(level, message);
    };
  }
}
