/**
 * Members of md arrays whose superblock lies at the end of the device (metadata 1.0 and 0.90): from its first byte on, such a
 * member shows what the array shows. Offsets as in the kernel's `md_p.h`, numbers little-endian.
 */
import type { BlockDevice } from "../core/dm.ts";
import { systemErrnoOf } from "../core/errors.ts";
import { type Bytes, bytes, KIB, roundDown, SECTOR_BYTES } from "../core/units.ts";
import { readBlock } from "./block-device.ts";

const MAGIC = 0xa92b4efc;
const LENGTH = Number(SECTOR_BYTES);

/** Version of the superblock behind `from`, in bytes; undefined where there is none. What lies before it is not looked at. */
export async function arrayEndingOn(device: BlockDevice, from: Bytes): Promise<"1.0" | "0.90" | undefined> {
  const { size } = device;
  const newer = roundDown(size - 8n * KIB, bytes(4n * KIB));
  const isNewer = (block: Buffer): boolean =>
    block.readUInt32LE(4) === 1 && block.readBigUInt64LE(144) * SECTOR_BYTES === newer;
  if (await holds(device, newer, from, isNewer)) return "1.0";
  const older = bytes(roundDown(size, bytes(64n * KIB)) - 64n * KIB);
  const isOlder = (block: Buffer): boolean => block.readUInt32LE(4) === 0 && block.readUInt32LE(8) === 90;
  return (await holds(device, older, from, isOlder)) ? "0.90" : undefined;
}

async function holds(
  { path }: BlockDevice,
  at: Bytes,
  from: Bytes,
  isSo: (block: Buffer) => boolean,
): Promise<boolean> {
  if (at < from) return false;
  try {
    const block = await readBlock(path, at, LENGTH);
    return block.readUInt32LE(0) === MAGIC && isSo(block);
  } catch (error) {
    // No array is assembled from a superblock that cannot be read, and nobody else needs this place.
    if (systemErrnoOf(error) === "EIO") return false;
    throw error;
  }
}
