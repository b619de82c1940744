/** The dm-linear devices of a pool. They grow under whatever stands on them; nothing of what is mapped ever moves. */
import type { BlockDevice, DmDevice, LinearSegment } from "../core/dm.ts";
import { EnvironmentError, errnoOf, PoolSetupError } from "../core/errors.ts";
import { poolDeviceName, poolDeviceUuid } from "../core/ids.ts";
import type { DmName, DmUuid, PoolDeviceRole, PoolName, PoolUuid } from "../core/ids.ts";
import { findDmDevice } from "../host/dm-sysfs.ts";
import type { Dmsetup } from "../host/dmsetup.ts";
import { formatLinearTable, parseLinearTable } from "../host/linear-text.ts";
import type { OnStep, Segments } from "./backing.ts";
import { EXTENT_ROLES } from "./layout.ts";
import type { ExtentRole } from "./layout.ts";

interface LinearOptions {
  readonly dmsetup: Dmsetup;
  readonly name: PoolName;
  readonly uuid: PoolUuid;
  readonly onStep: OnStep;
}

export type LinearNodes = Readonly<Record<ExtentRole, BlockDevice>>;

export class LinearDevices {
  readonly #options: LinearOptions;

  constructor(options: LinearOptions) {
    this.#options = options;
  }

  /** All four active with exactly these tables: a shorter one grows. Throws PoolSetupError for any other difference. */
  async ensure(segments: Segments): Promise<LinearNodes> {
    const present = await this.#options.dmsetup.list();
    return {
      catalog: await this.#one("catalog", segments.catalog, present),
      meta: await this.#one("meta", segments.meta, present),
      spare: await this.#one("spare", segments.spare, present),
      data: await this.#one("data", segments.data, present),
    };
  }

  /** Not there: done. */
  async remove(roles: readonly ExtentRole[] = EXTENT_ROLES): Promise<void> {
    const { dmsetup, name, uuid } = this.#options;
    const present = await dmsetup.list();
    for (const role of roles) {
      const found = findOwn(present, name, uuid, role);
      if (found !== undefined) await dmsetup.remove(found.name);
    }
  }

  async #one(
    role: ExtentRole,
    segments: readonly LinearSegment[],
    present: readonly DmDevice[],
  ): Promise<BlockDevice> {
    const { dmsetup, name, uuid, onStep } = this.#options;
    const device = poolDeviceName(name, role);
    const found = await usable(dmsetup, findOwn(present, name, uuid, role));
    const table = formatLinearTable(segments);
    if (found === undefined) {
      await onStep(`create ${device}`);
      await createDevice(dmsetup, device, poolDeviceUuid(uuid, role), table);
      return requireActive(device);
    }
    const live = parseLinearTable(await dmsetup.table(device));
    if (isShorter(live, segments)) {
      await onStep(`grow ${device}`);
      await swapTable(dmsetup, device, { from: formatLinearTable(live), to: table });
    } else requireTable(device, formatLinearTable(live), table);
    return requireActive(device);
  }
}

/** Whether `longer` maps all that `live` maps to the same places, and more behind it. */
export function isShorter(live: readonly LinearSegment[], longer: readonly LinearSegment[]): boolean {
  const same = live.every((each, index) => {
    const other = longer[index];
    const isLast = index === live.length - 1;
    return (
      other?.device === each.device &&
      other.offset === each.offset &&
      (isLast ? other.length >= each.length : other.length === each.length)
    );
  });
  const last = live.length - 1;
  return same && (longer.length > live.length || (longer[last]?.length ?? 0n) > (live[last]?.length ?? 0n));
}

/**
 * Another table under a running device. Load and resume: the kernel suspends, swaps and resumes in one call, so whoever
 * dies between leaves nothing suspended. A table that it will not resume is taken back, or the device would stay suspended.
 */
export async function swapTable(
  dmsetup: Dmsetup,
  device: DmName,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  await dmsetup.load(device, to);
  try {
    await dmsetup.resume(device);
  } catch (error) {
    await dmsetup.load(device, from);
    await dmsetup.resume(device);
    throw error;
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
