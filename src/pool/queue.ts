/**
 * One short queue per pool, for kernel messages and suspend brackets: dm-thin wants them one at a time. A stuck one
 * holds up this pool's later ones only until their patience ends; other pools, reads and unmounts never wait here.
 */
import { PoolUnavailableError } from "../core/errors.ts";
import { NOBODY } from "../core/observer.ts";
import type { PoolObserver } from "../core/observer.ts";

export class MessageQueue {
  readonly #pool: string;
  readonly #patienceMs: number;
  readonly #observer: PoolObserver;
  readonly #waiting = new Set<(problem: Error) => void>();
  #closed: PoolUnavailableError | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #current = "nothing";

  constructor(pool: string, patienceMs: number, observer: PoolObserver = NOBODY) {
    this.#pool = pool;
    this.#patienceMs = patienceMs;
    this.#observer = observer;
  }

  /** Turns that have not begun never do: they reject with PoolUnavailableError. The one that has goes on. */
  close(reason: string): void {
    this.#closed ??= new PoolUnavailableError(`pool ${this.#pool} is given up: ${reason}`);
    for (const refuse of this.#waiting) refuse(this.#closed);
  }

  /** Runs `work` in turn. Rejects with PoolUnavailableError, `work` never begun, where the turn does not come in time. */
  async run<T>(title: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tail;
    const turn = Promise.withResolvers<undefined>();
    this.#tail = before.then(() => turn.promise);
    try {
      await this.#observedWait(before, title);
      this.#current = title;
      const began = performance.now();
      try {
        return await work();
      } finally {
        this.#observer.turnEnded(this.#pool, performance.now() - began);
      }
    } finally {
      turn.resolve(undefined);
    }
  }

  async #observedWait(before: Promise<unknown>, title: string): Promise<void> {
    const asked = performance.now();
    try {
      await this.#waitFor(before, title);
    } catch (error) {
      this.#observer.turnRefused(this.#pool);
      throw error;
    }
    this.#observer.turnBegan(this.#pool, performance.now() - asked);
  }

  async #waitFor(before: Promise<unknown>, title: string): Promise<void> {
    const refused = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      refused.reject(
        new PoolUnavailableError(
          `pool ${this.#pool}: ${title} waited ${this.#patienceMs} ms behind ${this.#current}; the pool's disk may be stuck`,
        ),
      );
    }, this.#patienceMs);
    this.#waiting.add(refused.reject);
    try {
      await Promise.race([before, refused.promise]);
    } finally {
      this.#waiting.delete(refused.reject);
      clearTimeout(timer);
    }
    // Also where the turn came in the same moment.
    if (this.#closed !== undefined) throw this.#closed;
  }
}
