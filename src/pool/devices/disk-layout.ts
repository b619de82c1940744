/**
 * Where a pool of backing `devices` lies on its disks. Pure arithmetic in bytes.
 *
 *   first disk:  GPT | label | catalog | meta | spare | gap | data
 *   each other:  GPT | label | data
 * The label area is the second MiB of each disk. A data partition that does not begin with it begins with an empty MiB: what
 * a volume holds must never look like the content of a partition. The last MiB is for the second copy of the GPT.
 */
import type { DevicesPoolOptions, Reserve } from "../../core/pool-options.ts";
import { bytes, dataBlocks, formatBytes, MIB, roundDown, roundUp } from "../../core/units.ts";
import type { Bytes } from "../../core/units.ts";
import { grownTo, metaFor, shrinking } from "../growth.ts";
import type { Growth, Wish } from "../growth.ts";
import {
  CATALOG_SIZE,
  extent,
  LABEL_AREA,
  lengthOf,
  memberEnd,
  memberOf,
  membersOf,
  METADATA_STEP,
  recommendedMetadata,
  runsOf,
  tooSmall,
} from "../layout.ts";
import type { Extent, Extents, Member } from "../layout.ts";

/** Where the label area of each disk begins. */
export const DISK_LABEL_FROM = bytes(MIB);
/** Before data that does not follow a label. */
export const DATA_GAP = bytes(MIB);
const FIRST_RUN = bytes(DISK_LABEL_FROM + LABEL_AREA);
/** More would not fit into a label with certainty. */
const MOST_RUNS = 32;

/** Runs end here at the latest. */
export function usableEnd(size: Bytes): Bytes {
  const end = roundDown(size, MIB);
  return bytes(end > MIB ? end - MIB : 0n);
}

/** How data is laid out. */
interface DataRule {
  readonly blockSize: Bytes;
  readonly reserve?: Reserve;
}

/** Whole blocks of data from there on. */
function room(from: bigint, size: Bytes, { blockSize, reserve }: DataRule): Bytes {
  const end = usableEnd(size) - heldBack(size, reserve);
  return roundDown(end > from ? end - from : 0n, blockSize);
}

/** At the end of the disk. */
function heldBack(size: Bytes, reserve: Reserve | undefined): bigint {
  if (reserve === undefined) return 0n;
  return "percent" in reserve ? (size * BigInt(reserve.percent)) / 100n : reserve.bytes;
}

export const isTooSmallToJoin = (size: Bytes, rule: DataRule): boolean => room(FIRST_RUN, size, rule) === 0n;

/** The least size of a disk on which something ends there. */
const leastFor = (end: bigint): Bytes => bytes(roundUp(end, MIB) + MIB);

type CreationOptions = Pick<DevicesPoolOptions, "name" | "blockSize" | "metadataSize" | "reserve">;

/** Extents of a new pool; the first disk is the primary one. Throws PoolSetupError naming the disk and what it needs. */
export function layoutDisks(
  options: CreationOptions,
  disks: readonly { readonly path: string; readonly size: Bytes }[],
): Extents {
  const { name, blockSize, metadataSize, reserve } = options;
  const [first, ...others] = disks;
  if (first === undefined) throw new RangeError("no disk");
  const metaOffset = bytes(FIRST_RUN + CATALOG_SIZE);
  const further = others.map(({ path, size }, index): Extent => {
    const length = room(FIRST_RUN, size, options);
    if (length === 0n)
      throw tooSmall(
        name,
        path,
        size,
        leastFor(FIRST_RUN + blockSize + heldBack(size, reserve)),
        reserved(reserve),
      );
    return extent("data", memberOf("data", index + 1), FIRST_RUN, length);
  });
  const elsewhere = further.reduce((sum, { length }) => sum + length, 0n);
  const most = bytes(elsewhere + room(metaOffset, first.size, options));
  const meta = metadataSize ?? recommendedMetadata(most, blockSize);
  const dataOffset = bytes(metaOffset + 2n * meta + DATA_GAP);
  const data = room(dataOffset, first.size, options);
  if (data === 0n) {
    const why = `for the catalog, twice ${formatBytes(meta)} of thin metadata and a block of data; or set metadataSize lower`;
    const end = dataOffset + blockSize + heldBack(first.size, reserve);
    throw tooSmall(name, first.path, first.size, leastFor(end), [why, reserved(reserve)].join(" ").trimEnd());
  }
  return {
    catalog: extent("catalog", "metadata", FIRST_RUN, CATALOG_SIZE),
    meta: extent("meta", "metadata", metaOffset, meta),
    spare: extent("spare", "metadata", bytes(metaOffset + meta), meta),
    data: extent("data", "metadata", dataOffset, data),
    ...(further.length === 0 ? {} : { further }),
  };
}

const reserved = (reserve: Reserve | undefined): string =>
  reserve === undefined ? "" : "or set reserve lower";

/** A disk of the pool, or one that joins it. */
export interface SizedDisk {
  readonly member: Member;
  readonly size: Bytes;
}

/**
 * All that the disks have become longer, and the disks that join, as data; metadata and its spare before that, where the
 * pool should have more of it. They go to one disk, in front of its new data, and may take what is held back from data.
 */
export function growDisks(now: Extents, blockSize: Bytes, wish: Wish, disks: readonly SizedDisk[]): Growth {
  const rule = { blockSize, ...(wish.reserve === undefined ? {} : { reserve: wish.reserve }) };
  const members = membersOf(now);
  const spaces = disks.map(({ member, size }) => ({
    member,
    size,
    from: members.includes(member) ? memberEnd(now, member) : FIRST_RUN,
  }));
  const most = spaces.reduce(
    (sum, { from, size }) => sum + room(from, size, rule),
    BigInt(lengthOf(now, "data")),
  );
  const wanted = metaFor(now, bytes(most), blockSize, wish);
  const more = roundUp(wanted - lengthOf(now, "meta"), METADATA_STEP);
  const refusals = shrinking(now, blockSize, wish);
  const host =
    more === 0n
      ? undefined
      : spaces.find(({ from, size }) => roundUp(from, MIB) + 2n * more <= usableEnd(size));
  if (more > 0n && host === undefined) {
    refusals.push(
      `the thin metadata should have ${formatBytes(wanted)}: no disk has ${formatBytes(2n * more)} free for the rest and its spare; add a disk to devices`,
    );
  }
  let grown = now;
  // The disk with the data's end first: there it may go on in one piece.
  const last = runsOf(now).findLast(({ role }) => role === "data")?.member;
  for (const space of spaces.toSorted(
    (one, other) => Number(other.member === last) - Number(one.member === last),
  )) {
    let { from } = space;
    if (space === host) {
      const offset = roundUp(from, MIB);
      const spareOffset = bytes(offset + more);
      grown = withRun(grown, extent("meta", space.member, offset, more));
      grown = withRun(grown, extent("spare", space.member, spareOffset, more));
      from = bytes(spareOffset + more + DATA_GAP);
    }
    const length = room(from, space.size, rule);
    if (dataBlocks(length / blockSize) > 0n)
      grown = withRun(grown, extent("data", space.member, from, length));
  }
  if ((grown.further?.length ?? 0) <= MOST_RUNS) return { extents: grown, refusals };
  return {
    extents: now,
    refusals: [...refusals, `its data would lie in more than ${MOST_RUNS} pieces; make another pool`],
  };
}

/** The run behind all others of its role; one with what it follows on the disk, where nothing lies between. */
function withRun(extents: Extents, run: Extent): Extents {
  const further = extents.further ?? [];
  const last = further.findLastIndex(({ role }) => role === run.role);
  const before = last === -1 ? extents[run.role] : further[last];
  if (before?.member !== run.member || before.offset + before.length !== run.offset)
    return { ...extents, further: [...further, run] };
  const longer = { ...before, length: grownTo(before.length, bytes(before.length + run.length)) };
  return last === -1
    ? { ...extents, [run.role]: longer }
    : { ...extents, further: further.with(last, longer) };
}
