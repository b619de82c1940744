/**
 * One short queue per pool, for kernel messages and suspend brackets: dm-thin wants them one at a time. A stuck one
 * holds up this pool's later ones only until their patience ends; other pools, reads and unmounts never wait here.
 */
import { PoolUnavailableError } from "../core/errors.ts";

export class MessageQueue {
  readonly #pool: string;
  readonly #patienceMs: number;
  #tail: Promise<unknown> = Promise.resolve();
  #current = "nothing";

  constructor(pool: string, patienceMs: number) {
    this.#pool = pool;
    this.#patienceMs = patienceMs;
  }

  /** Runs `work` in turn. Rejects with PoolUnavailableError, `work` never begun, where the turn does not come in time. */
  async run<T>(title: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tail;
    const turn = Promise.withResolvers<undefined>();
    this.#tail = before.then(() => turn.promise);
    try {
      await this.#waitFor(before, title);
      this.#current = title;
      return await work();
    } finally {
      turn.resolve(undefined);
    }
  }

  async #waitFor(before: Promise<unknown>, title: string): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(
        new PoolUnavailableError(
          `pool ${this.#pool}: ${title} waited ${this.#patienceMs} ms behind ${this.#current}; the pool's disk may be stuck`,
        ),
      );
    }, this.#patienceMs);
    try {
      await Promise.race([before, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
