/**
 * Who may take down the devices of a pool's volumes: its engine, from the moment it looks at them; without one, also
 * NodeUnstage, so that pods can end while their pool is broken. Never both at once: what an opening engine has seen must
 * stay true. One for all pools of the process; a pool waits for nobody but itself.
 */
import { OperationPendingError } from "../core/errors.ts";
import type { PoolUuid } from "../core/ids.ts";
import type { Runner } from "../host/run.ts";

interface Claim {
  exclusions: number;
  /** Holds the pool's lock, where this process does. */
  holder: Runner | undefined;
  readonly removals: Set<Promise<unknown>>;
}

export class PoolClaims {
  readonly #claims = new Map<PoolUuid, Claim>();

  /** No removal begins from now on; resolves when those under way have ended. Returns how to allow them again. */
  async exclude(pool: PoolUuid): Promise<() => void> {
    const claim = this.#of(pool);
    claim.exclusions += 1;
    let excluded = true;
    await Promise.allSettled(claim.removals);
    return () => {
      if (excluded) claim.exclusions -= 1;
      excluded = false;
    };
  }

  /** This process has the pool's lock; `runner` passes it on to tools. Returns how to forget that. While excluded. */
  hold(pool: PoolUuid, runner: Runner): () => void {
    const claim = this.#of(pool);
    claim.holder = runner;
    return () => {
      claim.holder = undefined;
    };
  }

  /**
   * Runs `work` while no engine looks at the pool's devices; OperationPendingError where one does. `holder`: undefined
   * where this process does not hold the pool's lock, which `work` has to take then.
   */
  async remove(
    pool: PoolUuid,
    title: string,
    work: (holder: Runner | undefined) => Promise<void>,
  ): Promise<void> {
    const claim = this.#of(pool);
    if (claim.exclusions > 0)
      throw new OperationPendingError(`${title}: its pool is being opened or given up; retry`);
    const removal = work(claim.holder);
    claim.removals.add(removal);
    try {
      await removal;
    } finally {
      claim.removals.delete(removal);
    }
  }

  #of(pool: PoolUuid): Claim {
    const claim = this.#claims.get(pool) ?? { exclusions: 0, holder: undefined, removals: new Set() };
    this.#claims.set(pool, claim);
    return claim;
  }
}
