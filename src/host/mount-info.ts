/**
 * The mounts of this mount namespace, from `/proc/self/mountinfo`. Reading it touches no filesystem, so it answers
 * beside a dying disk; synchronous for the reason given in `dm-sysfs.ts`.
 */
import { readFileSync, statSync } from "node:fs";

import { type DevNumber, isDevNumber } from "../core/dm.ts";
import { ParseError } from "../core/errors.ts";
import type { MountEntry } from "../core/filesystem.ts";
import { devNumberOf, readAttribute } from "./dm-sysfs.ts";

const OCTAL = /\\([0-7]{3})/g;

/** The kernel writes space, tab, newline, backslash and `#` as three octal digits each. */
const unescape = (text: string): string =>
  text.replaceAll(OCTAL, (_all, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)));

/**
 * One line: id, parent, major:minor, root, mount point, options, any number of tags, `-`, type, source, super options.
 * Grammar: proc(5). Throws ParseError.
 */
export function parseMountInfo(text: string): readonly MountEntry[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

function parseLine(line: string): MountEntry {
  const [id, parentId, device, root, mountPoint, options, ...rest] = line.split(" ");
  const dash = rest.indexOf("-");
  const [fsType, source, superOptions] = dash === -1 ? [] : rest.slice(dash + 1);
  if (superOptions === undefined || fsType === undefined || source === undefined) {
    throw new ParseError("mountinfo", "line", line, "at least six fields, `-`, and three more");
  }
  if (device === undefined || !isDevNumber(device)) {
    throw new ParseError("mountinfo", "field 3", String(device), "major:minor");
  }
  return {
    id: natural("field 1", id),
    parentId: natural("field 2", parentId),
    device,
    root: unescape(root ?? ""),
    mountPoint: unescape(mountPoint ?? ""),
    options: (options ?? "").split(","),
    fsType: unescape(fsType),
    source: unescape(source),
    superOptions: superOptions.split(","),
  };
}

function natural(position: string, text = ""): number {
  if (!/^\d{1,15}$/.test(text)) throw new ParseError("mountinfo", position, text, "a number");
  return Number(text);
}

export const readMountInfo = (): readonly MountEntry[] =>
  parseMountInfo(readFileSync("/proc/self/mountinfo", "utf8"));

/** Of the mounts stacked at a path the one that is seen; undefined where nothing is mounted exactly there. */
export function topMountAt(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const stack = entries.filter((entry) => entry.mountPoint === path);
  const covered = new Set(stack.map((entry) => entry.parentId));
  return stack.findLast((entry) => !covered.has(entry.id)) ?? stack.at(-1);
}

/** A mount that shows a block device: the filesystem on it, or (`node`) its device node, bound onto a file. */
export interface DeviceMount {
  readonly kind: "filesystem" | "node";
  /** Undefined for the node of a device that is gone: then the number may belong to somebody else by now. */
  readonly number: DevNumber | undefined;
  readonly entry: MountEntry;
}

const NODE_TREES = new Set(["devtmpfs", "tmpfs"]);
const REMOVED = "//deleted";

/** Which block device a mount shows; undefined for anything else (network, memory, directories bound). */
export function identifyMount(entry: MountEntry, entries: readonly MountEntry[]): DeviceMount | undefined {
  if (NODE_TREES.has(entry.fsType)) return identifyNode(entry, entries);
  if (!entry.device.startsWith("0:")) return { kind: "filesystem", number: entry.device, entry };
  if (entry.fsType !== "btrfs") return undefined;
  const number = numberOfSource(entry.source);
  return number === undefined ? undefined : { kind: "filesystem", number, entry };
}

function identifyNode(entry: MountEntry, entries: readonly MountEntry[]): DeviceMount | undefined {
  if (entry.root === "/") return undefined;
  if (entry.root.endsWith(REMOVED)) {
    return /^\/dm-\d+$/.test(entry.root.slice(0, -REMOVED.length))
      ? { kind: "node", number: undefined, entry }
      : undefined;
  }
  // What covers it could be a filesystem that does not answer; and it would be the wrong one to ask.
  if (topMountAt(entries, entry.mountPoint) !== entry) return undefined;
  const number = numberOfNode(entry.mountPoint);
  return number === undefined ? undefined : { kind: "node", number, entry };
}

function numberOfNode(path: string): DevNumber | undefined {
  const node = statSync(path, { bigint: true, throwIfNoEntry: false });
  return node?.isBlockDevice() === true ? devNumberOf(node.rdev) : undefined;
}

/** btrfs hides its device behind an anonymous number; the source names it, as the last scan of devices called it. */
function numberOfSource(source: string): DevNumber | undefined {
  if (!source.startsWith("/dev/")) return undefined;
  const byNode = numberOfNode(source);
  if (byNode !== undefined) return byNode;
  const shown = readAttribute(`/sys/block/${source.slice("/dev/".length).replaceAll("/", "!")}/dev`);
  return shown !== undefined && isDevNumber(shown) ? shown : undefined;
}

/** All mounts that show a device, those made by others (kubelet's subpaths and device maps) included. */
export function mountsOfDevice(entries: readonly MountEntry[], number: DevNumber): readonly DeviceMount[] {
  return entries
    .map((entry) => identifyMount(entry, entries))
    .filter((mount) => mount !== undefined)
    .filter((mount) => mount.number === number);
}

/** The dm uuid behind a device number; undefined where that is no dm device, or gone. Reads sysfs. */
export const dmUuidOf = (number: DevNumber): string | undefined =>
  readAttribute(`/sys/dev/block/${number}/dm/uuid`);

/**
 * A mount point of the filesystem on a device, for syncing and freezing it; undefined where it is not mounted. `safest`
 * where it is one: another may be unmounted before it is used, and a freeze would then hit the filesystem below it.
 */
export function findMountPoint(
  device: { readonly number: DevNumber },
  safest?: string,
  entries: readonly MountEntry[] = readMountInfo(),
): string | undefined {
  const points = mountsOfDevice(entries, device.number)
    .filter(({ kind, entry }) => kind === "filesystem" && topMountAt(entries, entry.mountPoint) === entry)
    .map(({ entry }) => entry.mountPoint);
  return points.find((point) => point === safest) ?? points[0];
}
