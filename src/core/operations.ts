/**
 * Locks of objects and single flight, in one place (promise 11). Everything here is synchronous up to the start of the
 * operation, so check and take are one step. Nothing queues: a call that cannot start now joins the same call already
 * under way, or is refused with OperationPendingError for the caller to retry.
 */
import { OperationPendingError } from "./errors.ts";
import { bigintAsText } from "./json.ts";

export interface OperationScope {
  /** What is being done, for messages: `CreateSnapshot db-1`. */
  readonly title: string;
  /** Keys nobody else may hold. */
  readonly exclusive: readonly string[];
  /** Keys others may hold as shared too. */
  readonly shared?: readonly string[];
  /** Equal text = the same request: a second call joins the first instead of being refused. */
  readonly fingerprint: string;
}

/** Performs `work`, the operation of that title. */
export type Around = <T>(title: string, work: () => Promise<T>) => Promise<T>;

/** Method and arguments as the text of a fingerprint; sizes included, which JSON cannot do by itself. */
export function fingerprintOf(method: string, request: object): string {
  const text = JSON.stringify(request, bigintAsText);
  return `${method} ${text}`;
}

export class Operations {
  /** Every operation passes here, its keys taken; also one that needs none, such as the opening of a pool. */
  readonly around: Around;
  readonly #flights = new Map<string, Promise<unknown>>();
  readonly #exclusive = new Map<string, OperationScope>();
  readonly #shared = new Map<string, Set<OperationScope>>();

  /** `around`: for fault tests. */
  constructor(around: Around = (_title, work) => work()) {
    this.around = around;
  }

  /** How many operations are under way. */
  get size(): number {
    return this.#flights.size;
  }

  /** Whether somebody holds the key for himself. */
  holds(key: string): boolean {
    return this.#exclusive.has(key);
  }

  /**
   * Runs `work` while holding the scope's keys, or joins the running operation of the same fingerprint.
   * Throws OperationPendingError (rejects) where a key is taken. The operation outlives its callers' deadlines.
   */
  run<T>(scope: OperationScope, work: () => Promise<T>): Promise<T> {
    const running = this.#flights.get(scope.fingerprint);
    // The fingerprint holds the method and all arguments, so the running operation has this call's result type.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    if (running !== undefined) return running as Promise<T>;
    const holder = this.#holder(scope);
    if (holder !== undefined) {
      return Promise.reject(
        new OperationPendingError(
          `${scope.title}: ${holder.title} is under way on the same object; retry later`,
        ),
      );
    }
    this.#take(scope);
    // `try`: work that throws at once gives its keys back like work that rejects.
    const result = Promise.try(() => this.around(scope.title, work)).finally(() => this.#release(scope));
    this.#flights.set(scope.fingerprint, result);
    return result;
  }

  /** Resolves when everything under way now, and what it lets start, has ended. For draining at shutdown. */
  async idle(): Promise<void> {
    while (this.#flights.size > 0) await Promise.allSettled(this.#flights.values());
  }

  #holder(scope: OperationScope): OperationScope | undefined {
    for (const key of scope.exclusive) {
      const holder = this.#exclusive.get(key) ?? this.#shared.get(key)?.values().next().value;
      if (holder !== undefined) return holder;
    }
    for (const key of scope.shared ?? []) {
      const holder = this.#exclusive.get(key);
      if (holder !== undefined) return holder;
    }
    return undefined;
  }

  #take(scope: OperationScope): void {
    for (const key of scope.exclusive) this.#exclusive.set(key, scope);
    for (const key of scope.shared ?? []) {
      const holders = this.#shared.get(key) ?? new Set();
      this.#shared.set(key, holders.add(scope));
    }
  }

  #release(scope: OperationScope): void {
    this.#flights.delete(scope.fingerprint);
    for (const key of scope.exclusive) this.#exclusive.delete(key);
    for (const key of scope.shared ?? []) {
      const holders = this.#shared.get(key);
      holders?.delete(scope);
      if (holders?.size === 0) this.#shared.delete(key);
    }
  }
}
