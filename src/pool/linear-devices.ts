/** The dm-linear devices of a pool. */
import type { BlockDevice, DmDevice, LinearSegment } from "../core/dm.ts";
import { EnvironmentError, errnoOf, PoolSetupError } from "../core/errors.ts";
import { poolDeviceName, poolDeviceUuid } from "../core/ids.ts";
import type { DmName, DmUuid, PoolDeviceRole, PoolName, PoolUuid } from "../core/ids.ts";
import { findDmDevice } from "../host/dm-sysfs.ts";
import type { Dmsetup } from "../host/dmsetup.ts";
import { formatLinearTable, parseLinearTable } from "../host/linear-text.ts";
import type { OnStep } from "./backing.ts";
import { EXTENT_ROLES } from "./layout.ts";
import type { ExtentRole } from "./layout.ts";

interface LinearOptions {
  readonly dmsetup: Dmsetup;
  readonly name: PoolName;
  readonly uuid: PoolUuid;
  readonly segments: Readonly<Record<ExtentRole, readonly LinearSegment[]>>;
  readonly onStep: OnStep;
}

export type LinearNodes = Readonly<Record<ExtentRole, BlockDevice>>;

export class LinearDevices {
  readonly #options: LinearOptions;

  constructor(options: LinearOptions) {
    this.#options = options;
  }

  /** All four active with exactly their tables. Throws PoolSetupError for one that is active with another. */
  async ensure(): Promise<LinearNodes> {
    const present = await this.#options.dmsetup.list();
    return {
      catalog: await this.#one("catalog", present),
      meta: await this.#one("meta", present),
      spare: await this.#one("spare", present),
      data: await this.#one("data", present),
    };
  }

  /** None of them there: done. */
  async remove(): Promise<void> {
    const { dmsetup, name, uuid } = this.#options;
    const present = await dmsetup.list();
    for (const role of EXTENT_ROLES) {
      const found = findOwn(present, name, uuid, role);
      if (found !== undefined) await dmsetup.remove(found.name);
    }
  }

  async #one(role: ExtentRole, present: readonly DmDevice[]): Promise<BlockDevice> {
    const { dmsetup, name, uuid, segments, onStep } = this.#options;
    const device = poolDeviceName(name, role);
    const found = await usable(dmsetup, findOwn(present, name, uuid, role));
    if (found === undefined) {
      await onStep(`create ${device}`);
      await createDevice(dmsetup, device, poolDeviceUuid(uuid, role), formatLinearTable(segments[role]));
    } else {
      const actual = formatLinearTable(parseLinearTable(await dmsetup.table(device)));
      requireTable(device, actual, formatLinearTable(segments[role]));
    }
    return requireActive(device);
  }
}

/** The pool's device of that role. Throws PoolSetupError where the name or the uuid belongs to another. */
export function findOwn(
  present: readonly DmDevice[],
  name: PoolName,
  pool: PoolUuid,
  role: PoolDeviceRole,
): DmDevice | undefined {
  const [device, uuid] = [poolDeviceName(name, role), poolDeviceUuid(pool, role)];
  const found = present.find((each) => each.name === device || each.uuid === uuid);
  if (found === undefined || (found.name === device && found.uuid === uuid)) return found;
  throw new PoolSetupError(
    `dm device ${found.name} (${found.uuid}) is in the way of ${device} (${uuid}); remove it with dmsetup remove ${found.name} if nothing uses it`,
  );
}

/** A device that a crash left without a table is removed; one left suspended goes on; a table never resumed is dropped. */
export async function usable(dmsetup: Dmsetup, found: DmDevice | undefined): Promise<DmDevice | undefined> {
  if (found === undefined) return undefined;
  if (found.inactiveTable) await dmsetup.clear(found.name);
  if (!found.liveTable) {
    await dmsetup.remove(found.name);
    return undefined;
  }
  if (found.suspended) await dmsetup.resume(found.name);
  return found;
}

/** Throws PoolSetupError where the name is taken by a device that is not dmthin's. */
export async function createDevice(
  dmsetup: Dmsetup,
  name: DmName,
  uuid: DmUuid,
  table: string,
): Promise<void> {
  try {
    await dmsetup.create(name, uuid, table);
  } catch (error) {
    if (errnoOf(error) !== "EBUSY") throw error;
    throw new PoolSetupError(
      `dm device ${name} cannot be created: the name is taken, or what it stands on is in use; see dmsetup info ${name} and lsblk`,
      { cause: error },
    );
  }
}

/** The node of an active device. Throws EnvironmentError where the kernel does not show it. */
export function requireActive(name: DmName): BlockDevice {
  const found = findDmDevice(name);
  if (found !== undefined) return { path: found.path, number: found.number, size: found.size };
  throw new EnvironmentError(
    `dm device ${name} was created, but sysfs does not show it; is /sys the host's?`,
  );
}

/** The tables as text, for a comparison that names both. */
export function requireTable(device: DmName, actual: string, expected: string): void {
  if (actual === expected) return;
  throw new PoolSetupError(
    `dm device ${device} is active with another table: it is "${actual}", it must be "${expected}"; the devices were changed under a running pool: stop its users and reboot, or remove the device`,
  );
}
