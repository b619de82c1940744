/**
 * Growth of an open pool, under running volumes: to what is configured, and by itself where it fills. One at a time, each
 * in its turn among the pool's messages.
 */
import { AsyncLocalStorage } from "node:async_hooks";

import { messageOf, PoolUnavailableError } from "../core/errors.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import { bytes } from "../core/units.ts";
import { dueGrowth } from "../plan/auto-grow.ts";
import type { DueGrowth, PoolSizes } from "../plan/auto-grow.ts";
import type { Fill } from "../plan/fill.ts";
import type { Report } from "./backing.ts";
import type { DeviceStack } from "./device-stack.ts";
import type { OperationRunner } from "./engine-life.ts";
import { wishOf } from "./growth.ts";
import type { Wish } from "./growth.ts";
import type { MessageQueue } from "./queue.ts";
import type { ThinPool } from "./thin-pool.ts";

export interface GrowthParts {
  readonly stack: Pick<DeviceStack, "grow" | "dataBytes" | "metadataBytes">;
  readonly options: PoolOptions;
  readonly queue: MessageQueue;
  readonly operations: OperationRunner;
  readonly report: Report;
}

/** What came of a growth that was asked for. */
export interface AskedGrowth {
  /** Why, and the cure. */
  readonly refusals: readonly string[];
  readonly sizes: PoolSizes;
}

/** The open pool; after each growth its status is another. */
type GrowingPool = Pick<ThinPool, "condition" | "refreshSupply">;

/** As at the start of the program: growth by itself is part of nobody's operation, although one may notice that it is due. */
const outside = AsyncLocalStorage.snapshot();

export class PoolGrowth {
  readonly #parts: GrowthParts;
  #options: PoolOptions;
  #pool: GrowingPool | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #byItself = false;
  /** The key of the last growth by itself that was tried. */
  #tried: string | undefined;

  constructor(parts: GrowthParts) {
    this.#parts = parts;
    this.#options = parts.options;
  }

  /** From now on the pool may grow by itself. */
  start(pool: GrowingPool): void {
    this.#pool = pool;
  }

  /** Never rejects: what cannot be done is reported, and the pool goes on with what it has. */
  async toConfigured(options = this.#options): Promise<void> {
    this.#options = options;
    await this.asAsked(options);
  }

  /** Once, by these options and not from now on. Never rejects; answers what was not done, and what the pool has then. */
  asAsked(options: PoolOptions): Promise<AskedGrowth> {
    // What could not be done may be possible now.
    this.#tried = undefined;
    return this.#inTurn(async () => {
      const refusals = await this.#grow(wishOf(options));
      return { refusals, sizes: this.#sizes };
    });
  }

  /** For a pool that is not open yet, because its metadata is full. */
  async outOfMetadata(): Promise<void> {
    const { metadata } = this.#sizes;
    const towards = this.#options.autoGrow.metadata ? { metadataTowards: bytes(2n * metadata) } : {};
    await this.#inTurn(() => this.#grow({ ...wishOf(this.#options), ...towards }));
  }

  /** The pool is that full. Resolves when what this has begun has ended; never rejects. */
  note(fill: Fill): Promise<void> {
    if (this.#pool?.condition.kind !== "ready") return Promise.resolve();
    const due = dueGrowth(fill, this.#sizes, this.#options.autoGrow);
    if (due === undefined || due.key === this.#tried || this.#byItself) return Promise.resolve();
    this.#byItself = true;
    this.#tried = due.key;
    return outside(() => this.#inTurn(() => this.#growBecause(due))).finally(() => {
      this.#byItself = false;
    });
  }

  get #sizes(): PoolSizes {
    const { dataBytes, metadataBytes } = this.#parts.stack;
    return { data: dataBytes, metadata: metadataBytes };
  }

  async #growBecause({ dataSize, metadataTowards, releasesReserve, why }: DueGrowth): Promise<void> {
    const { report } = this.#parts;
    const { reserve } = wishOf(this.#options);
    const { name, autoGrow, metadataSize } = this.#options;
    // Whoever has chosen a size gets more when it is needed, and not because the data grows.
    const chosen = metadataSize !== undefined || !autoGrow.metadata;
    report("info", `pool ${name}: grows by itself where it can: ${why}`);
    const wish = {
      ...(dataSize === undefined ? {} : { dataSize }),
      ...(metadataTowards === undefined ? {} : { metadataTowards }),
      ...(chosen ? { metadataSize: this.#sizes.metadata } : {}),
    };
    const { data } = this.#sizes;
    await this.#grow({ ...wish, ...(reserve === undefined ? {} : { reserve }) });
    if (reserve === undefined || !releasesReserve || this.#sizes.data > data) return;
    report("warn", `pool ${name}: its reserve is released: there is no other room left; add a disk`);
    await this.#grow(wish);
  }

  /** What has happened since it was asked for: a pool in foreign hands is not touched any more. */
  #requireGrowable(): void {
    const condition = this.#pool?.condition;
    if (condition === undefined || condition.kind === "ready") return;
    throw new PoolUnavailableError(`it is ${condition.kind}: ${condition.reason}`);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn;
    return turn;
  }

  /** What was not done, and why. */
  async #grow(wish: Wish): Promise<readonly string[]> {
    const { stack, queue, operations, report } = this.#parts;
    const title = `grow pool ${this.#options.name}`;
    const before = this.#sizes;
    try {
      this.#requireGrowable();
      const refusals = await operations.run({ title, fingerprint: title, exclusive: [] }, () =>
        stack.grow(wish, (work) =>
          queue.run("the growth of the pool", () => {
            this.#requireGrowable();
            return work();
          }),
        ),
      );
      for (const refusal of refusals) report("warn", `pool ${this.#options.name}: ${refusal}`);
      const { data, metadata } = this.#sizes;
      if (data !== before.data || metadata !== before.metadata) await this.#pool?.refreshSupply();
      return refusals;
    } catch (error) {
      const problem = `did not grow, and goes on as it is: ${messageOf(error)}`;
      report("error", `pool ${this.#options.name}: ${problem}`);
      return [problem];
    }
  }
}
