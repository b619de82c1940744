/** All pools of this node, each kept open by a supervisor of its own: what one suffers stops no other. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../core/errors.ts";
import type { GrowthAnswer, GrowthRequest } from "../core/growth-answer.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import type { PoolOptions, PoolsChange, PoolStanding } from "../core/pool-options.ts";
import type { AbsentPool, Pool, PoolSet } from "./engine.ts";
import { growPool } from "./grow-pool.ts";
import type { OpenDependencies } from "./open.ts";
import { openPool } from "./open.ts";
import { PoolSupervisor } from "./supervisor.ts";

/** Pools come and go; one that is not open is among the absent, with its reason. */
export interface SupervisedPools extends PoolSet {
  /** Options of each as they count now, in the order of the configuration. */
  readonly configured: readonly PoolOptions[];
  /** Those of them that the configuration does not name any more. */
  readonly leftOut: readonly PoolName[];
  /**
   * Resolves when the others need not be waited for: all are open or have failed once, or one is open and the rest had
   * its time. So lists are whole from the first answer on, unless a disk is stuck. Of the pools of the start.
   */
  readonly usable: Promise<void>;
  /** Resolves when every pool of the start is open or has failed once: with a stuck disk that may be never. */
  readonly settled: Promise<void>;
  /** Of a pool that is not of the set: not had. */
  standing(name: PoolName): PoolStanding;
  /**
   * Open pools take their options over, those that are not had are tried with them at once, and new ones are begun, all by
   * the rules of a start. What it says counts when it returns; resolves when open pools have taken over what they can.
   * Rejects never; a pool that takes no changes is reported.
   */
  reconfigure(change: PoolsChange): Promise<void>;
  /** Has one take up what new room there is, see `grow-pool.ts`. */
  grow(name: string, request: GrowthRequest): Promise<GrowthAnswer>;
  /** Calls `listener` from now on when a try to open a pool has ended: it is open, or nothing is under way on it. */
  onTried(listener: () => void): void;
  /** Ends the driver's hold on every pool, side by side; nothing is deactivated. */
  close(): Promise<void>;
}

export interface PoolsConfig {
  readonly pools: readonly PoolOptions[];
  readonly defaultPool?: PoolName;
}

/** From the first open pool on; opening takes a second or two, unless a disk is stuck or an orphaned tool still runs. */
const LATECOMERS_MS = 5000;

type SetDependencies = Omit<OpenDependencies, "configured">;

/** Begins to open all of them, and keeps them open. */
export function startPools(config: PoolsConfig, dependencies: SetDependencies): SupervisedPools {
  return new KeptPools(config, dependencies);
}

class KeptPools implements SupervisedPools {
  readonly usable: Promise<void>;
  readonly settled: Promise<void>;
  readonly #dependencies: SetDependencies;
  /** In the order of the configuration; new ones behind. */
  readonly #supervisors = new Map<PoolName, PoolSupervisor>();
  readonly #current = new Map<PoolName, PoolOptions>();
  #leftOut: readonly PoolName[] = [];
  #defaultPool: PoolName | undefined;
  #tried = (): void => {};

  constructor({ pools, defaultPool }: PoolsConfig, dependencies: SetDependencies) {
    this.#dependencies = dependencies;
    this.#defaultPool = defaultPool;
    const first = Promise.withResolvers<void>();
    const tries = pools.map(async (options) => {
      if (await this.#begin(options).tried) first.resolve();
    });
    this.settled = Promise.all(tries).then(() => undefined);
    this.usable = Promise.race([
      this.settled,
      first.promise.then(() => sleep(LATECOMERS_MS, undefined, { ref: false })),
    ]);
  }

  get configured(): readonly PoolOptions[] {
    return [...this.#current.values()];
  }

  get leftOut(): readonly PoolName[] {
    return this.#leftOut;
  }

  /** In the order of the configuration. */
  get pools(): readonly Pool[] {
    return [...this.#supervisors.values()].flatMap(({ pool }) => pool ?? []);
  }

  get absent(): readonly AbsentPool[] {
    return [...this.#supervisors.values()].flatMap((each) =>
      each.pool === undefined ? [absentPool(each)] : [],
    );
  }

  get default(): Pool | undefined {
    const named = [...this.#current.keys()].filter((name) => !this.#leftOut.includes(name));
    const name = this.#defaultPool ?? (named.length === 1 ? named[0] : undefined);
    return name === undefined ? undefined : this.byName(name);
  }

  byName(name: string): Pool | undefined {
    return this.pools.find((pool) => pool.name === name);
  }

  byUuid(uuid: PoolUuid): Pool | undefined {
    return this.pools.find((pool) => pool.uuid === uuid);
  }

  standing(name: PoolName): PoolStanding {
    return this.#supervisors.get(name)?.standing ?? { kind: "not-had" };
  }

  async reconfigure({ pools, leftOut, ended, defaultPool }: PoolsChange): Promise<void> {
    this.#leftOut = leftOut;
    this.#defaultPool = defaultPool;
    for (const name of ended) {
      void this.#supervisors.get(name)?.stop();
      this.#supervisors.delete(name);
      this.#current.delete(name);
    }
    const taken = pools.map(async (options) => {
      const before = this.#current.get(options.name);
      this.#current.set(options.name, options);
      if (before === undefined) this.#begin(options);
      else await this.#change(before, options);
    });
    await Promise.all(taken);
  }

  async grow(name: string, request: GrowthRequest): Promise<GrowthAnswer> {
    const { configured } = this;
    const options = configured.find((each) => each.name === name);
    const supervisor = options === undefined ? undefined : this.#supervisors.get(options.name);
    if (supervisor === undefined || options === undefined)
      return { kind: "no-such-pool", known: configured.map((each) => each.name) };
    return growPool({ supervisor, runner: this.#dependencies.runner, options, configured }, request);
  }

  onTried(listener: () => void): void {
    this.#tried = listener;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#supervisors.values()].map((each) => each.stop()));
  }

  #begin(first: PoolOptions): PoolSupervisor {
    const { name } = first;
    const { report, observer } = this.#dependencies;
    this.#current.set(name, first);
    const supervisor = new PoolSupervisor({
      name,
      open: (mayCreate, news) => {
        const options = this.#current.get(name) ?? first;
        const configured = (): readonly PoolOptions[] => this.configured;
        const trial = openPool(options, { ...this.#dependencies, configured, report: news }, mayCreate);
        // Another configuration may have come while it was being opened.
        trial.opened.then(
          () => setImmediate(() => void this.#catchUp(options)),
          () => undefined,
        );
        return trial;
      },
      report,
      ...(observer === undefined ? {} : { observer }),
      onTried: () => this.#tried(),
    });
    this.#supervisors.set(name, supervisor);
    return supervisor;
  }

  async #change(before: PoolOptions, options: PoolOptions): Promise<void> {
    const supervisor = this.#supervisors.get(options.name);
    // At once, before its next try begins. With the options that it has it was tried, and is going to be again.
    if (before !== options) supervisor?.startOver();
    try {
      if (hasOtherDevices(before, options)) void supervisor?.reopen("its list of devices is another");
      else await supervisor?.pool?.reconfigure(options);
    } catch (error) {
      this.#dependencies.report(
        "warn",
        `pool ${options.name}: the new configuration waits: ${messageOf(error)}`,
      );
    }
  }

  async #catchUp(openedWith: PoolOptions): Promise<void> {
    const now = this.#current.get(openedWith.name) ?? openedWith;
    if (now !== openedWith) await this.#change(openedWith, now);
  }
}

function absentPool({ name, absence: reason, trouble }: PoolSupervisor): AbsentPool {
  return trouble === undefined ? { name, reason } : { name, reason, trouble };
}

/** Devices are looked at when a pool is opened; volumes go on meanwhile. */
const hasOtherDevices = (before: PoolOptions, now: PoolOptions): boolean =>
  before.backing === "devices" &&
  now.backing === "devices" &&
  (["devices", "select", "force"] as const).some((key) => !isDeepStrictEqual(before[key], now[key]));
