/** What `dmthin pool adopt` prints. Pure. */
import { formatJson } from "./core/json.ts";
import type { PoolName } from "./core/ids.ts";
import { formatBytes } from "./core/units.ts";
import type { Adoption } from "./pool/adopt/adopt-pool.ts";
import type { Find, FoundPool } from "./pool/adopt/found-pools.ts";
import type { Flaw } from "./pool/adopt/scan.ts";
import type { Standing } from "./pool/adopt/standing.ts";

export interface ListedPool {
  readonly pool: FoundPool;
  readonly standing: Standing;
  /** Name of its pool device. */
  readonly active?: string;
}

export interface AdoptionReport {
  readonly pool: FoundPool;
  /** The one that it has by now, where it fits. */
  readonly name: PoolName;
  readonly adoption: Adoption;
  readonly stanza: string;
  /** Paths that may be another device after a reboot. */
  readonly unstable: readonly string[];
  /** The configuration has a pool of that name, whose devices are not there. */
  readonly isUnsure: boolean;
}

export function listText(listed: readonly ListedPool[], flaws: readonly Flaw[]): string {
  const pools = listed.flatMap(({ pool, standing, active }) => [
    `pool ${pool.name} (${pool.backing}), uuid ${pool.uuid}: ${STATES[pool.state]}`,
    ...pool.members.flatMap(({ member, on }) => on.map((find) => `  ${member}: ${findText(find)}`)),
    ...pool.missing.map((member) => `  ${member}: not here`),
    ...pool.others.map((find) => `  not part of it (yet): ${findText(find)}`),
    `  ${standingText(standing)}; ${active === undefined ? "not active" : `active as ${active}`}`,
  ]);
  const unread = flaws.map(({ path, reason }) => `${path}: ${reason}`);
  return lines([...(pools.length === 0 ? ["no labels of dmthin were found"] : pools), ...unread]);
}

const STATES = {
  complete: "complete",
  "half-made": "was never complete, and holds nothing",
  copied: "a device is there twice",
  missing: "devices are missing",
} as const satisfies Record<FoundPool["state"], string>;

const findText = ({ path, device, size, file }: Find): string =>
  [
    path === device ? path : `${path} (${device})`,
    formatBytes(size),
    ...(file === undefined ? [] : [file]),
  ].join(", ");

function standingText(standing: Standing): string {
  switch (standing.kind) {
    case "new":
      return "not configured here";
    case "configured":
      return "configured here";
    case "misnamed":
      return `its devices are configured here as pool ${standing.as}`;
    case "clash":
      return `its name is configured here for pool ${standing.uuid}`;
    case "unsure":
      return "its name is configured here, with devices that are not there";
  }
}

export function adoptionText({ pool, name, adoption, stanza, unstable, isUnsure }: AdoptionReport): string {
  if (adoption.kind === "unfit")
    return lines([
      `pool ${pool.name} (${pool.uuid}) cannot be adopted:`,
      ...adoption.problems.map((each) => `- ${each}`),
      "for dmthin pool check and pool repair, in a configuration file of its own:",
      stanza.trimEnd(),
    ]);
  const { volumes, snapshots, lost } = adoption;
  return lines([
    ...(name === pool.name ? [] : [`pool ${pool.name} is called ${name} from now on`]),
    `pool ${name} (${pool.uuid}) brings ${count(volumes, "volume")} and ${count(snapshots, "snapshot")}, under the ids that they have`,
    ...lost.map((id) => `- the thin of ${id} is missing: its content is lost`),
    ...unstable.map(
      (path) =>
        `- ${path} has no link in /dev/disk/by-id or by-partuuid: that name may be another device's after a reboot`,
    ),
    isUnsure
      ? `put this into the configuration in place of the pool ${name} that is there, and start the driver:`
      : "put this into the configuration, under pools, unless it is there, and start the driver:",
    stanza.trimEnd(),
  ]);
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;

const lines = (all: readonly string[]): string => all.map((each) => `${each}\n`).join("");

export const listJson = (listed: readonly ListedPool[], flaws: readonly Flaw[]): string =>
  formatJson({
    pools: listed.map(({ pool, standing, active }) => ({
      ...summaryOf(pool),
      members: pool.members.flatMap(({ member, on }) => on.map((find) => ({ member, ...findSummary(find) }))),
      missing: pool.missing,
      others: pool.others.map(findSummary),
      standing,
      ...(active === undefined ? {} : { active }),
    })),
    unreadable: flaws,
  });

export const adoptionJson = ({ pool, name, adoption, stanza, unstable }: AdoptionReport): string => {
  const { kind, ...rest } = adoption;
  return formatJson({ ...summaryOf(pool), name, fits: kind === "fit", ...rest, stanza, unstable });
};

const summaryOf = ({ uuid, name, backing, state }: FoundPool) => ({ uuid, name, backing, state });

const findSummary = ({ path, device, isStable, size, file }: Find) => ({
  path,
  device,
  stable: isStable,
  size,
  ...(file === undefined ? {} : { file }),
});
