/** What the kernel shows of one volume now: its device and its mounts. Reads sysfs and mountinfo, nothing else. */
import type { BlockDevice } from "../core/dm.ts";
import { PoolUnavailableError, PreconditionError } from "../core/errors.ts";
import type { MountEntry } from "../core/filesystem.ts";
import {
  keyOf,
  parseId,
  type PoolName,
  type PoolUuid,
  thinDeviceName,
  thinDeviceUuid,
  type VolumeId,
} from "../core/ids.ts";
import { findDmDevice, findDmDeviceByUuid } from "../host/dm-sysfs.ts";
import {
  type DeviceMount,
  dmUuidOf,
  identifyMount,
  mountsOfDevice,
  readMountInfo,
  topMountAt,
} from "../host/mount-info.ts";
import { type Patience, unmount } from "../host/mount.ts";
import type { Runner } from "../host/run.ts";

export interface VolumePresence {
  readonly device: BlockDevice | undefined;
  readonly entries: readonly MountEntry[];
  /** Of the device, inside kubelet's directory: others are copies of these in a container that shows the host twice. */
  readonly mounts: readonly DeviceMount[];
}

/** @param directory kubelet's, without symlinks. */
export function observeVolume(
  pool: { readonly name: PoolName; readonly uuid: PoolUuid },
  id: VolumeId,
  directory: string,
): VolumePresence {
  const key = keyOf(id);
  const found = findDmDevice(thinDeviceName(pool.name, key));
  if (found !== undefined && found.uuid !== thinDeviceUuid(pool.uuid, key)) {
    throw new PoolUnavailableError(
      `device ${found.name} exists and is not ours: its uuid is ${JSON.stringify(found.uuid)}; see who made it, and remove or rename it`,
    );
  }
  const entries = readMountInfo();
  const mounts = found === undefined ? [] : mountsOfDevice(entries, found.number);
  return {
    device: found === undefined ? undefined : { path: found.path, number: found.number, size: found.size },
    entries,
    mounts: mounts.filter(({ entry }) => entry.mountPoint.startsWith(`${directory}/`)),
  };
}

/** Where a volume is mounted inside kubelet's directory, whichever pool it is of: by the uuid of its device. */
export function mountPointsOf(id: VolumeId, directory: string): readonly string[] {
  const parsed = parseId(id);
  const found = parsed && findDmDeviceByUuid(thinDeviceUuid(parsed.pool, parsed.key));
  if (found === undefined) return [];
  return mountsOfDevice(readMountInfo(), found.number)
    .map(({ entry }) => entry.mountPoint)
    .filter((point) => point.startsWith(`${directory}/`));
}

/** What of the volume is seen at a path; undefined where something else, or nothing, is mounted exactly there. */
export function shownAt({ entries, mounts }: VolumePresence, path: string): DeviceMount | undefined {
  const top = topMountAt(entries, path);
  return mounts.find(({ entry }) => entry === top);
}

/** More layers than any sequence of retries could stack. */
const MAX_LAYERS = 32;

/**
 * Unmounts every layer of this volume at a path; nothing there counts. Needs no pool: whose a mount is, the dm uuid
 * says. PreconditionError where something else is mounted there, which is left alone.
 */
export async function unmountVolume(
  runner: Runner,
  id: VolumeId,
  path: string,
  patience: Patience,
): Promise<void> {
  for (let layer = 0; layer < MAX_LAYERS; layer += 1) {
    const entries = readMountInfo();
    const top = topMountAt(entries, path);
    if (top === undefined) return;
    if (!belongsTo(identifyMount(top, entries), id)) {
      throw new PreconditionError(
        `${path}: what is mounted there (${top.fsType} from ${top.source}) is not volume ${id}; it is left alone`,
      );
    }
    await unmount(runner, top, patience);
  }
  throw new PreconditionError(`${path}: more than ${MAX_LAYERS} mounts are stacked there; try again`);
}

function belongsTo(mount: DeviceMount | undefined, id: VolumeId): boolean {
  if (mount === undefined) return false;
  // The bound node of a device that is gone: good for nothing any more, whoever's it was.
  if (mount.number === undefined) return true;
  const parsed = parseId(id);
  return parsed !== undefined && dmUuidOf(mount.number) === thinDeviceUuid(parsed.pool, parsed.key);
}
