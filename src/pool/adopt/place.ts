/** Whether a found pool can be had as it lies there, and where that is. Pure. */
import { dirname } from "node:path";
import { PoolSetupError } from "../../core/errors.ts";
import type { PoolPlace } from "../../core/pool-options.ts";
import { lengthOf } from "../layout.ts";
import type { Member } from "../layout.ts";
import type { Find, FoundPool } from "./found-pools.ts";

/** Why a pool cannot be adopted as it was found; empty: nothing is in the way. */
export function obstaclesOf({ uuid, name, state, members, missing }: FoundPool): readonly string[] {
  const pool = `pool ${name} (${uuid})`;
  switch (state) {
    case "complete":
      return [];
    case "half-made":
      return [
        `${pool}: was never complete and holds nothing; finish it where it is configured, or zero the beginning of its devices`,
      ];
    case "missing":
      return missing.map(
        (member) =>
          `${pool}: its device ${member} is on no block device of this machine; bring it over, or see why it cannot be read`,
      );
    case "copied":
      return members
        .filter(({ on }) => on.length > 1)
        .map(
          ({ member, on }) =>
            `${pool}: ${on.map(({ path }) => path).join(" and ")} carry one label, ${member}: one is a copy; take the copy out`,
        );
  }
}

/** Of a complete pool. Throws PoolSetupError for files of a loop pool that do not lie as they must. */
export function placeOfPool(pool: FoundPool): PoolPlace {
  const { backing, label, members } = pool;
  switch (backing) {
    case "devices":
      return { backing, devices: members.flatMap(({ on }) => on.slice(0, 1).map(({ path }) => path)) };
    case "parts": {
      const catalog = findOf(pool, "catalog");
      return {
        backing,
        metadata: requireFind(pool, "metadata").path,
        data: requireFind(pool, "data").path,
        ...(catalog === undefined ? {} : { catalog: catalog.path }),
      };
    }
    case "loop":
      return { backing, directory: directoryOf(pool), dataSize: lengthOf(label.extents, "data") };
  }
}

/** Those that the stanza names by what may be another device after a reboot. */
export const unstablePaths = ({ backing, members }: FoundPool): readonly string[] =>
  backing === "loop"
    ? []
    : members.flatMap(({ on }) => on.flatMap(({ path, isStable }) => (isStable ? [] : [path])));

function directoryOf(pool: FoundPool): string {
  const directory = dirname(requireFind(pool, "metadata").file ?? "/");
  for (const { member, on } of pool.members) {
    const file = on[0]?.file;
    if (file === `${directory}/${member}.img`) continue;
    throw new PoolSetupError(
      `pool ${pool.name}: its ${member} is ${file ?? on[0]?.device ?? "nowhere"}, not ${directory}/${member}.img; put its four files into one directory under their names`,
    );
  }
  return directory;
}

const findOf = ({ members }: FoundPool, member: Member): Find | undefined =>
  members.find((each) => each.member === member)?.on[0];

function requireFind(pool: FoundPool, member: Member): Find {
  const find = findOf(pool, member);
  if (find === undefined) throw new RangeError(`pool ${pool.uuid} has no ${member}`);
  return find;
}
