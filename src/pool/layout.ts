/**
 * Where the parts of a pool lie on its devices. Pure arithmetic in bytes.
 *
 * Every device begins with 1 MiB for its label. Then, in this order:
 *   parts: metadata = catalog, spare, meta; data = data. With a catalog device: catalog = catalog.
 *   loop:  each part in a file of its own.
 *   devices: see devices/disk-layout.ts.
 * The thin metadata comes last on its device, so that it can grow there; when it does, the spare moves behind it.
 */
import { PoolSetupError } from "../core/errors.ts";
import type { PoolDeviceRole } from "../core/ids.ts";
import type { LoopPoolOptions, PartsPoolOptions } from "../core/pool-options.ts";
import {
  blocksForBytes,
  bytes,
  dataBlocks,
  formatBytes,
  KIB,
  META_BLOCK_BYTES,
  MIB,
  roundDown,
  roundUp,
} from "../core/units.ts";
import type { Bytes, DataBlocks } from "../core/units.ts";
import { WARNING_PERCENTS } from "../plan/fill.ts";

/** What a device (or file) of the pool is there for; `metadata` is the primary one. */
export type MemberRole = "metadata" | "data" | "spare" | "catalog";
export const MEMBER_ROLES = ["metadata", "data", "spare", "catalog"] as const satisfies readonly MemberRole[];

/** One device of a pool. The disks of backing `devices` are `metadata`, `data-1`, `data-2`, … */
export type Member = MemberRole | `data-${number}`;
/** By what its label says. Only data devices have an index other than 0. */
export const memberOf = (role: MemberRole, index: number): Member => (index === 0 ? role : `data-${index}`);

const NUMBERED = /^data-([1-9]\d{0,3})$/;
export const isMember = (text: string): text is Member =>
  NUMBERED.test(text) || MEMBER_ROLES.some((role) => role === text);

/** Other way round than `memberOf`. */
export function placeOf(member: Member): { readonly member: MemberRole; readonly index: number } {
  const index = NUMBERED.exec(member)?.[1];
  if (index !== undefined) return { member: "data", index: Number(index) };
  return { member: MEMBER_ROLES.find((role) => role === member) ?? "data", index: 0 };
}

/** A dm-linear device of the pool. */
export type ExtentRole = Exclude<PoolDeviceRole, "pool">;
export const EXTENT_ROLES = ["catalog", "meta", "spare", "data"] as const satisfies readonly ExtentRole[];

/** A run of one member that belongs to a dm-linear device. Multiples of 64 KiB. */
export interface Extent {
  readonly role: ExtentRole;
  readonly member: Member;
  readonly offset: Bytes;
  readonly length: Bytes;
}

export interface Extents extends Readonly<Record<ExtentRole, Extent>> {
  /** Backing `devices`: what each dm-linear device has behind its first run, in that order. */
  readonly further?: readonly Extent[];
}

export const runsOf = (extents: Extents): readonly Extent[] => [
  extents.catalog,
  extents.meta,
  extents.spare,
  extents.data,
  ...(extents.further ?? []),
];

/** Of the whole dm-linear device. */
export const lengthOf = (extents: Extents, role: ExtentRole): Bytes =>
  bytes(runsOf(extents).reduce((sum, run) => (run.role === role ? sum + run.length : sum), 0n));

/** Before the first extent of each device. */
export const LABEL_AREA = bytes(MIB);
export const CATALOG_SIZE = bytes(128n * MIB);

/** The thin metadata is a multiple of this. */
export const METADATA_STEP = 4n * MIB;
/** What the kernel uses at most: 255 space-map blocks of (2^14 - 64) entries; more only makes it warn. */
const METADATA_LIMIT = 255n * ((1n << 14n) - 64n) * META_BLOCK_BYTES;
export const METADATA_MOST = roundDown(METADATA_LIMIT, METADATA_STEP);
const METADATA_LEAST = 64n * MIB;
/** Measured need is 32 to 64 bytes a mapped block; snapshots that diverge add theirs. */
const METADATA_PER_BLOCK = 128n;

/** Size of the thin metadata for that much data, where nobody says otherwise. */
export function recommendedMetadata(data: Bytes, blockSize: Bytes): Bytes {
  const wanted = roundUp(blocksForBytes(data, blockSize) * METADATA_PER_BLOCK, METADATA_STEP);
  if (wanted < METADATA_LEAST) return bytes(METADATA_LEAST);
  return wanted > METADATA_MOST ? METADATA_MOST : wanted;
}

/** Free blocks at which the kernel raises its one event before the pool is full: the first level that is warned of. */
export const lowWater = (total: DataBlocks): DataBlocks =>
  dataBlocks((total * BigInt(100 - WARNING_PERCENTS[0])) / 100n);

type CreationOptions = Pick<LoopPoolOptions, "blockSize" | "metadataSize">;

/** Extents of a new loop pool; `memberEnd` gives the size of each file. Throws PoolSetupError. */
export function layoutLoop(options: CreationOptions & Pick<LoopPoolOptions, "name" | "dataSize">): Extents {
  const data = roundDown(options.dataSize, options.blockSize);
  if (data === 0n) {
    throw new PoolSetupError(
      `pool ${options.name}: dataSize ${formatBytes(options.dataSize)} does not hold one block of ${formatBytes(options.blockSize)}; make it larger`,
    );
  }
  const meta = options.metadataSize ?? recommendedMetadata(data, options.blockSize);
  return {
    catalog: extent("catalog", "catalog", LABEL_AREA, CATALOG_SIZE),
    meta: extent("meta", "metadata", LABEL_AREA, meta),
    spare: extent("spare", "spare", LABEL_AREA, meta),
    data: extent("data", "data", LABEL_AREA, data),
  };
}

/** Sizes of the devices as the kernel tells them. */
export interface PartsSizes {
  readonly metadata: Bytes;
  readonly data: Bytes;
  readonly catalog?: Bytes;
}

/** Extents of a new pool on given devices. Throws PoolSetupError naming the device and the least that is needed. */
export function layoutParts(
  options: CreationOptions & Pick<PartsPoolOptions, "name" | "data" | "metadata" | "catalog">,
  sizes: PartsSizes,
): Extents {
  const { name, blockSize } = options;
  const leastData = bytes(LABEL_AREA + blockSize);
  if (sizes.data < leastData) throw tooSmall(name, options.data, sizes.data, leastData);
  const data = roundDown(sizes.data - LABEL_AREA, blockSize);
  const meta = options.metadataSize ?? recommendedMetadata(data, blockSize);

  const ownCatalog = sizes.catalog !== undefined;
  const leastCatalog = bytes(LABEL_AREA + CATALOG_SIZE);
  if (ownCatalog && sizes.catalog < leastCatalog) {
    throw tooSmall(name, options.catalog ?? "catalog", sizes.catalog, leastCatalog);
  }
  const spareOffset = ownCatalog ? LABEL_AREA : leastCatalog;
  const metaOffset = bytes(spareOffset + meta);
  const leastMetadata = bytes(metaOffset + meta);
  if (sizes.metadata < leastMetadata) {
    const why = `for twice ${formatBytes(meta)} of thin metadata${ownCatalog ? "" : " and the catalog"}`;
    throw tooSmall(
      name,
      options.metadata,
      sizes.metadata,
      leastMetadata,
      `${why}; or set metadataSize lower`,
    );
  }
  return {
    catalog: extent("catalog", ownCatalog ? "catalog" : "metadata", LABEL_AREA, CATALOG_SIZE),
    meta: extent("meta", "metadata", metaOffset, meta),
    spare: extent("spare", "metadata", spareOffset, meta),
    data: extent("data", "data", LABEL_AREA, data),
  };
}

/** The members that the extents lie on, the primary first. */
export function membersOf(extents: Extents): readonly Member[] {
  const used = new Set(runsOf(extents).map((each) => each.member));
  return [...used].toSorted((one, other) => rank(one) - rank(other));
}

/** The order of a pool's devices. */
export function rank(each: Member): number {
  const { member, index } = placeOf(each);
  return index === 0 ? MEMBER_ROLES.indexOf(member) : MEMBER_ROLES.length + index;
}

/** How large a member must be at least: the end of its last extent. */
export function memberEnd(extents: Extents, member: Member): Bytes {
  const ends = runsOf(extents).map((each) => (each.member === member ? each.offset + each.length : 0n));
  return bytes(ends.reduce((last, end) => (end > last ? end : last), LABEL_AREA));
}

/** Undefined where the extents are whole, aligned, inside 64 bits and apart from each other; else what is wrong. */
export function flawOf(extents: Extents, blockSize: Bytes): string | undefined {
  const all = runsOf(extents);
  for (const each of all) {
    if (each.offset < LABEL_AREA) return `${each.role} lies in the label area`;
    if (each.length === 0n || each.offset % (64n * KIB) !== 0n || each.length % (64n * KIB) !== 0n) {
      return `${each.role} is empty or not a multiple of 64 KiB`;
    }
    const clash = all.find(
      (other) =>
        other !== each &&
        other.member === each.member &&
        other.offset < each.offset + each.length &&
        each.offset < other.offset + other.length,
    );
    if (clash !== undefined) return `${each.role} and ${clash.role} overlap`;
  }
  if (lengthOf(extents, "data") % blockSize !== 0n) return "data is no whole number of blocks";
  if (lengthOf(extents, "meta") !== lengthOf(extents, "spare")) return "meta and spare differ in size";
  if (!membersOf(extents).includes("metadata")) return "nothing lies on the metadata device";
  return undefined;
}

export const extent = (role: ExtentRole, member: Member, offset: Bytes, length: Bytes): Extent => ({
  role,
  member,
  offset,
  length,
});

export function tooSmall(pool: string, device: string, size: Bytes, least: Bytes, why = ""): PoolSetupError {
  return new PoolSetupError(
    `pool ${pool}: ${device} has ${formatBytes(size)}; it needs at least ${least} bytes (${formatBytes(least)}) ${why}`.trimEnd(),
  );
}
