/** The volume operations of one pool: create, delete, expand. */
import { randomBytes } from "node:crypto";

import { CapacityRangeError, NoRoomError, OperationPendingError, PreconditionError } from "../core/errors.ts";
import type { ObjectKey, VolumeId } from "../core/ids.ts";
import { lockKey } from "../core/lock-keys.ts";
import { objectKey, volumeId } from "../core/ids.ts";
import { fingerprintOf } from "../core/operations.ts";
import type { VolumeRecord } from "../core/records.ts";
import type { Bytes } from "../core/units.ts";
import { bytes, bytesFromSectors, dataBlocks } from "../core/units.ts";
import { findMountPoint } from "../host/mount-info.ts";
import { admit, chooseSize, volumeDemand, type Demand, type SizeRange } from "../plan/capacity.ts";
import type { CreateVolumeIntent, Origin } from "../plan/volume.ts";
import {
  chooseFsType,
  chooseVolumeSize,
  newVolumeRecord,
  planCreateVolume,
  planUndoVolume,
  requireSameVolume,
} from "../plan/volume.ts";
import { doomedVolume } from "./doomed.ts";
import type { Outcome } from "./engine.ts";
import { observeOrigin, sourceKeys } from "./origins.ts";
import { takeBack } from "./take-back.ts";
import type { ThinPool } from "./thin-pool.ts";

/** 80 random bits: an id is never given twice, not even after an old copy of the catalog was restored. */
export const newObjectKey = (): ObjectKey => objectKey(randomBytes(10).toString("hex"));

export class VolumeOperations {
  readonly #pool: ThinPool;

  constructor(pool: ThinPool) {
    this.#pool = pool;
  }

  create(intent: CreateVolumeIntent): Promise<Outcome<VolumeRecord>> {
    const scope = {
      title: `CreateVolume ${JSON.stringify(intent.name)}`,
      fingerprint: fingerprintOf(`CreateVolume ${this.#pool.uuid}`, intent),
      exclusive: [lockKey.volumeName(intent.name)],
      shared: sourceKeys(intent.source),
    };
    return this.#pool.parts.operations.run(scope, () => this.#create(intent));
  }

  async #create(intent: CreateVolumeIntent): Promise<Outcome<VolumeRecord>> {
    this.#pool.requireComplete();
    const existing = await this.#pool.deletions.named(this.#pool.state.volumes, intent.name);
    if (existing?.state === "deleting") {
      throw new OperationPendingError(
        `volume ${JSON.stringify(intent.name)} is being deleted; retry when it is gone`,
      );
    }
    if (existing?.state === "ready") {
      requireSameVolume(existing, intent);
      return { kind: "identity", record: existing };
    }
    // Reads what is to be copied before anything is refused for room: a missing source is the better answer.
    const origin = await observeOrigin(this.#pool, intent.source);
    const size = chooseVolumeSize(intent, chooseFsType(intent, origin), origin);
    await this.#pool.refreshSupply();
    this.#pool.requireTakesPromises();
    // Half-made by an earlier try whose undo failed.
    if (existing !== undefined) await this.#pool.perform(planUndoVolume(existing));
    return { kind: "created", record: await this.#make(intent, origin, size) };
  }

  async #make(
    intent: CreateVolumeIntent,
    origin: Origin | undefined,
    size: VolumeRecord["size"],
  ): Promise<VolumeRecord> {
    const demand = volumeDemand(size, this.#pool.parts.blockSize);
    await this.#pool.deletions.makeRoomFor(demand);
    admit(this.#pool.known.supply, this.#pool.state.demand, demand, `volume ${JSON.stringify(intent.name)}`);
    const release = this.#pool.state.hold(demand);
    let record: VolumeRecord;
    try {
      const [thinId] = await this.#pool.fence.takeIds(1);
      if (thinId === undefined) throw new RangeError("no thin id was handed out");
      const id = volumeId(this.#pool.uuid, newObjectKey());
      record = newVolumeRecord(intent, origin, {
        id,
        thinId,
        ...this.#pool.parts.stamp(),
      });
      const mapped = await this.#performOrUndo(record, origin, release);
      this.#pool.state.mapped.set(thinId, mapped);
    } finally {
      release();
    }
    return { ...record, state: "ready" };
  }

  async #performOrUndo(
    record: VolumeRecord,
    origin: Origin | undefined,
    counted: () => void,
  ): Promise<Bytes> {
    const [intent, ...rest] = planCreateVolume(record, origin);
    if (intent === undefined) throw new RangeError("a plan without steps");
    await this.#pool.perform([intent]);
    counted();
    try {
      const measured = await this.#pool.perform(rest);
      if (origin === undefined || origin.empty) return bytes(0);
      const inBracket = measured.get(origin.thinId);
      return inBracket === undefined ? (origin.mapped ?? origin.size) : bytesFromSectors(inBracket);
    } catch (error) {
      await takeBack(this.#pool, `volume ${JSON.stringify(record.name)}`, planUndoVolume(record), error);
      throw error;
    }
  }

  async delete(id: VolumeId): Promise<void> {
    const record = this.#pool.volume(id);
    if (record === undefined) return this.#pool.requireComplete();
    const scope = {
      title: `DeleteVolume ${id}`,
      fingerprint: `DeleteVolume ${id}`,
      exclusive: [lockKey.volume(id), lockKey.volumeName(record.name)],
    };
    await this.#pool.parts.operations.run(scope, () => this.#delete(id));
  }

  async #delete(id: VolumeId): Promise<void> {
    const record = this.#pool.volume(id);
    if (record === undefined) return;
    this.#pool.requireReady();
    if (record.state === "creating") {
      await this.#pool.perform(planUndoVolume(record));
      return;
    }
    const { devices } = this.#pool.parts.hands;
    const target = devices.targetOf(id);
    const node = devices.find(target);
    const active = node === undefined ? undefined : target;
    // The note of a filesystem is a memory: whether it is mounted, the kernel says. Of a raw device only the note can.
    const live = node !== undefined && (record.staging?.access === "block" || findMountPoint(node));
    if (record.staging !== undefined && live) {
      throw new PreconditionError(
        `volume ${id} is staged at ${record.staging.path}; delete the pods that use it first`,
      );
    }
    // Before the decision is recorded: an open device makes this fail and leaves the volume as it was.
    if (active !== undefined) await this.#pool.perform([{ kind: "deactivate", ...active }]);
    await this.#pool.deletions.delete(doomedVolume(this.#pool, record));
  }

  expand(id: VolumeId, range: SizeRange): Promise<VolumeRecord> {
    const scope = {
      title: `ControllerExpandVolume ${id}`,
      fingerprint: `ControllerExpandVolume ${id} ${range.required ?? ""} ${range.limit ?? ""}`,
      exclusive: [lockKey.volume(id)],
    };
    return this.#pool.parts.operations.run(scope, () => this.#expand(id, range));
  }

  async #expand(id: VolumeId, range: SizeRange): Promise<VolumeRecord> {
    const record = this.#pool.requireVolume(id);
    if (range.limit !== undefined && record.size > range.limit) {
      throw new CapacityRangeError(
        `capacity_range.limit_bytes: volume ${id} has ${record.size} bytes already and cannot shrink`,
      );
    }
    if (range.required === undefined || record.size >= range.required) return record;
    const size = chooseSize(range, record.size, "the volume as it is");
    await this.#pool.refreshSupply();
    await this.#pool.deletions.makeRoomFor(this.#growthDemand(record, size));
    const release = this.#admitGrowth(record, size);
    try {
      const grown: VolumeRecord = { ...record, size };
      await this.#pool.fence.bump([{ kind: "put-volume", record: grown }]);
      return grown;
    } finally {
      release();
    }
  }

  #growthDemand(record: VolumeRecord, size: Bytes): Demand {
    const { blockSize } = this.#pool.parts;
    const before = volumeDemand(record.size, blockSize).blocks;
    return { blocks: dataBlocks(volumeDemand(size, blockSize).blocks - before), thins: 0 };
  }

  /**
   * CapacityRangeError also where the pool has no room: to csi-resizer only that is "nothing begun", whereupon the user
   * may ask for less. After NoRoomError it would go on asking for this size, whatever the user wishes by then.
   */
  #admitGrowth(record: VolumeRecord, size: Bytes): () => void {
    const extra = this.#growthDemand(record, size);
    const title = `growing volume ${record.id} to ${size} bytes`;
    try {
      this.#pool.requireTakesPromises();
      admit(this.#pool.known.supply, this.#pool.state.demand, extra, title);
    } catch (error) {
      if (!(error instanceof NoRoomError)) throw error;
      throw new CapacityRangeError(`capacity_range: ${error.message}`, { cause: error });
    }
    return this.#pool.state.hold(extra);
  }
}
