/** dmthin's devices in the kernel, as somebody left them. Pure. */
import { DM_NAME_PREFIX, parsePoolOfUuid } from "../core/ids.ts";
import { fail, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

export interface SeenDevice {
  readonly name: string;
  readonly uuid: string;
  readonly suspended: boolean;
}

const POOL_DEVICE = /^dmthin-(.+)-pool$/;

const isOwn = ({ uuid }: SeenDevice): boolean => parsePoolOfUuid(uuid) !== undefined;

/** `configured`: names of pools. */
export function judgeDevices(
  devices: readonly SeenDevice[],
  configured: readonly string[],
): readonly Finding[] {
  const own = devices.filter(isOwn);
  const suspended = own.filter((device) => device.suspended).map(({ name }) => name);
  const strangers = devices.filter((device) => device.name.startsWith(DM_NAME_PREFIX) && !isOwn(device));
  const pools = own.flatMap(({ name }) => POOL_DEVICE.exec(name)?.[1] ?? []);
  const unknownPools = pools.filter((pool) => !configured.includes(pool));
  return [
    suspended.length > 0
      ? fail(
          "suspended devices",
          `${suspended.join(", ")}: whoever writes to them waits`,
          "start the driver, which resumes them first; or dmsetup resume each",
        )
      : ok("suspended devices", "none"),
    ...unknownPools.map((pool) =>
      warn(
        "pools",
        `${pool} is active and not configured`,
        "configure it, or take its devices down: docs/guides/pools.md",
      ),
    ),
    ...strangers.map(({ name }) =>
      warn(
        "foreign devices",
        `${name} has dmthin's name and not its uuid`,
        "find out who made it; dmthin never touches it",
      ),
    ),
  ];
}
