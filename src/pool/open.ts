/** From a configured pool to an open one, and back: locks → devices → catalog → engine. */
import { stat } from "node:fs/promises";
import { PoolSetupError, PoolUnavailableError, messageOf, systemErrnoOf } from "../core/errors.ts";
import { parsePoolOfUuid, poolDeviceName } from "../core/ids.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import type { Operations } from "../core/operations.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { PoolRecord } from "../core/records.ts";
import { findDmDevice } from "../host/dm-sysfs.ts";
import { Dmsetup } from "../host/dmsetup.ts";
import type { HeldLock } from "../host/lock-file.ts";
import { takeLock } from "../host/lock-file.ts";
import type { Runner } from "../host/run.ts";
import { resumePool } from "../host/suspended-sweep.ts";
import { assemble, isOutOfMetadata, requireActive } from "./assemble.ts";
import type { AssembleDependencies } from "./assemble.ts";
import { startCatalog } from "./catalog.ts";
import type { PoolClaims } from "./claims.ts";
import type { DeviceStack } from "./device-stack.ts";
import { openDeviceStack } from "./device-stack.ts";
import { EngineLife } from "./engine-life.ts";
import { describeUnclaimed } from "./examine.ts";
import type { ThinPool } from "./thin-pool.ts";
import { watchPool } from "./watch.ts";

export interface OpenDependencies extends AssembleDependencies {
  readonly stateDirectory: string;
  readonly runner: Runner;
  readonly operations: Operations;
  readonly claims: PoolClaims;
  /** All that are configured, as they are by now. */
  readonly configured: () => readonly PoolOptions[];
}

export interface PoolOpening {
  /** Rejects where the pool cannot be opened. */
  readonly opened: Promise<ThinPool>;
  /**
   * Once `opened` has resolved or rejected: ends the driver's hold. Devices, mounts and data stay as they are, I/O goes
   * on. Resolves when nothing that was begun on the pool is under way any more, so that it may be opened again; with a
   * stuck disk perhaps never. Rejects never.
   */
  close(): Promise<void>;
}

/** How long a new driver waits for tools that a dead one left behind. */
const ORPHAN_PATIENCE_MS = 60_000;
/** A catalog call that takes longer has met a stuck disk. */
const CATALOG_DEADLINE_MS = 15_000;

/** `mayCreate`: a pool may be made where none is. */
export function openPool(
  options: PoolOptions,
  dependencies: OpenDependencies,
  mayCreate: boolean,
): PoolOpening {
  const opening = new Opening(options, dependencies, mayCreate);
  return {
    opened: dependencies.operations.around(`open pool ${options.name}`, () => opening.open()),
    close: () => opening.close(),
  };
}

class Opening {
  readonly #options: PoolOptions;
  readonly #dependencies: OpenDependencies;
  readonly #mayCreate: boolean;
  readonly #releases: (() => Promise<void> | void)[] = [];

  constructor(options: PoolOptions, dependencies: OpenDependencies, mayCreate: boolean) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#mayCreate = mayCreate;
  }

  /** In the reverse order, each tried whatever the others do: a catalog that cannot be unmounted must not keep the locks. */
  async close(): Promise<void> {
    for (const release of this.#releases.splice(0).toReversed()) {
      try {
        await release();
      } catch (error) {
        this.#dependencies.report(
          "warn",
          `pool ${this.#options.name}: not given up cleanly: ${messageOf(error)}`,
        );
      }
    }
  }

  async open(): Promise<ThinPool> {
    const { name } = this.#options;
    const { runner, operations, claims } = this.#dependencies;
    // By name first: two drivers must not both find the devices empty and create a pool on them.
    const byName = await this.#lock(runner, `pool-${name}`);
    this.#releases.push(() => byName.release());
    // Behind the lock: a tool of a dead driver may still change what is seen here. Held only for the look where it refuses.
    await refuseTroubled(name, runner.holding([byName.fd]));
    const stack = await this.#openDevices(byName);
    this.#releases.push(() => stack.release());
    await refuseLostCatalog(name, stack);
    const catalog = startCatalog(catalogFile(stack), {
      deadlineMs: CATALOG_DEADLINE_MS,
      ...(stack.fresh ? { create: firstRecord(stack.uuid, name) } : {}),
    });
    this.#releases.push(() => catalog.end());
    const ground = {
      stack,
      catalog: await catalog.opened,
      life: new EngineLife(name, stack.runner, operations),
    };
    // From here on the engine goes by what it sees of the pool's volumes.
    this.#releases.push(await claims.exclude(stack.uuid));
    this.#releases.push(() => ground.life.end());
    const pool = await assemble(this.#options, ground, this.#dependencies);
    this.#releases.push(() => pool.parts.space.close());
    this.#releases.push(() => pool.deletions.close());
    // By a runner that holds no lock: who waits for an event must keep nobody from opening the pool.
    const watch = watchPool(pool, runner, this.#dependencies);
    this.#releases.push(() => watch.close());
    return pool;
  }

  #openDevices(byName: HeldLock): Promise<DeviceStack> {
    const { runner, stateDirectory, report, afterStep, configured } = this.#dependencies;
    return openDeviceStack(this.#options, {
      runner: runner.holding([byName.fd]),
      stateDirectory,
      report,
      others: configured(),
      mayCreate: this.#mayCreate,
      onStep: afterStep,
      // Then by uuid: the same pool may be configured under two names, and the guard and the sweep know only the uuid.
      holdUuid: async (uuid) => {
        const held = await this.#holdUuid(uuid, byName);
        const problems = await resumePool(held, uuid);
        if (problems.length > 0)
          throw new PoolUnavailableError(`pool ${this.#options.name}: ${problems.join("; ")}`);
        return held;
      },
    });
  }

  async #holdUuid(uuid: PoolUuid, byName: HeldLock): Promise<Runner> {
    const { runner, claims } = this.#dependencies;
    // Who removes a device meanwhile does so under the same lock.
    const admit = await claims.exclude(uuid);
    try {
      const byUuid = await this.#lock(runner, uuid);
      const held = runner.holding([byName.fd, byUuid.fd]);
      const letGo = claims.hold(uuid, held);
      this.#releases.push(async () => {
        const admitAgain = await claims.exclude(uuid);
        letGo();
        byUuid.release();
        admitAgain();
      });
      return held;
    } finally {
      admit();
    }
  }

  #lock(runner: Runner, name: string): Promise<HeldLock> {
    const { stateDirectory } = this.#dependencies;
    return takeLock(runner, `${stateDirectory}/${name}.lock`, { waitMs: ORPHAN_PATIENCE_MS });
  }
}

/** An active pool that the kernel has given up writing to is not worth a try. Changes nothing. */
async function refuseTroubled(name: PoolName, runner: Runner): Promise<void> {
  const device = poolDeviceName(name, "pool");
  const found = findDmDevice(device);
  if (found === undefined || found.suspended || parsePoolOfUuid(found.uuid) === undefined) return;
  const status = await new Dmsetup(runner).poolStatus(device, { flush: false });
  // It can be given more metadata as it is opened.
  if (!isOutOfMetadata(status)) requireActive(name, status);
}

const catalogFile = (stack: DeviceStack): string => `${stack.catalogPath}/catalog.db`;

/** Tells what there is without it. Makes none: that would give up the volumes. */
async function refuseLostCatalog(name: PoolName, stack: DeviceStack): Promise<void> {
  if (stack.fresh || (await exists(catalogFile(stack)))) return;
  const unclaimed = await describeUnclaimed(stack, new Dmsetup(stack.runner));
  throw new PoolSetupError(
    `pool ${name}: its catalog is lost: ${catalogFile(stack)} does not exist; ${unclaimed}; restore the file from a copy of the same moment, dmthin never starts an empty one in its place`,
  );
}

/** Not synchronous: the disk may be stuck, and the main thread serves all pools. */
async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemErrnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Ids start at 1: thin 0 is what people make by hand. */
const firstRecord = (uuid: PoolUuid, name: PoolName): PoolRecord => ({
  uuid,
  name,
  transactionId: 0n,
  thinIdLimit: 1,
});
