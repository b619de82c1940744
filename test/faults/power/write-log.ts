/**
 * The log that dm-log-writes leaves on its log device: all writes to a disk in the order in which flushes made them durable.
 *
 * Sector 0: magic, version, number of entries (64 bits each), sector size (32 bits); little-endian. Then for each entry one
 * sector: sector, number of sectors, flags, length of inline data (64 bits each), the text of a mark; and the sectors that
 * were written, except for discards. A write that is not FUA is logged when a flush that began after its completion ends,
 * right before that flush; a FUA write and a mark at once. Source: Linux, drivers/md/dm-log-writes.c,
 * Documentation/admin-guide/device-mapper/log-writes.rst.
 */

const MAGIC = 0x6a_73_66_77_73_68_72n;
const VERSION = 1n;
const HEAD_BYTES = 32;
const SECTOR_BYTES = 512;

const FLUSH = 1n;
const FUA = 2n;
const DISCARD = 4n;
const MARK = 8n;

export interface LogEntry {
  /** `write`: durable with the next flush. */
  readonly kind: "write" | "fua" | "flush" | "discard" | "mark";
  /** Bytes on the disk. */
  readonly offset: number;
  readonly length: number;
  /** Where the data lies in the log. */
  readonly at: number;
  /** Of a mark. */
  readonly text: string;
}

/** Reads that many bytes of the log. */
export type ReadLog = (offset: number, length: number) => Buffer;

/** Throws SyntaxError where it is no log. */
export function readEntries(read: ReadLog): readonly LogEntry[] {
  const head = read(0, SECTOR_BYTES);
  const [magic, version, count] = [0, 8, 16].map((offset) => head.readBigUInt64LE(offset));
  if (magic !== MAGIC || version !== VERSION) throw new SyntaxError("not a log of writes");
  if (head.readUInt32LE(24) !== SECTOR_BYTES) throw new SyntaxError("sectors of another size than 512 bytes");
  const entries: LogEntry[] = [];
  let at = SECTOR_BYTES;
  for (let left = count ?? 0n; left > 0n; left -= 1n) {
    const entry = parseEntry(read(at, SECTOR_BYTES), at + SECTOR_BYTES);
    entries.push(entry);
    at = entry.at + (entry.kind === "discard" ? 0 : entry.length);
  }
  return entries;
}

function parseEntry(sector: Buffer, at: number): LogEntry {
  const [start = 0n, sectors = 0n, flags = 0n, inline = 0n] = [0, 8, 16, 24].map((offset) =>
    sector.readBigUInt64LE(offset),
  );
  const kind = kindOf(flags);
  return {
    kind,
    offset: Number(start) * SECTOR_BYTES,
    length: Number(sectors) * SECTOR_BYTES,
    at,
    text: kind === "mark" ? sector.toString("utf8", HEAD_BYTES, HEAD_BYTES + Number(inline)) : "",
  };
}

function kindOf(flags: bigint): LogEntry["kind"] {
  if (flags & MARK) return "mark";
  if (flags & DISCARD) return "discard";
  if (flags & FLUSH) return "flush";
  return flags & FUA ? "fua" : "write";
}

/** What a disk may hold after a crash. */
export interface CrashState {
  /** All entries before this one are on the disk. */
  readonly whole: number;
  /** Of those that follow, these too. */
  readonly extra: readonly number[];
  /** Marks before this entry were made before the crash. */
  readonly until: number;
}

/** The power fails when this flush or FUA write has ended. */
export const after = (index: number): CrashState => ({ whole: index + 1, extra: [], until: index + 1 });

/**
 * The power fails just before this flush has ended: what it is to make durable may have reached the disk, each write for
 * itself. `isKept` decides.
 */
export function during(entries: readonly LogEntry[], flush: number, isKept: () => boolean): CrashState {
  const whole = entries.findLastIndex((entry, index) => index < flush && entry.kind === "flush") + 1;
  const extra: number[] = [];
  for (let index = whole; index < flush; index += 1) {
    const kind = entries[index]?.kind;
    if (kind === "fua" || ((kind === "write" || kind === "discard") && isKept())) extra.push(index);
  }
  return { whole, extra, until: flush };
}
