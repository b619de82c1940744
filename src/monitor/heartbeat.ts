/**
 * Whether the driver's main loop runs. A timer beats once a second; a beat that comes much too late means that nothing
 * else ran meanwhile either.
 */
export interface HeartClock {
  /** Milliseconds. */
  now(): number;
  /** Answers what ends it. */
  every(ms: number, beat: () => void): () => void;
}

const CLOCK: HeartClock = {
  now: () => performance.now(),
  every: (ms, beat) => {
    const timer = setInterval(beat, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

const BEAT_MS = 1000;
/** Longest that the loop may be held up. */
export const LONGEST_STALL_MS = 5000;
/**
 * How long a stall is told of: probes come every few seconds, and one that came during it got no answer. Shorter than three
 * probes of kubelet, so that one stall alone restarts nothing.
 */
export const REMEMBERED_MS = 15_000;

export class Heartbeat {
  readonly #clock: HeartClock;
  readonly #stop: () => void;
  #last: number;
  #lateness = 0;
  #stall: { readonly ms: number; readonly at: number } | undefined;

  constructor(clock: HeartClock = CLOCK) {
    this.#clock = clock;
    this.#last = clock.now();
    this.#stop = clock.every(BEAT_MS, () => this.#beat());
  }

  /** How late the last beat was, or the next is by now: seconds. */
  get lagSeconds(): number {
    return Math.max(this.#lateness, this.#overdue()) / 1000;
  }

  /** How long the loop was held up, where that was too long and not long ago; milliseconds. */
  get stall(): number | undefined {
    const overdue = this.#overdue();
    if (overdue > LONGEST_STALL_MS) return overdue;
    const stall = this.#stall;
    return stall !== undefined && this.#clock.now() - stall.at <= REMEMBERED_MS ? stall.ms : undefined;
  }

  stop(): void {
    this.#stop();
  }

  #overdue(): number {
    return Math.max(0, this.#clock.now() - this.#last - BEAT_MS);
  }

  #beat(): void {
    this.#lateness = this.#overdue();
    this.#last = this.#clock.now();
    if (this.#lateness > LONGEST_STALL_MS) this.#stall = { ms: this.#lateness, at: this.#last };
  }
}
