/**
 * The first block of thin metadata, as the kernel lays it out (struct thin_disk_superblock in drivers/md/dm-thin-metadata.c):
 * what a tool would have to be started for, and the needs_check flag, which no tool tells.
 */
import { META_BLOCK_BYTES, metaBlocks } from "../core/units.ts";
import type { MetaBlocks } from "../core/units.ts";
import { readBlock, writeBlock } from "./block-device.ts";

export interface ThinSuperblock {
  readonly transactionId: bigint;
  /** The kernel gave up writing; it takes no change until a full check has cleared this. */
  readonly needsCheck: boolean;
}

const MAGIC = 27_022_010n;
const NEEDS_CHECK = 1;
/** `metadataAllocated`: the second number of the root of the metadata's own space map. */
const OFFSET = { flags: 4, magic: 32, transactionId: 48, metadataAllocated: 200 } as const;
const LENGTH = Number(META_BLOCK_BYTES);

/** Undefined for what is no superblock; a wrong checksum is left to thin_check. */
export function parseThinSuperblock(block: Uint8Array): ThinSuperblock | undefined {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  if (view.byteLength < LENGTH || view.getBigUint64(OFFSET.magic, true) !== MAGIC) return undefined;
  return {
    transactionId: view.getBigUint64(OFFSET.transactionId, true),
    needsCheck: (view.getUint32(OFFSET.flags, true) & NEEDS_CHECK) !== 0,
  };
}

/** Blocks of metadata in use, of a tool that has to read them. Undefined for what is no superblock. */
export function parseMetadataInUse(block: Uint8Array): MetaBlocks | undefined {
  if (parseThinSuperblock(block) === undefined) return undefined;
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  return metaBlocks(view.getBigUint64(OFFSET.metadataAllocated, true));
}

export async function readMetadataInUse(metadataPath: string): Promise<MetaBlocks | undefined> {
  return parseMetadataInUse(await readBlock(metadataPath, 0n, LENGTH));
}

export async function readThinSuperblock(metadataPath: string): Promise<ThinSuperblock | undefined> {
  return parseThinSuperblock(await readBlock(metadataPath, 0n, LENGTH));
}

/**
 * From now on there is nothing on the device that could be taken for thin metadata. thin_repair and thin_restore write
 * the first block last, so what they leave half-done is no metadata either.
 */
export async function blankThinSuperblock(metadataPath: string): Promise<void> {
  await writeBlock(metadataPath, 0n, new Uint8Array(LENGTH));
}
