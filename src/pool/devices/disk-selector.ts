/** Which disks a selector means. Pure: facts in, words out (docs/adr/0014-a-selector-takes-disks-it-does-not-own-them.md). */
import type { PoolName } from "../../core/ids.ts";
import type { DiskSelector } from "../../core/pool-options.ts";
import { formatBytes } from "../../core/units.ts";
import type { ListedDisk } from "../../host/disk-list.ts";

/** What another pool of the configuration says of a disk. */
export type Rival =
  | { readonly kind: "names"; readonly pool: PoolName; readonly path: string }
  | { readonly kind: "selects"; readonly pool: PoolName };

/**
 * `own`: its label says so; `chosen`: would be taken; `unneeded`: is meant, and the pool has its disks; `refused`: is meant,
 * and must not be taken; `other`: is not meant.
 */
export type DiskStanding = "own" | "chosen" | "unneeded" | "refused" | "other";

/** A disk of the machine as the selector of a pool sees it. */
export interface DiskVerdict extends Pick<ListedDisk, "path" | "node" | "model" | "size"> {
  readonly standing: DiskStanding;
  /** Why it is not taken; empty for those that are, or would be. */
  readonly reasons: readonly string[];
}

export const verdictOf = (
  { path, node, model, size }: ListedDisk,
  standing: DiskStanding,
  reasons: readonly string[] = [],
): DiskVerdict => ({ path, node, ...(model === undefined ? {} : { model }), size, standing, reasons });

/** Why the selector does not mean this disk; empty: it does. */
export function mismatches(selector: DiskSelector, disk: ListedDisk): readonly string[] {
  const { model, byId, minSize, maxSize } = selector;
  const reasons: string[] = [];
  if (disk.otherwise !== undefined) reasons.push(disk.otherwise);
  if (model !== undefined && (disk.model === undefined || !matches(model, disk.model)))
    reasons.push(
      disk.model === undefined
        ? "tells no model"
        : `its model ${JSON.stringify(disk.model)} is not like ${JSON.stringify(model)}`,
    );
  if (byId !== undefined && !disk.ids.some((id) => matches(byId, id)))
    reasons.push(`has no name like ${byId} in /dev/disk/by-id`);
  if (minSize !== undefined && disk.size < minSize)
    reasons.push(`has ${formatBytes(disk.size)}, and minSize is ${formatBytes(minSize)}`);
  if (maxSize !== undefined && disk.size > maxSize)
    reasons.push(`has ${formatBytes(disk.size)}, and maxSize is ${formatBytes(maxSize)}`);
  return reasons;
}

export const rivalry = (rival: Rival): string =>
  rival.kind === "names"
    ? `pool ${rival.pool} names it (${rival.path}); take it out there, or make this selector narrower`
    : `the selector of pool ${rival.pool} means it too; make one of them narrower`;

/** `*` stands for any characters, `?` for one. Case counts. */
export function matches(pattern: string, text: string): boolean {
  let [at, star, resume] = [0, -1, 0];
  let position = 0;
  while (position < text.length) {
    if (pattern[at] === "*") {
      star = at++;
      resume = position;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[position])) {
      at += 1;
      position += 1;
    } else if (star === -1) {
      return false;
    } else {
      // The last star takes one more.
      at = star + 1;
      position = ++resume;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}

/** For people: `2 disks with model Samsung*, at least 1 TiB`. */
export function describeSelector({ count, model, byId, minSize, maxSize }: DiskSelector): string {
  const wishes = [
    ...(model === undefined ? [] : [`model ${model}`]),
    ...(byId === undefined ? [] : [`by-id ${byId}`]),
    ...(minSize === undefined ? [] : [`at least ${formatBytes(minSize)}`]),
    ...(maxSize === undefined ? [] : [`at most ${formatBytes(maxSize)}`]),
  ];
  return `${disks(count)} with ${wishes.join(", ")}`;
}

export const disks = (count: number): string => (count === 1 ? "1 disk" : `${count} disks`);
