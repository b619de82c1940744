/** What an open pool can be used for: until its kernel or catalog says otherwise, everything. Never better again. */
import type { PoolStatus } from "../core/dm.ts";
import { PoolUnavailableError } from "../core/errors.ts";
import { foreignHands, transactionExcess } from "../plan/fence.ts";
import type { PoolCondition } from "./engine.ts";
import { troubleOf, wayOut } from "./execute.ts";
import type { KnownStatus } from "./known-status.ts";
import type { PoolParts } from "./pool-parts.ts";
import type { PoolState } from "./state.ts";

export interface HealthOptions extends Pick<PoolParts, "name" | "condition" | "onFill"> {
  readonly state: Pick<PoolState, "pool">;
  readonly known: KnownStatus;
  /** Nothing is to be sent to the kernel any more. */
  readonly onFrozen: (reason: string) => void;
}

export class PoolHealth {
  /** Resolves with the reason when this engine is of no use any more: the pool has to be opened again. */
  readonly unusable: Promise<string>;
  readonly #unusable = Promise.withResolvers<string>();
  readonly #options: HealthOptions;
  #condition: PoolCondition;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#condition = options.condition;
    this.unusable = this.#unusable.promise;
  }

  get condition(): PoolCondition {
    return this.#condition;
  }

  /** For mutations of what exists. Throws PoolUnavailableError. */
  requireReady(): void {
    if (this.#condition.kind === "ready") return;
    const { kind, reason } = this.#condition;
    throw new PoolUnavailableError(`pool ${this.#options.name} is ${kind}: ${reason}`);
  }

  requireUsable(): void {
    if (this.#condition.kind === "unusable") this.requireReady();
  }

  /**
   * Before an object counts as deleted because it is unknown, or as made because it is known: the catalog of a fenced pool
   * may be an old copy. Throws PoolUnavailableError then.
   */
  requireComplete(): void {
    if (this.#condition.kind === "read-only") this.requireReady();
  }

  /** `since`: the catalog's transaction id when the status was asked for. */
  note(status: PoolStatus, since: bigint): void {
    const { name, state, known, onFill } = this.#options;
    if (status.kind === "active") {
      known.note(status);
      const excess = transactionExcess(status.transactionId, since, state.pool.transactionId);
      if (excess !== undefined) this.fenceOff(excess);
    }
    const trouble = troubleOf(status);
    if (trouble !== undefined) this.freeze(`${trouble}; ${wayOut(name, status)}`);
    // Last: whoever is told may begin to grow the pool, which one in foreign hands must not.
    if (status.kind === "active") onFill(known.fill);
  }

  fenceOff(reason: string): void {
    if (this.#condition.kind !== "ready") return;
    this.#condition = { kind: "read-only", reason: foreignHands(reason) };
  }

  /** For ever: no step is begun from now on. A fenced pool stays as it is, for a person to decide. */
  freeze(reason: string): void {
    if (this.#condition.kind !== "ready") return;
    this.#condition = { kind: "unusable", reason };
    this.#options.onFrozen(reason);
    this.#unusable.resolve(reason);
  }
}
