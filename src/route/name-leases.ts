/**
 * Whose turn a name is on this node. A create may be late: its controller has given it up, or is gone, and the name was found
 * free here and went elsewhere. So whoever asks for a name gets a fencing token, which his create must show, and which ends
 * the token of whoever asked before. Two who ask at once would end each other's on different nodes; so a name that was asked
 * for is kept for its asker for a while. Reasoning: docs/adr/0021-one-name-one-volume.md. Synchronous, in memory.
 */
import { randomUUID } from "node:crypto";
import { OperationPendingError } from "../core/errors.ts";

/**
 * Somebody else waits so long. More than twice what a controller waits for the answers of nodes (`names.ts`), so that no two
 * of them can each find the other's lease run out.
 */
export const LEASE_MS = 15_000;

/** No create of a controller of ours is on its way for longer: after that a name goes elsewhere (`placement.ts`). */
export const LONGEST_WAY_MS = 600_000;

/** Beyond this the oldest is forgotten, whereupon its create is refused and tried again. */
const MOST_LEASES = 10_000;

interface Lease {
  readonly asker: string;
  readonly token: string;
  /** Of `performance.now`. */
  readonly since: number;
}

export class NameLeases {
  /** By lock key, oldest first. */
  readonly #leases = new Map<string, Lease>();

  /** Those of `keys` that are not another's are `asker`'s from now on; `held` are those that are. */
  take(keys: readonly string[], asker: string): { readonly held: readonly string[]; readonly token: string } {
    const now = performance.now();
    const held = keys.filter((key) => {
      const lease = this.#leases.get(key);
      return lease !== undefined && lease.asker !== asker && now - lease.since < LEASE_MS;
    });
    // Who says no name keeps nothing for himself, and is told.
    if (asker === "") return { held, token: "" };
    const lease = { asker, token: randomUUID(), since: now };
    const others = new Set(held);
    for (const key of keys) {
      if (others.has(key)) continue;
      this.#leases.delete(key);
      this.#leases.set(key, lease);
    }
    this.#forget(now);
    return { held, token: lease.token };
  }

  /**
   * Throws OperationPendingError where somebody else may give that name by now. `token`: undefined of controllers of before,
   * who are let in while nobody has a lease.
   */
  require(key: string, token: string | undefined): void {
    const lease = this.#leases.get(key);
    const age = lease === undefined ? Infinity : performance.now() - lease.since;
    const its = token === undefined ? age >= LEASE_MS : lease?.token === token && age < LONGEST_WAY_MS;
    if (its) return;
    throw new OperationPendingError("the name is not, or no longer, this call's to give; retry");
  }

  #forget(now: number): void {
    for (const [key, { since }] of this.#leases) {
      if (this.#leases.size <= MOST_LEASES && now - since < LONGEST_WAY_MS) return;
      this.#leases.delete(key);
    }
  }
}
