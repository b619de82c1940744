/** Labels on files and devices. A write has reached the medium when it resolves. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { messageOf, PoolSetupError, systemErrnoOf } from "../core/errors.ts";
import type { Bytes } from "../core/units.ts";
import { formatLabel, LABEL_BLOCK, LABEL_OFFSETS, readLabel } from "./label.ts";
import type { Label, LabelReading } from "./label.ts";
import { LABEL_AREA } from "./layout.ts";

/** Both copies as they are; zeros where the file ends before. */
export interface LabelCopies {
  readonly blocks: readonly [Uint8Array, Uint8Array];
  readonly reading: LabelReading;
}

/** Rejects where the device cannot be read: that is never "no label". `from`: where the label area begins. */
export async function readLabelCopies(path: string, from = 0n): Promise<LabelCopies> {
  await using handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  return await copiesOf(handle, from);
}

/** What a device that need not be anybody's has where a label would lie. */
export type LabelLook =
  | { readonly kind: "label"; readonly label: Label }
  | { readonly kind: "none" }
  /** It may be of a pool, and its label cannot be read. */
  | { readonly kind: "flaw"; readonly reason: string };

/** No medium; no such device by now. */
const NOTHING_THERE: ReadonlySet<unknown> = new Set(["ENOMEDIUM", "ENXIO", "ENODEV", "ENOENT"]);

/** Rejects never. */
export async function lookForLabel(path: string, from = 0n): Promise<LabelLook> {
  try {
    const { reading } = await readLabelCopies(path, from);
    return reading.kind === "unreadable" ? { kind: "flaw", reason: reading.reason } : reading;
  } catch (error) {
    if (NOTHING_THERE.has(systemErrnoOf(error))) return { kind: "none" };
    return { kind: "flaw", reason: `cannot be read (${messageOf(error)}); check the disk` };
  }
}

/** Replaces the label of a device that carries this pool's label already. One copy is good at every moment. */
export async function writeLabel(path: string, label: Label, from = 0n): Promise<void> {
  await using handle = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  await writeCopies(handle, label, from);
}

/** How a device looked when the decision was made. */
export interface Claim {
  readonly path: string;
  readonly size: Bytes;
  readonly seen: LabelCopies;
  /** It holds foreign content that a person gave up: both ends are zeroed first. */
  readonly overwrite: boolean;
}

/**
 * Labels a block device for the first time. The kernel's exclusive open keeps mounts, dm and other programs out
 * meanwhile; a device that has changed since it was looked at is left alone (PoolSetupError).
 */
export async function claimDevice({ path, size, seen, overwrite }: Claim, label: Label): Promise<void> {
  await using handle = await openExclusive(path);
  const now = await copiesOf(handle, 0n);
  if (!sameCopies(now, seen)) throw changedMeanwhile(path);
  if (overwrite) await wipeEnds(handle, size);
  await writeCopies(handle, label);
}

export const sameCopies = (one: LabelCopies, other: LabelCopies): boolean =>
  one.blocks.every((block, index) => Buffer.compare(block, other.blocks[index] ?? block) === 0);

export const changedMeanwhile = (path: string): PoolSetupError =>
  new PoolSetupError(`${path}: was changed by somebody else just now; look who uses it, then restart dmthin`);

export async function openExclusive(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDWR | constants.O_EXCL);
  } catch (error) {
    if (systemErrnoOf(error) !== "EBUSY") throw error;
    throw new PoolSetupError(`${path}: was taken into use just now; end that first`, { cause: error });
  }
}

/** Signatures lie in the first MiB or at the very end. */
async function wipeEnds(handle: FileHandle, size: Bytes): Promise<void> {
  await zero(handle, [0n, size - LABEL_AREA]);
}

/** One MiB at each offset. */
export async function zero(handle: FileHandle, offsets: readonly bigint[]): Promise<void> {
  const zeros = Buffer.alloc(Number(LABEL_AREA));
  for (const offset of offsets) await writeAll(handle, zeros, Number(offset));
  await handle.sync();
}

export async function copiesOf(handle: FileHandle, from: bigint): Promise<LabelCopies> {
  const [first, second] = [
    await readPadded(handle, from + LABEL_OFFSETS[0]),
    await readPadded(handle, from + LABEL_OFFSETS[1]),
  ];
  return { blocks: [first, second], reading: readLabel([first, second]) };
}

async function readPadded(handle: FileHandle, offset: bigint): Promise<Uint8Array> {
  const block = Buffer.alloc(LABEL_BLOCK);
  let done = 0;
  while (done < LABEL_BLOCK) {
    const { bytesRead } = await handle.read(block, done, LABEL_BLOCK - done, Number(offset) + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return block;
}

/** One copy after the other, each on the medium before the next is touched. */
export async function writeCopies(handle: FileHandle, label: Label, from = 0n): Promise<void> {
  const block = formatLabel(label);
  for (const offset of LABEL_OFFSETS) {
    await writeAll(handle, block, Number(from + offset));
    await handle.sync();
  }
}

async function writeAll(handle: FileHandle, block: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < block.length) {
    const { bytesWritten } = await handle.write(block, done, block.length - done, offset + done);
    done += bytesWritten;
  }
}
