/**
 * Units of storage. Each is a branded bigint, so that sectors cannot be passed for bytes. Only this file casts.
 * `a + b` on two brands yields a plain bigint: arithmetic goes through the functions below.
 */

/** A size in bytes. */
export type Bytes = bigint & { readonly unit: "bytes" };
/** A length in 512-byte sectors, the unit of device-mapper tables. */
export type Sectors = bigint & { readonly unit: "sectors" };
/** A count of the pool's data blocks (the pool's own block size, 64 KiB to 1 GiB). */
export type DataBlocks = bigint & { readonly unit: "data blocks" };
/** A count of thin-pool metadata blocks, 4 KiB each, always. */
export type MetaBlocks = bigint & { readonly unit: "metadata blocks" };

export const SECTOR_BYTES = 512n;
export const META_BLOCK_BYTES = 4096n;

function requireNatural(value: bigint, unit: string): bigint {
  if (value < 0n) throw new RangeError(`${unit} cannot be negative: ${value}`);
  return value;
}

export const bytes = (value: bigint | number): Bytes => requireNatural(BigInt(value), "bytes") as Bytes;
export const sectors = (value: bigint | number): Sectors =>
  requireNatural(BigInt(value), "sectors") as Sectors;
export const dataBlocks = (value: bigint | number): DataBlocks =>
  requireNatural(BigInt(value), "data blocks") as DataBlocks;
export const metaBlocks = (value: bigint | number): MetaBlocks =>
  requireNatural(BigInt(value), "metadata blocks") as MetaBlocks;

export const KIB = 1024n;
export const MIB = 1024n * KIB;
export const GIB = 1024n * MIB;

/** Exact conversion. Throws RangeError where the size is not a whole number of sectors. */
export function sectorsFromBytes(size: Bytes): Sectors {
  if (size % SECTOR_BYTES !== 0n)
    throw new RangeError(`${size} bytes are not a whole number of 512-byte sectors`);
  return sectors(size / SECTOR_BYTES);
}

export const bytesFromSectors = (length: Sectors): Bytes => bytes(length * SECTOR_BYTES);

/** How many data blocks hold `size` bytes: rounded up, as the kernel maps whole blocks. */
export function blocksForBytes(size: Bytes, blockSize: Bytes): DataBlocks {
  return dataBlocks((size + blockSize - 1n) / blockSize);
}

export const bytesFromBlocks = (count: DataBlocks, blockSize: Bytes): Bytes => bytes(count * blockSize);
export const bytesFromMetaBlocks = (count: MetaBlocks): Bytes => bytes(count * META_BLOCK_BYTES);

export const roundUp = (size: bigint, step: bigint): Bytes => bytes(((size + step - 1n) / step) * step);
export const roundDown = (size: bigint, step: bigint): Bytes => bytes((size / step) * step);

const SUFFIXES: readonly (readonly [string, bigint])[] = [
  ["TiB", 1024n * GIB],
  ["GiB", GIB],
  ["MiB", MIB],
  ["KiB", KIB],
];

/** For people: `10 GiB`, `1.5 GiB`, `4096 B`. Rounded to one decimal; never parse it. */
export function formatBytes(size: bigint): string {
  for (const [suffix, unit] of SUFFIXES) {
    if (size >= unit) {
      const tenths = (size * 10n) / unit;
      return tenths % 10n === 0n ? `${tenths / 10n} ${suffix}` : `${tenths / 10n}.${tenths % 10n} ${suffix}`;
    }
  }
  return `${size} B`;
}

const SIZE_TEXT = /^(\d{1,18})\s*(B|KiB|MiB|GiB|TiB|Ki|Mi|Gi|Ti)?$/;

/** Parses `64KiB`, `100 GiB`, `10Gi` or a plain number of bytes. Undefined where the text is none of these. */
export function parseBytes(text: string): Bytes | undefined {
  const match = SIZE_TEXT.exec(text.trim());
  if (match?.[1] === undefined) return undefined;
  const suffix = match[2];
  const unit =
    SUFFIXES.find(([name]) => suffix !== undefined && suffix !== "B" && name.startsWith(suffix))?.[1] ?? 1n;
  return bytes(BigInt(match[1]) * unit);
}
