/** Asks the kernel how a pool is and what its active volumes have mapped, by one command. */
import type { PoolStatus } from "../core/dm.ts";
import { keyOf, thinDeviceName, thinDeviceUuid } from "../core/ids.ts";
import type { DmName, ThinId } from "../core/ids.ts";
import type { Bytes } from "../core/units.ts";
import { bytesFromSectors } from "../core/units.ts";
import { findDmDevice } from "../host/dm-sysfs.ts";
import type { ThinPool } from "./thin-pool.ts";

export async function askWithVolumes(pool: ThinPool): Promise<PoolStatus> {
  const { dmsetup, poolDevice } = pool.parts.hands;
  const active = activeThins(pool);
  const { pool: status, thins } = await dmsetup.poolAndThinStatus(poolDevice, [...active.keys()]);
  const mapped = new Map<ThinId, Bytes>();
  for (const [device, thin] of thins) {
    const thinId = active.get(device);
    if (thinId !== undefined && thin.kind === "active") mapped.set(thinId, bytesFromSectors(thin.mapped));
  }
  pool.known.noteMapped(mapped);
  return status;
}

/** Devices of this pool's volumes whose mapped bytes are not known anyway, told by their uuid. */
function activeThins({ name, uuid, state }: ThinPool): ReadonlyMap<DmName, ThinId> {
  const active = new Map<DmName, ThinId>();
  for (const { id, thinId } of state.volumes.values()) {
    if (state.mapped.has(thinId)) continue;
    const device = thinDeviceName(name, keyOf(id));
    if (findDmDevice(device)?.uuid === thinDeviceUuid(uuid, keyOf(id))) active.set(device, thinId);
  }
  return active;
}
