/**
 * The dm devices of one pool's thins: find, activate, grow, remove. Ownership is by uuid; a table is read before it is
 * changed.
 *
 * The kernel has one lock for the thin tables of all pools, and waits for a pool's metadata while it holds it: a table
 * made or dropped on a stuck disk would stop the others too (promise 7). So that is begun only in the pool's turn, right
 * after both of its disks have answered a flush.
 */
import type { BlockDevice, DevNumber } from "../core/dm.ts";
import {
  DamagedVolumeError,
  ForeignDeviceError,
  PoolUnavailableError,
  PreconditionError,
  errnoOf,
} from "../core/errors.ts";
import type { DmName, DmUuid, PoolName, PoolUuid, SnapshotId, ThinId, VolumeId } from "../core/ids.ts";
import { keyOf, thinDeviceName, thinDeviceUuid } from "../core/ids.ts";
import type { Bytes, Sectors } from "../core/units.ts";
import { bytesFromSectors } from "../core/units.ts";
import type { DmSysfsDevice } from "../host/dm-sysfs.ts";
import { findDmDevice } from "../host/dm-sysfs.ts";
import type { Dmsetup } from "../host/dmsetup.ts";
import { mountsOfDevice, readMountInfo } from "../host/mount-info.ts";
import { formatThinTable, parseThinTable } from "../host/thin-text.ts";
import type { MessageQueue } from "./queue.ts";

/** A volume's device by name and, for ownership, by uuid. */
export interface ThinDeviceName {
  readonly device: DmName;
  readonly uuid: DmUuid;
}

interface ThinTarget extends ThinDeviceName {
  readonly thinId: ThinId;
  readonly length: Sectors;
}

export class ThinDevices {
  readonly #dmsetup: Dmsetup;
  readonly #queue: MessageQueue;
  readonly #poolDevice: DmName;
  readonly #poolNumber: DevNumber;
  readonly #poolName: PoolName;
  readonly #poolUuid: PoolUuid;
  /** Told the exact mapped bytes of a thin that is inactive from now on; not told where they are not known. */
  readonly #onInactive: (thinId: ThinId, mapped: Bytes) => void;

  constructor(options: {
    readonly dmsetup: Dmsetup;
    readonly queue: MessageQueue;
    readonly poolDevice: DmName;
    readonly poolNumber: DevNumber;
    readonly poolName: PoolName;
    readonly poolUuid: PoolUuid;
    readonly onInactive: (thinId: ThinId, mapped: Bytes) => void;
  }) {
    this.#dmsetup = options.dmsetup;
    this.#queue = options.queue;
    this.#poolDevice = options.poolDevice;
    this.#poolNumber = options.poolNumber;
    this.#poolName = options.poolName;
    this.#poolUuid = options.poolUuid;
    this.#onInactive = options.onInactive;
  }

  /** Of a snapshot: while it is discarded, its only time to be active. */
  targetOf(id: VolumeId | SnapshotId): ThinDeviceName {
    const key = keyOf(id);
    return { device: thinDeviceName(this.#poolName, key), uuid: thinDeviceUuid(this.#poolUuid, key) };
  }

  /** The active device of a volume; reads sysfs, starts no process. Throws where the name belongs to somebody else. */
  find(target: ThinDeviceName): DmSysfsDevice | undefined {
    const node = findDmDevice(target.device);
    if (node !== undefined && node.uuid !== target.uuid) {
      throw new PoolUnavailableError(
        `device ${target.device} exists with uuid ${JSON.stringify(node.uuid)}, which is not ours; see who made it, and remove or rename it`,
      );
    }
    return node;
  }

  /** Repeatable. A device that is there already is grown to `length`; a longer one, or another thin's, is refused. */
  async activate(step: ThinTarget): Promise<void> {
    if (this.find(step) !== undefined) return this.grow(step);
    const table = formatThinTable({ length: step.length, pool: this.#poolNumber, thinId: step.thinId });
    try {
      await this.#whileAnswering(`activation of ${step.device}`, () => this.#create(step, table));
    } catch (error) {
      // ENODATA: the pool has no such thin. Anything else may have made the device.
      if (errnoOf(error) !== "ENODATA") throw error;
      throw new DamagedVolumeError(
        `thin ${step.thinId} of ${step.device} is missing in the pool; restore a snapshot or a backup`,
        {
          cause: error,
        },
      );
    }
  }

  async #create(target: ThinDeviceName, table: string): Promise<void> {
    try {
      await this.#dmsetup.create(target.device, target.uuid, table);
    } catch (error) {
      if (errnoOf(error) !== "EBUSY" || !(await this.#dropTableless(target))) throw error;
      await this.#dmsetup.create(target.device, target.uuid, table);
    }
  }

  /** A dmsetup killed while it made a device leaves one without a table: it takes the name, and sysfs does not show it. */
  async #dropTableless({ device, uuid }: ThinDeviceName): Promise<boolean> {
    const found = (await this.#dmsetup.list()).find((each) => each.name === device && each.uuid === uuid);
    if (found === undefined || found.liveTable) return false;
    await this.#dmsetup.remove(device);
    return true;
  }

  /** Brings a live table up to `length`, changing nothing else. */
  async grow(step: ThinTarget): Promise<void> {
    const node = this.find(step);
    if (node === undefined) throw new PreconditionError(`${step.device} is not active`);
    if (node.suspended) await this.#dmsetup.resume(step.device);
    // Read also where the size is right: the device must show this volume's thin and no other.
    const live = parseThinTable(await this.#dmsetup.table(step.device));
    if (live.thinId !== step.thinId || live.pool !== this.#poolNumber) {
      throw new ForeignDeviceError(
        `${step.device} maps thin ${live.thinId} of ${live.pool}, its record says ${step.thinId} of ${this.#poolNumber}; nothing was changed: see who made it, and remove it`,
      );
    }
    if (live.length > step.length) {
      throw new DamagedVolumeError(
        `${step.device} has ${live.length} sectors, its record ${step.length}; dmthin never shrinks`,
      );
    }
    if (live.length === step.length) return;
    const table = formatThinTable({ ...live, length: step.length });
    await this.#whileAnswering(`growth of ${step.device}`, () => this.#swap(step.device, table));
  }

  async #swap(device: DmName, table: string): Promise<void> {
    await this.#dmsetup.load(device, table);
    try {
      await this.#dmsetup.resume(device);
    } catch (error) {
      // The old table stays live. Without the loaded one a later resume cannot surprise anybody.
      await this.#dmsetup.clear(device);
      if (errnoOf(error) !== "EBUSY") throw error;
      throw new PreconditionError(
        `${device}: its filesystem is frozen (fsfreeze?); thaw it and retry the growth`,
        { cause: error },
      );
    }
  }

  /** Removes the device; gone already counts. Notes the mapped bytes, which cannot change while it is inactive. */
  async deactivate(target: ThinDeviceName): Promise<void> {
    const node = this.find(target);
    if (node === undefined) {
      await this.#dropTableless(target);
      return;
    }
    const [mount] = mountsOfDevice(readMountInfo(), node.number);
    if (mount !== undefined)
      throw new PreconditionError(`${target.device} is mounted at ${mount.entry.mountPoint}`);
    if (node.suspended) await this.#dmsetup.resume(target.device);
    const table = parseThinTable(await this.#dmsetup.table(target.device));
    let mapped: Bytes | undefined;
    try {
      await this.#dmsetup.remove(target.device, (once) =>
        this.#whileAnswering(`deactivation of ${target.device}`, async () => {
          mapped = await this.#settled(target);
          await once();
        }),
      );
    } catch (error) {
      if (errnoOf(error) === "ENXIO") return;
      if (errnoOf(error) !== "EBUSY") throw error;
      throw new PreconditionError(
        `${target.device} is still open (a mount, a raw block user, or a scan of the host)`,
        { cause: error },
      );
    }
    if (mapped !== undefined) this.#onInactive(table.thinId, mapped);
  }

  /**
   * What the thin maps and will go on mapping; undefined while somebody has the device open, who may write until it
   * goes. A figure that is too small would make a copy of this thin an empty one.
   */
  async #settled({ device }: ThinDeviceName): Promise<Bytes | undefined> {
    const before = (await this.#dmsetup.list()).find((each) => each.name === device);
    const status = await this.#dmsetup.thinStatus(device, { flush: true });
    return before?.open === 0 && status.kind === "active" ? bytesFromSectors(status.mapped) : undefined;
  }

  async #whileAnswering(title: string, work: () => Promise<void>): Promise<void> {
    await this.#queue.run(title, async () => {
      await this.#dmsetup.poolStatus(this.#poolDevice, { flush: true });
      await work();
    });
  }
}

export const blockDeviceOf = (node: DmSysfsDevice): BlockDevice => ({
  path: node.path,
  number: node.number,
  size: node.size,
});
