/** What is to be copied: its records and what the kernel shows of it, as values for the plans. */
import { NotFoundError, OperationPendingError } from "../core/errors.ts";
import type { VolumeId } from "../core/ids.ts";
import { lockKey } from "../core/lock-keys.ts";
import type { Source, VolumeRecord } from "../core/records.ts";
import type { Bytes } from "../core/units.ts";
import { findMountPoint } from "../host/mount-info.ts";
import type { Suspension } from "../plan/step.ts";
import type { Origin } from "../plan/volume.ts";
import type { ThinPool } from "./thin-pool.ts";

/** Keys that keep a source from being deleted, grown or staged while it is copied. */
export function sourceKeys(source: Source): readonly string[] {
  if (source.kind === "empty") return [];
  return [source.kind === "volume" ? lockKey.volume(source.id) : lockKey.snapshot(source.id)];
}

/** Undefined for no source. NotFoundError for one that does not exist. */
export async function observeOrigin(pool: ThinPool, source: Source): Promise<Origin | undefined> {
  if (source.kind === "empty") return undefined;
  if (source.kind === "snapshot") {
    const snapshot = pool.snapshot(source.id);
    if (snapshot === undefined || snapshot.state !== "ready")
      throw new NotFoundError(`snapshot ${source.id} does not exist`);
    const { thinId, size, format } = snapshot;
    requirePresent(pool, source.id, `snapshot ${source.id}`);
    return { thinId, size, format, empty: snapshot.mapped === 0n, mapped: snapshot.mapped };
  }
  const volume = requireSnapshottable(pool, source.id);
  const { thinId, size, format } = volume;
  const suspension = suspensionOf(pool, volume);
  if (suspension !== undefined) return { thinId, size, format, empty: false, suspension };
  const mapped = mappedOfInactive(pool, volume);
  return { thinId, size, format, empty: mapped === 0n, mapped };
}

/** A ready volume that is not in the middle of its first mkfs. */
export function requireSnapshottable(pool: ThinPool, id: VolumeId): VolumeRecord {
  const volume = pool.volume(id);
  if (volume?.state === "deleting") throw new OperationPendingError(`volume ${id} is being deleted`);
  const record = pool.requireVolume(id);
  requirePresent(pool, id, `volume ${id}`);
  if (record.format.state === "formatting" || record.format.state === "identifying") {
    throw new OperationPendingError(
      `volume ${id} is being prepared for its first mount; retry when it is staged`,
    );
  }
  return record;
}

function requirePresent(pool: ThinPool, id: string, what: string): void {
  if (pool.state.lost.has(id))
    throw new NotFoundError(`${what}: its thin is missing in the pool; there is nothing to copy`);
}

/** How to hold an active volume still; undefined for an inactive one. Starts no process. */
export function suspensionOf(pool: ThinPool, volume: VolumeRecord): Suspension | undefined {
  const { devices } = pool.parts.hands;
  const target = devices.targetOf(volume.id);
  const node = devices.find(target);
  if (node === undefined) return undefined;
  // Where it is staged it stays mounted during the cut, by the volume's lock; where it is published it need not.
  const mountPoint = findMountPoint(node, volume.staging?.path);
  if (mountPoint === undefined) return { ...target, freezeMount: false };
  // Device suspend freezes btrfs on new kernels (7.2) and not on older ones (6.1): freezing it by its mount does on all.
  return { ...target, mountPoint, freezeMount: volume.format.fsType === "btrfs" };
}

/**
 * Mapped bytes of an inactive volume: noted when it became inactive, was made, or was listed at open. Where nothing was
 * noted, its size: more than it can have, so that no promise is too small.
 */
export function mappedOfInactive(pool: ThinPool, volume: VolumeRecord): Bytes {
  return pool.state.mapped.get(volume.thinId) ?? volume.size;
}
