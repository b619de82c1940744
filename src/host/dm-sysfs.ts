/**
 * dm devices as sysfs shows them: no process, and no wait, not even behind a dying disk. Synchronous on purpose: these
 * are reads of the kernel's memory, and the thread pool behind asynchronous ones can be full of stuck disk I/O.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";

import { type DevNumber, devNumber, isDevNumber } from "../core/dm.ts";
import { systemErrnoOf } from "../core/errors.ts";
import type { DmName, DmUuid } from "../core/ids.ts";
import { type Bytes, bytes, SECTOR_BYTES } from "../core/units.ts";

/** Where the kernel's trees are mounted; other than the defaults only in tests. */
export interface KernelTrees {
  readonly sys: string;
  readonly dev: string;
}

const KERNEL_TREES: KernelTrees = { sys: "/sys", dev: "/dev" };

export interface DmSysfsDevice {
  readonly name: DmName;
  /** The dm uuid, possibly empty; compare it before touching the device. */
  readonly uuid: string;
  readonly number: DevNumber;
  /** `/dev/dm-N`: there from the first moment, never a stale link. */
  readonly path: string;
  readonly size: Bytes;
  readonly suspended: boolean;
}

/** Text of a sysfs attribute without its newline; undefined where it does not exist. */
export function readAttribute(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").replace(/\n$/, "");
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/**
 * ENOENT; ENODEV, EINVAL: the device went between open and read; ENOTDIR: what stands beside directories is an attribute.
 */
const GONE: ReadonlySet<unknown> = new Set(["ENOENT", "ENODEV", "EINVAL", "ENOTDIR"]);
const isGone = (error: unknown): boolean => GONE.has(systemErrnoOf(error));

/** Splits a device number as `stat` returns it. */
export function devNumberOf(rdev: bigint): DevNumber {
  const major = ((rdev >> 32n) & 0xfffff000n) | ((rdev >> 8n) & 0xfffn);
  const minor = ((rdev >> 12n) & 0xffffff00n) | (rdev & 0xffn);
  return devNumber(Number(major), Number(minor));
}

/** The dm device of that name, whoever made it; undefined where the kernel has none. */
export function findDmDevice(name: DmName, trees: KernelTrees = KERNEL_TREES): DmSysfsDevice | undefined {
  const hint = numberOfNode(`${trees.dev}/mapper/${name}`);
  const byNode = hint === undefined ? undefined : readDmDevice(`${trees.sys}/dev/block/${hint}`, trees);
  if (byNode?.name === name) return byNode;
  const found = search("name", name, trees);
  return found?.name === name ? found : undefined;
}

/** The dm device of that uuid, whatever its name is; undefined where the kernel has none. */
export function findDmDeviceByUuid(
  uuid: DmUuid,
  trees: KernelTrees = KERNEL_TREES,
): DmSysfsDevice | undefined {
  const found = search("uuid", uuid, trees);
  return found?.uuid === uuid ? found : undefined;
}

/** Every dm device, whoever made it. One that never had a table is not in sysfs yet. */
export function listDmDevices(trees: KernelTrees = KERNEL_TREES): readonly DmSysfsDevice[] {
  const block = `${trees.sys}/block`;
  return readdirSync(block)
    .filter((entry) => entry.startsWith("dm-"))
    .flatMap((entry) => readDmDevice(`${block}/${entry}`, trees) ?? []);
}

function search(attribute: "name" | "uuid", value: string, trees: KernelTrees): DmSysfsDevice | undefined {
  const block = `${trees.sys}/block`;
  const entry = readdirSync(block).find(
    (each) => each.startsWith("dm-") && readAttribute(`${block}/${each}/dm/${attribute}`) === value,
  );
  return entry === undefined ? undefined : readDmDevice(`${block}/${entry}`, trees);
}

function numberOfNode(path: string): DevNumber | undefined {
  const node = statSync(path, { bigint: true, throwIfNoEntry: false });
  return node?.isBlockDevice() === true ? devNumberOf(node.rdev) : undefined;
}

const isName = (text: string): text is DmName => text !== "";

function readDmDevice(directory: string, trees: KernelTrees): DmSysfsDevice | undefined {
  const [name, uuid, suspended, size, number] = ["dm/name", "dm/uuid", "dm/suspended", "size", "dev"].map(
    (attribute) => readAttribute(`${directory}/${attribute}`),
  );
  if (name === undefined || uuid === undefined || suspended === undefined) return undefined;
  if (size === undefined || number === undefined || !isName(name) || !isDevNumber(number)) return undefined;
  const minor = number.slice(number.indexOf(":") + 1);
  return {
    name,
    uuid,
    number,
    path: `${trees.dev}/dm-${minor}`,
    size: bytes(BigInt(size) * SECTOR_BYTES),
    suspended: suspended === "1",
  };
}
