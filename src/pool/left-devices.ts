/**
 * The devices of volumes whose pool has no engine here: it is absent, given up, or not open yet. They can be taken down
 * by what the kernel says alone, so that pods end and the pool can be repaired; its catalog drops the note of a staging
 * when it is opened the next time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { PoolUnavailableError, PreconditionError, errnoOf } from "../core/errors.ts";
import { keyOf, parseId, poolDeviceUuid, thinDeviceUuid } from "../core/ids.ts";
import type { PoolUuid, VolumeId } from "../core/ids.ts";
import type { DmSysfsDevice } from "../host/dm-sysfs.ts";
import { findDmDeviceByUuid } from "../host/dm-sysfs.ts";
import { Dmsetup } from "../host/dmsetup.ts";
import { takeLock } from "../host/lock-file.ts";
import { mountsOfDevice, readMountInfo } from "../host/mount-info.ts";
import type { Runner } from "../host/run.ts";
import type { PoolClaims } from "./claims.ts";

export interface LeftDevicesOptions {
  readonly runner: Runner;
  readonly stateDirectory: string;
  readonly claims: PoolClaims;
}

/** A pool that has not answered a look by then is taken for stuck. */
const LOOK_MS = 5000;

export class LeftDevices {
  readonly #options: LeftDevicesOptions;
  /** Looks under way: a stuck pool gets one, however often it is asked. */
  readonly #looks = new Map<PoolUuid, Promise<unknown>>();

  constructor(options: LeftDevicesOptions) {
    this.#options = options;
  }

  /**
   * Removes the volume's device; not there: done. PreconditionError while it is mounted or open; OperationPendingError
   * while an engine is at work on the pool; PoolUnavailableError while the pool does not answer, or is somebody else's.
   */
  async remove(id: VolumeId): Promise<void> {
    const uuid = thinDeviceUuid(poolOf(id), keyOf(id));
    // Before anything is locked: most have none, and an id in a request may name a pool that never was.
    if (findDmDeviceByUuid(uuid) === undefined) return;
    await this.#options.claims.remove(poolOf(id), `removal of the device of volume ${id}`, async (holder) => {
      const found = findDmDeviceByUuid(uuid);
      if (found === undefined) return;
      await this.#locked(poolOf(id), holder, (runner) => this.#removeOne(id, found, runner));
    });
  }

  /** Under the pool's lock, like everything that changes its devices: another driver, or a repair, may be at work. */
  async #locked(
    pool: PoolUuid,
    holder: Runner | undefined,
    work: (runner: Runner) => Promise<void>,
  ): Promise<void> {
    if (holder !== undefined) return work(holder);
    const { runner, stateDirectory } = this.#options;
    const lock = await takeLock(runner, `${stateDirectory}/${pool}.lock`, { waitMs: 0 });
    try {
      await work(runner.holding([lock.fd]));
    } finally {
      lock.release();
    }
  }

  async #removeOne(id: VolumeId, found: DmSysfsDevice, runner: Runner): Promise<void> {
    const [mount] = mountsOfDevice(readMountInfo(), found.number);
    if (mount !== undefined)
      throw new PreconditionError(`${found.name} is mounted at ${mount.entry.mountPoint}`);
    await this.#requireAnswer(id);
    const dmsetup = new Dmsetup(runner);
    if (found.suspended) await dmsetup.resume(found.name);
    try {
      await dmsetup.remove(found.name, async (once) => {
        await this.#requireAnswer(id);
        await once();
      });
    } catch (error) {
      if (errnoOf(error) === "ENXIO") return;
      if (errnoOf(error) !== "EBUSY") throw error;
      throw new PreconditionError(
        `${found.name} is still open (a mount, a raw block user, or a scan of the host)`,
        { cause: error },
      );
    }
  }

  /** As in `thin-devices.ts`: the kernel's one lock for all thin tables must not wait for this pool's disk. */
  async #requireAnswer(id: VolumeId): Promise<void> {
    const uuid = poolOf(id);
    const pool = findDmDeviceByUuid(poolDeviceUuid(uuid, "pool"));
    if (pool === undefined) return;
    if (pool.suspended) throw new PoolUnavailableError(`volume ${id}: ${pool.name} is suspended`);
    const look = this.#looks.get(uuid) ?? this.#look(uuid, pool);
    const late = Symbol("late");
    const first = await Promise.race([look, sleep(LOOK_MS, late, { ref: false })]);
    if (first === late) {
      throw new PoolUnavailableError(
        `volume ${id}: its device is removed when ${pool.name} answers again; its disk may be stuck`,
      );
    }
  }

  #look(uuid: PoolUuid, pool: DmSysfsDevice): Promise<unknown> {
    // By a runner that holds no lock: a look changes nothing, and a stuck one must keep nobody from opening the pool.
    const look = new Dmsetup(this.#options.runner)
      .poolStatus(pool.name, { flush: true })
      .finally(() => this.#looks.delete(uuid));
    this.#looks.set(uuid, look);
    return look;
  }
}

function poolOf(id: VolumeId): PoolUuid {
  const pool = parseId(id)?.pool;
  if (pool === undefined) throw new RangeError(`not a dmthin id: ${id}`);
  return pool;
}
