/** CSI's Identity service. */
import { DRIVER_NAME } from "../core/ids.ts";
import type { IdentityDefinition, PluginCapability } from "../generated/csi.ts";
import type { Driver, Handlers } from "./driver.ts";

/** The same for every instance of one version, as CSI demands. */
const CAPABILITIES: readonly PluginCapability[] = [
  { service: { type: "CONTROLLER_SERVICE" } },
  { service: { type: "VOLUME_ACCESSIBILITY_CONSTRAINTS" } },
  { service: { type: "GROUP_CONTROLLER_SERVICE" } },
  { volume_expansion: { type: "ONLINE" } },
];

export function identityHandlers(driver: Driver): Handlers<IdentityDefinition> {
  return {
    GetPluginInfo: async () => ({ name: DRIVER_NAME, vendor_version: driver.version }),
    GetPluginCapabilities: async () => ({ capabilities: [...CAPABILITIES] }),
    /**
     * Ready as soon as one pool is open: a broken pool must not take the others down. Not ready is "still starting" to
     * sidecars, which wait, and a failure to a liveness probe, which restarts the driver.
     */
    Probe: async () => ({ ready: { value: (driver.pools()?.pools.length ?? 0) > 0 } }),
  };
}
