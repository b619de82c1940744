/** Keeps ThinPools as nodes report their pools. Runs in one controller at a time: whoever holds the Lease. */
import type { KubernetesObject } from "@kubernetes/client-node";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../log.ts";
import {
  firstOf,
  planThinPools,
  THIN_POOL_TIMES,
  type ExistingThinPool,
  type NodeSight,
  type ThinPoolTimes,
  type ThinPoolWrite,
} from "../plan/thin-pools.ts";
import type { Api } from "./api.ts";
import { followList } from "./follow.ts";
import { listThinPools, readThinPool, THIN_POOLS_PATH, writeThinPool } from "./thin-pool-objects.ts";

export interface ThinPoolsOptions {
  /** The roster; undefined before it is known. */
  readonly nodes: () => readonly NodeSight[] | undefined;
  /** Told after a write, with the object's uid. */
  readonly written: (write: Exclude<ThinPoolWrite, { kind: "delete" }>, uid: string) => void;
  readonly times?: ThinPoolTimes;
  readonly log: Log;
}

/** Between two looks, and at most so many writes a look: what a thousand nodes have to say at once is said one after another. */
const LOOK_MS = 1000;
const MOST_WRITES = { all: 40, ofNode: 8 };
const AT_ONCE = 8;
/** After a write that failed, of that object; after one for which the object was not as it was thought to be. */
const RETRY_MS = 30_000;
const STALE_MS = 5000;

export class ThinPoolWriter {
  readonly #api: Pick<Api, "config" | "custom">;
  readonly #options: ThinPoolsOptions;
  readonly #following: ReturnType<typeof followList<KubernetesObject>>;
  readonly #missingSince = new Map<string, number>();
  /** By name, until when it is left alone. */
  readonly #failed = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  readonly #read = new WeakMap<KubernetesObject, readonly ExistingThinPool[]>();
  #writing = false;
  #closed = false;

  constructor(api: Pick<Api, "config" | "custom">, options: ThinPoolsOptions) {
    this.#api = api;
    this.#options = options;
    const source = { path: THIN_POOLS_PATH, list: () => listThinPools(api), what: "thinpools" };
    this.#following = followList<KubernetesObject>(api, source, () => {}, options.log);
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  /** No write is begun after it. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#following.close();
  }

  async #look(): Promise<void> {
    const [nodes, objects] = [this.#options.nodes(), this.#following.objects()];
    // Before both are known everything looks as if it had gone.
    if (this.#writing || nodes === undefined || objects === undefined) return;
    this.#writing = true;
    try {
      await this.#write(this.#plan(nodes, objects, Date.now()));
    } finally {
      this.#writing = false;
    }
  }

  #plan(
    nodes: readonly NodeSight[],
    objects: readonly KubernetesObject[],
    now: number,
  ): readonly ThinPoolWrite[] {
    const existing = objects.flatMap((object) => this.#existing(object));
    const there = new Set(nodes.filter(({ view }) => view !== undefined).map(({ name }) => name));
    const gone = new Set([...nodes.map(({ name }) => name), ...existing.map(({ spec }) => spec.node)]);
    for (const name of this.#missingSince.keys()) if (!gone.has(name)) this.#missingSince.delete(name);
    for (const name of gone) {
      if (there.has(name)) this.#missingSince.delete(name);
      else if (!this.#missingSince.has(name)) this.#missingSince.set(name, now);
    }
    const sight = { nodes, missingSince: this.#missingSince, existing, now };
    for (const [name, until] of this.#failed) if (until <= now) this.#failed.delete(name);
    const due = planThinPools(sight, this.#options.times ?? THIN_POOL_TIMES).filter(
      ({ name }) => !this.#failed.has(name),
    );
    return firstOf(due, MOST_WRITES);
  }

  /** Objects are many, and stay the same until they are written. */
  #existing(object: KubernetesObject): readonly ExistingThinPool[] {
    const known = this.#read.get(object);
    if (known !== undefined) return known;
    const read = readThinPool(object);
    const existing = read === undefined ? [] : [read];
    this.#read.set(object, existing);
    return existing;
  }

  async #write(writes: readonly ThinPoolWrite[]): Promise<void> {
    const left = writes.values();
    const one = async (): Promise<void> => {
      for (const write of left) {
        if (this.#closed) return;
        try {
          const uid = await writeThinPool(this.#api, write);
          if (write.kind === "delete") continue;
          if (uid === undefined) this.#failed.set(write.name, Date.now() + STALE_MS);
          else this.#options.written(write, uid);
        } catch (error) {
          this.#failed.set(write.name, Date.now() + RETRY_MS);
          this.#options.log.warn(
            { name: write.name, problem: messageOf(error) },
            "a ThinPool is not written",
          );
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  }
}
