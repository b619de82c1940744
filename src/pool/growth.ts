/**
 * How a pool grows: where its parts will lie. Pure arithmetic in bytes. It never shrinks, and the thin metadata never
 * moves; the spare, which holds nothing, may.
 */
import type { PoolOptions, Reserve } from "../core/pool-options.ts";
import { bytes, dataBlocks, formatBytes, META_BLOCK_BYTES, metaBlocks, roundDown } from "../core/units.ts";
import type { Bytes, DataBlocks, MetaBlocks } from "../core/units.ts";
import { lengthOf, memberEnd, METADATA_MOST, METADATA_STEP, recommendedMetadata, runsOf } from "./layout.ts";
import type { Extent, Extents, Member } from "./layout.ts";

/** What the configuration asks for; absent: nothing of its own. */
export interface Wish {
  readonly dataSize?: Bytes;
  /** Absent: the metadata follows the data. */
  readonly metadataSize?: Bytes;
  /** As far as there is room; no more than the kernel uses. */
  readonly metadataTowards?: Bytes;
  /** The data may have become larger than asked for without anybody asking. */
  readonly dataGrowsByItself?: boolean;
  /** What data leaves alone on each disk. */
  readonly reserve?: Reserve;
}

export const wishOf = (options: PoolOptions): Wish => ({
  ...(options.backing === "loop"
    ? { dataSize: options.dataSize, dataGrowsByItself: options.autoGrow.limit !== undefined }
    : {}),
  ...(options.metadataSize === undefined ? {} : { metadataSize: options.metadataSize }),
  ...(options.backing === "devices" && options.reserve !== undefined ? { reserve: options.reserve } : {}),
});

export interface Growth {
  /** Those of now where nothing grows. */
  readonly extents: Extents;
  /** What is asked for and not done: why, and the cure. */
  readonly refusals: readonly string[];
  /** What a person should know before it is done. */
  readonly notes?: readonly string[];
}

/** Files have the size that they are given. */
export function growLoop(now: Extents, blockSize: Bytes, wish: Wish): Growth {
  const data = grownTo(now.data.length, roundDown(wish.dataSize ?? 0n, blockSize));
  const meta = metaFor(now, data, blockSize, wish);
  return {
    extents: {
      ...now,
      data: { ...now.data, length: data },
      meta: { ...now.meta, length: meta },
      spare: { ...now.spare, length: meta },
    },
    refusals: shrinking(now, blockSize, wish),
  };
}

/** `sizes`: of the devices, as the kernel tells them now. The data takes what there is. */
export function growParts(
  now: Extents,
  blockSize: Bytes,
  wish: Wish,
  sizes: Readonly<Record<"metadata" | "data", Bytes>>,
): Growth {
  const data = grownTo(now.data.length, room(sizes.data, now.data, blockSize));
  const wanted = metaFor(now, data, blockSize, wish);
  const most = roundDown(room(sizes.metadata, now.meta, METADATA_STEP) / 2n, METADATA_STEP);
  const refusals = shrinking(now, blockSize, wish);
  if (wanted > most && wanted > now.meta.length) {
    const needed = now.meta.offset + 2n * wanted;
    refusals.push(
      `the thin metadata should have ${formatBytes(wanted)}: with its spare behind it that needs a metadata device of ${needed} bytes (${formatBytes(needed)}), and it has ${formatBytes(sizes.metadata)}; make it larger`,
    );
  }
  const asFits = wish.metadataSize === undefined || wish.metadataTowards !== undefined;
  const fitting = wanted <= most ? wanted : asFits ? most : bytes(0);
  const meta = grownTo(now.meta.length, fitting);
  const spare: Extent =
    meta === now.meta.length
      ? now.spare
      : { ...now.spare, offset: bytes(now.meta.offset + meta), length: meta };
  return {
    extents: {
      ...now,
      data: { ...now.data, length: data },
      meta: { ...now.meta, length: meta },
      spare,
    },
    refusals,
  };
}

/** Metadata blocks that longer data may cost at once, for its space map: one bitmap for 16,320 blocks, and their index. */
export function metadataForData(more: DataBlocks): MetaBlocks {
  const bitmaps = (more + 16_319n) / 16_320n;
  return metaBlocks(bitmaps + bitmaps / 64n + 16n);
}

/** What more metadata gives, less the share of it that the kernel keeps for itself. */
export const usableOf = (more: Bytes): MetaBlocks => metaBlocks(((more / META_BLOCK_BYTES) * 9n) / 10n);

export function sameExtents(one: Extents, other: Extents): boolean {
  const [runs, others] = [runsOf(one), runsOf(other)];
  return (
    runs.length === others.length &&
    runs.every(({ offset, length }, index) => {
      const twin = others[index];
      return twin?.offset === offset && twin.length === length;
    })
  );
}

/** Blocks between two lengths of data. */
export const blocksBetween = (now: Bytes, then: Bytes, blockSize: Bytes): DataBlocks =>
  dataBlocks((then - now) / blockSize);

/** The members on which something ends further than before. */
export function membersOfGrowth(now: Extents, then: Extents): readonly Member[] {
  const members = new Set(runsOf(then).map((each) => each.member));
  return [...members].filter((member) => memberEnd(then, member) > memberEnd(now, member));
}

export const grownTo = (now: Bytes, wanted: Bytes): Bytes => (wanted > now ? wanted : now);

const room = (size: Bytes, { offset }: Extent, step: bigint): Bytes =>
  roundDown(size > offset ? size - offset : 0n, step);

export function metaFor(now: Extents, data: Bytes, blockSize: Bytes, wish: Wish): Bytes {
  const { metadataSize, metadataTowards = bytes(0) } = wish;
  const meta = lengthOf(now, "meta");
  const follows = data > lengthOf(now, "data") ? recommendedMetadata(data, blockSize) : meta;
  const towards = metadataTowards < METADATA_MOST ? metadataTowards : METADATA_MOST;
  return grownTo(grownTo(meta, metadataSize ?? follows), towards);
}

export function shrinking(now: Extents, blockSize: Bytes, wish: Wish): string[] {
  const { dataSize, metadataSize, dataGrowsByItself = false } = wish;
  const sizes = [
    ["dataSize", dataGrowsByItself ? undefined : dataSize, lengthOf(now, "data"), blockSize],
    ["metadataSize", metadataSize, lengthOf(now, "meta"), 1n],
  ] as const;
  return sizes.flatMap(([key, wanted, actual, step]) =>
    wanted === undefined || roundDown(wanted, step) >= actual
      ? []
      : [
          `${key} ${formatBytes(wanted)} has no effect: the pool has ${formatBytes(actual)} and never shrinks`,
        ],
  );
}
