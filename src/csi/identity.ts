/** CSI's Identity service. */
import { DRIVER_NAME } from "../core/ids.ts";
import type { IdentityDefinition, PluginCapability } from "../generated/csi.ts";
import type { Handlers } from "./driver.ts";

/** The same for every instance of one version, as CSI demands. */
const CAPABILITIES: readonly PluginCapability[] = [
  { service: { type: "CONTROLLER_SERVICE" } },
  { service: { type: "VOLUME_ACCESSIBILITY_CONSTRAINTS" } },
  { service: { type: "GROUP_CONTROLLER_SERVICE" } },
  { volume_expansion: { type: "ONLINE" } },
];

export interface IdentityFacts {
  readonly version: string;
  /**
   * Not ready is "still starting" to sidecars, which wait, and a failure to a liveness probe, which restarts the driver.
   */
  readonly ready: () => boolean;
}

export function identityHandlers({ version, ready }: IdentityFacts): Handlers<IdentityDefinition> {
  return {
    GetPluginInfo: async () => ({ name: DRIVER_NAME, vendor_version: version }),
    GetPluginCapabilities: async () => ({ capabilities: [...CAPABILITIES] }),
    Probe: async () => ({ ready: { value: ready() } }),
  };
}
