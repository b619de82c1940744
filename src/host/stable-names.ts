/** Names of block devices that are the same after a reboot and on another machine: the links that udev makes. */
import { readdirSync, statSync } from "node:fs";
import type { DevNumber } from "../core/dm.ts";
import { systemErrnoOf } from "../core/errors.ts";
import { devNumberOf } from "./dm-sysfs.ts";

const PARTITIONS = "by-partuuid";
const DEVICES = "by-id";

/** The best name of each device that has one; `/dev` unless given. */
export function stableNames(dev = "/dev"): ReadonlyMap<DevNumber, string> {
  const names = new Map<DevNumber, string[]>();
  for (const kind of [PARTITIONS, DEVICES]) {
    const directory = `${dev}/disk/${kind}`;
    for (const entry of entries(directory)) {
      const number = numberOf(`${directory}/${entry}`);
      if (number !== undefined) names.set(number, [...(names.get(number) ?? []), `${directory}/${entry}`]);
    }
  }
  return new Map(
    [...names].flatMap(([number, all]) => {
      const best = bestName(all);
      return best === undefined ? [] : [[number, best] as const];
    }),
  );
}

/** The names in `by-id` of each device that say what the device is, and not what lies on it; without their directory. */
export function identities(dev = "/dev"): ReadonlyMap<DevNumber, readonly string[]> {
  const directory = `${dev}/disk/${DEVICES}`;
  const names = new Map<DevNumber, readonly string[]>();
  for (const entry of entries(directory)) {
    const path = `${directory}/${entry}`;
    const number = OF_CONTENT.test(path) ? undefined : numberOf(path);
    if (number !== undefined) names.set(number, [...(names.get(number) ?? []), entry]);
  }
  return names;
}

/** It says what lies on the device, which is for others to change. Not so `md-…`, which is of the array and not of its members. */
const OF_CONTENT = /\/lvm-pv-uuid-/;
/** Stable, and nothing that a person finds on the disk's sticker; or, of an array, what may be given to another one. */
const SECOND_BEST = /\/(?:wwn-|nvme-eui\.|nvme-nvme\.|dm-uuid-|md-name-)/;

/** A partition by its own identifier, a disk by model and serial number. Pure. */
export function bestName(names: readonly string[]): string | undefined {
  const rank = (name: string): number =>
    name.includes(`/${PARTITIONS}/`) ? 0 : SECOND_BEST.test(name) ? 2 : 1;
  return names
    .filter((name) => !OF_CONTENT.test(name))
    .toSorted((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1))[0];
}

/** Undefined for a link to nothing. */
function numberOf(path: string): DevNumber | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.isBlockDevice() === true ? devNumberOf(found.rdev) : undefined;
}

function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemErrnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
