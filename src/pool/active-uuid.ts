/** Which pool is active under a name: its devices outlive the driver. */
import { parsePoolOfUuid, poolDeviceName } from "../core/ids.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import { findDmDevice } from "../host/dm-sysfs.ts";

export const activeUuid = (name: PoolName): PoolUuid | undefined =>
  parsePoolOfUuid(findDmDevice(poolDeviceName(name, "pool"))?.uuid ?? "");
