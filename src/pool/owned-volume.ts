/** One volume in the hands of one node operation. */
import type { BlockDevice } from "../core/dm.ts";
import { DamagedVolumeError, PreconditionError } from "../core/errors.ts";
import type { ThinId } from "../core/ids.ts";
import type { Format, Staging, VolumeRecord } from "../core/records.ts";
import type { Sectors } from "../core/units.ts";
import { sectorsFromBytes } from "../core/units.ts";
import { planRenewThin, renewedRecord } from "../plan/renew.ts";
import type { OwnedVolume } from "./engine.ts";
import type { ThinPool } from "./thin-pool.ts";
import type { ThinDeviceName, ThinDevices } from "./thin-devices.ts";
import { blockDeviceOf } from "./thin-devices.ts";

export class OwnedThinVolume implements OwnedVolume {
  readonly #pool: ThinPool;
  #record: VolumeRecord;

  constructor(pool: ThinPool, record: VolumeRecord) {
    this.#pool = pool;
    this.#record = record;
  }

  get record(): VolumeRecord {
    return this.#record;
  }

  async device(): Promise<BlockDevice | undefined> {
    const node = this.#devices.find(this.#target);
    return node === undefined ? undefined : blockDeviceOf(node);
  }

  async activate(): Promise<BlockDevice> {
    this.#pool.requireReady();
    if (this.#pool.state.lost.has(this.#record.id)) {
      throw new DamagedVolumeError(
        `volume ${this.#record.id}: thin ${this.#record.thinId} is missing in the pool; restore a snapshot or a backup`,
      );
    }
    await this.#pool.perform([
      {
        kind: "activate",
        ...this.#target,
        thinId: this.#record.thinId,
        length: sectorsFromBytes(this.#record.size),
      },
    ]);
    this.#pool.state.mapped.delete(this.#record.thinId);
    const device = await this.device();
    if (device === undefined)
      throw new PreconditionError(`${this.#target.device} vanished right after it was activated`);
    return device;
  }

  async deactivate(): Promise<void> {
    await this.#pool.perform([{ kind: "deactivate", ...this.#target }]);
  }

  async mappedSectors(): Promise<Sectors> {
    const status = await this.#pool.parts.hands.dmsetup.thinStatus(this.#target.device, { flush: true });
    if (status.kind === "active") return status.mapped;
    throw new DamagedVolumeError(
      `${this.#target.device}: the kernel reports a failed thin, so it may not be taken for blank`,
    );
  }

  async setFormat(format: Format): Promise<void> {
    await this.#put({ ...this.#record, format });
  }

  async setStaging(staging: Staging | undefined): Promise<void> {
    if (staging !== undefined) return this.#put({ ...this.#record, staging });
    const { staging: _before, ...rest } = this.#record;
    try {
      await this.#put(rest);
    } catch {
      // Unmounting must end although the catalog is stuck. The note is only a memory aid: the next open drops it, since
      // the device it speaks of is not active.
      this.#pool.state.apply([{ kind: "put-volume", record: rest }]);
      this.#record = rest;
    }
  }

  async renewThin(): Promise<void> {
    if (this.#record.format.state !== "formatting") {
      throw new DamagedVolumeError(
        `volume ${this.#record.id} is ${this.#record.format.state}; only a half-formatted one is renewed`,
      );
    }
    this.#pool.requireReady();
    // An earlier try that did not end goes on with its own two thins: a third would leave the first in no record.
    const renewed =
      this.#record.retiredThinId === undefined
        ? renewedRecord(this.#record, await this.#freshThinId())
        : this.#record;
    const active = (await this.device()) === undefined ? undefined : this.#target;
    await this.#pool.perform(planRenewThin(renewed, active));
    this.#record = this.#pool.requireVolume(this.#record.id);
  }

  async #freshThinId(): Promise<ThinId> {
    const [fresh] = await this.#pool.fence.takeIds(1);
    if (fresh === undefined) throw new RangeError("no thin id was handed out");
    return fresh;
  }

  async #put(record: VolumeRecord): Promise<void> {
    await this.#pool.perform([{ kind: "record", changes: [{ kind: "put-volume", record }] }]);
    this.#record = record;
  }

  get #target(): ThinDeviceName {
    return this.#devices.targetOf(this.#record.id);
  }

  get #devices(): ThinDevices {
    return this.#pool.parts.hands.devices;
  }
}
