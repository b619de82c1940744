/**
 * Block devices: what they are, who has them, and small blocks of their content.
 *
 * Reads go through the page cache, which is coherent with all writers of the same node on this machine; direct reads
 * would need aligned memory, which Node cannot ask for. Writes are O_SYNC: done means on the medium.
 */
import { constants, readdirSync, statSync } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";

import { type BlockDevice, type DevNumber, isDevNumber } from "../core/dm.ts";
import { DeviceMissingError, EnvironmentError, PoolSetupError, systemErrnoOf } from "../core/errors.ts";
import { type Bytes, bytes, SECTOR_BYTES } from "../core/units.ts";
import { devNumberOf, readAttribute } from "./dm-sysfs.ts";

/** Follows links to the device itself. Throws PoolSetupError for a path that is missing or no block device. */
export async function describeBlockDevice(path: string): Promise<BlockDevice> {
  const real = await realpath(path).catch((error: unknown) => {
    throw new DeviceMissingError(`${path}: no such device; check the configuration and the disk`, {
      cause: error,
    });
  });
  const found = await stat(real, { bigint: true });
  if (!found.isBlockDevice()) {
    throw new PoolSetupError(`${path}: not a block device${real === path ? "" : ` (it is ${real})`}`);
  }
  const number = devNumberOf(found.rdev);
  return { path: real, number, size: sizeOf(number) };
}

/** The size now, from sysfs: starts no I/O. Throws EnvironmentError for a device the kernel does not have. */
export function sizeOf(number: DevNumber): Bytes {
  return bytes(BigInt(attribute(number, "size")) * SECTOR_BYTES);
}

export const isReadOnly = (number: DevNumber): boolean => attribute(number, "ro") !== "0";

function attribute(number: DevNumber, name: string): string {
  const value = readAttribute(`/sys/dev/block/${number}/${name}`);
  if (value === undefined)
    throw new EnvironmentError(`block device ${number}: sysfs has no ${name}; is the device gone?`);
  return value;
}

/** Kernel names (`dm-3`, `md0`) of the devices built on this one or on one of its partitions. */
export function holders(number: DevNumber): readonly string[] {
  const directory = `/sys/dev/block/${number}`;
  const parts = entries(directory).filter(
    (entry) => readAttribute(`${directory}/${entry}/partition`) !== undefined,
  );
  return [directory, ...parts.map((part) => `${directory}/${part}`)].flatMap((each) =>
    entries(`${each}/holders`),
  );
}

/** The devices that this one stands on, or that the disk of this partition stands on. */
export function devicesBelow(number: DevNumber): readonly DevNumber[] {
  const device = `/sys/dev/block/${number}`;
  const isPartition = readAttribute(`${device}/partition`) !== undefined;
  const directory = `${device}/${isPartition ? "../slaves" : "slaves"}`;
  return entries(directory).flatMap((entry) => {
    const below = readAttribute(`${directory}/${entry}/dev`);
    return below !== undefined && isDevNumber(below) ? [below] : [];
  });
}

function entries(directory: string): readonly string[] {
  return statSync(directory, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(directory);
}

/**
 * Whether the kernel refuses an exclusive open: mounted anywhere (in any mount namespace), swap, or part of another
 * device. Complements `holders`, which sees devices only.
 */
export async function isClaimed(path: string): Promise<boolean> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_EXCL);
    await handle.close();
    return false;
  } catch (error) {
    if (systemErrnoOf(error) === "EBUSY") return true;
    throw error;
  }
}

/** Exactly `length` bytes from `offset`; a short read is an error. */
export async function readBlock(path: string, offset: bigint, length: number): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    const block = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(block, done, length - done, offset + BigInt(done));
      if (bytesRead === 0)
        throw new RangeError(`${path}: ends at ${offset + BigInt(done)}, read to ${offset + BigInt(length)}`);
      done += bytesRead;
    }
    return block;
  } finally {
    await handle.close();
  }
}

/** Writes all of `block` at `offset`; on the medium when it resolves. */
export async function writeBlock(path: string, offset: bigint, block: Uint8Array): Promise<void> {
  const handle = await open(path, constants.O_WRONLY | constants.O_SYNC);
  try {
    let done = 0;
    while (done < block.length) {
      const { bytesWritten } = await handle.write(block, done, block.length - done, Number(offset) + done);
      done += bytesWritten;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
