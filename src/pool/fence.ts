/**
 * The pool's transaction id and its thin ids, changed together and one at a time. A bump is recorded first and then
 * made in the kernel, so that the kernel is never ahead of its own catalog (promise 10).
 */
import { NoRoomError } from "../core/errors.ts";
import type { ThinId } from "../core/ids.ts";
import { MAX_THIN_ID, thinId } from "../core/ids.ts";
import type { Change, PoolRecord } from "../core/records.ts";
import type { Plan } from "../plan/step.ts";

/** Ids reserved by one bump: fewer bumps against fewer ids lost at a restart. 16.7 million exist. */
const RESERVED_IDS = 64;

export class Fence {
  readonly #record: () => PoolRecord;
  readonly #perform: (plan: Plan) => Promise<unknown>;
  #next: number;
  /** A transaction id that is recorded and that the kernel may not have yet. */
  #unfinished: bigint | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: {
    readonly record: () => PoolRecord;
    readonly perform: (plan: Plan) => Promise<unknown>;
  }) {
    this.#record = options.record;
    this.#perform = options.perform;
    // What an earlier start reserved and did not use is lost, never reused.
    this.#next = options.record().thinIdLimit;
  }

  /** `count` ids that no thin of this pool ever had; durable before they are handed out. */
  async takeIds(count: number): Promise<readonly ThinId[]> {
    return this.#inTurn(async () => {
      if (this.#next + count > this.#record().thinIdLimit) await this.#reserve(count);
      const ids = Array.from({ length: count }, (_, index) => thinId(this.#next + index));
      this.#next += count;
      return ids;
    });
  }

  /** Makes `changes` durable together with a new transaction id, then sets that in the kernel. */
  async bump(changes: readonly Change[] = []): Promise<void> {
    return this.#inTurn(() => this.#bump(changes, {}));
  }

  async #reserve(count: number): Promise<void> {
    const limit = this.#record().thinIdLimit + Math.max(count, RESERVED_IDS);
    if (limit > MAX_THIN_ID)
      throw new NoRoomError("the pool has used up its 16.7 million thin ids; move to a new pool");
    this.#next = this.#record().thinIdLimit;
    await this.#bump([], { thinIdLimit: limit });
  }

  async #bump(changes: readonly Change[], patch: Partial<PoolRecord>): Promise<void> {
    await this.#finish();
    const before = this.#record();
    const record = { ...before, ...patch, transactionId: before.transactionId + 1n };
    await this.#perform([{ kind: "record", changes: [...changes, { kind: "put-pool", record }] }]);
    this.#unfinished = record.transactionId;
    await this.#finish();
  }

  /** A bump whose second half failed (the pool was busy, or its answer was lost) is made good before the next one. */
  async #finish(): Promise<void> {
    if (this.#unfinished === undefined) return;
    await this.#perform([{ kind: "set-transaction-id", from: this.#unfinished - 1n, to: this.#unfinished }]);
    this.#unfinished = undefined;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
