/**
 * Pages of lists. A token says where the page ended, not how many entries it skipped: entries made or deleted between
 * two pages move nothing, nothing comes twice, and a token outlives a restart of the driver.
 */
import { createHash } from "node:crypto";
import { StalePageTokenError } from "../core/errors.ts";
import { parseId, volumeId, snapshotId, objectKey, type PoolUuid } from "../core/ids.ts";
import { quote } from "../core/quote.ts";

/**
 * Entries are in the order of their pools, and within one in the order of their making, so one made between two pages is
 * on the later one. Pools come first so that a list of many nodes is their lists one after the other, and a token says
 * which pool comes next, wherever that pool is by then.
 */
export interface Listed {
  readonly id: string;
  /** ISO 8601, UTC: the order of the text is the order of the times. */
  readonly createdAt: string;
}

export interface PageRequest {
  /** Tokens of one list are not taken by another. */
  readonly list: "volumes" | "snapshots";
  /** 0: as many as fit. */
  readonly maxEntries: number;
  /** "" for the first page. */
  readonly startingToken: string;
}

export interface Page<T> {
  readonly entries: readonly T[];
  /** "" on the last page. */
  readonly nextToken: string;
}

const BEFORE_ALL = "0000-01-01T00:00:00.000Z";

/** An entry is some 400 bytes, and clients take messages of 4 MiB. */
export const MAX_PAGE = 5000;

/** `YYYY-MM-DDThh:mm:ss.sssZ`, an id, and the checksum; 90 bytes for our ids, of 128 allowed. */
const TOKEN = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)!([a-z0-9-]{1,64})!([0-9a-f]{8})$/;

/** Throws StalePageTokenError where the token is none that this list gave out. */
export function pageOf<T extends Listed>(all: readonly T[], request: PageRequest): Page<T> {
  const after = request.startingToken === "" ? undefined : parseToken(request.list, request.startingToken);
  const size = request.maxEntries === 0 ? MAX_PAGE : Math.min(request.maxEntries, MAX_PAGE);
  const found = first(all, size + 1, after);
  const entries = found.slice(0, size);
  const last = entries.at(-1);
  const more = found.length > entries.length && last !== undefined;
  return { entries, nextToken: more ? formatToken(request.list, last) : "" };
}

/**
 * The first `count` entries behind `after`, in order. One pass, without sorting what is on no page: records come nearly in
 * the order of their making, so that most entries cost one comparison.
 */
function first<T extends Listed>(all: readonly T[], count: number, after: Listed | undefined): readonly T[] {
  const found: T[] = [];
  for (const entry of all) {
    const last = found.at(-1);
    const full = found.length === count && last !== undefined;
    if (full && compare(entry, last) >= 0) continue;
    if (after !== undefined && compare(entry, after) <= 0) continue;
    if (full) found.pop();
    found.splice(placeOf(entry, found), 0, entry);
  }
  return found;
}

/** Behind all that come before it. */
function placeOf(entry: Listed, sorted: readonly Listed[]): number {
  let [low, high] = [0, sorted.length];
  const last = sorted.at(-1);
  if (last !== undefined && compare(last, entry) < 0) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const there = sorted[middle];
    if (there !== undefined && compare(there, entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function formatToken(list: PageRequest["list"], { createdAt, id }: Listed): string {
  return `${createdAt}!${id}!${checksum(list, createdAt, id)}`;
}

/** Of a page that begins with the first entry of a pool. */
export function tokenOfPool(list: PageRequest["list"], pool: PoolUuid): string {
  const idOf = list === "volumes" ? volumeId : snapshotId;
  return formatToken(list, { createdAt: BEFORE_ALL, id: idOf(pool, objectKey("0".repeat(20))) });
}

/** Where a page begins: the pool of the entry that the token names. Throws StalePageTokenError. */
export function poolOfToken(list: PageRequest["list"], token: string): PoolUuid {
  const pool = parseId(parseToken(list, token).id)?.pool;
  if (pool === undefined) throw staleToken(token);
  return pool;
}

function parseToken(list: PageRequest["list"], token: string): Listed {
  const [, createdAt, id, sum] = TOKEN.exec(token) ?? [];
  if (createdAt === undefined || id === undefined || sum !== checksum(list, createdAt, id)) {
    throw staleToken(token);
  }
  return { createdAt, id };
}

const staleToken = (token: string): StalePageTokenError =>
  new StalePageTokenError(`starting_token ${quote(token)} is none of this list: start again without a token`);

/**
 * Against mix-ups, not against forgery: a forged token would only choose where a page starts. `by pool`: versions before
 * had lists of another order, in which their tokens name other places.
 */
function checksum(list: string, createdAt: string, id: string): string {
  return createHash("sha256").update(`${list} by pool ${createdAt} ${id}`).digest("hex").slice(0, 8);
}

function compare(one: Listed, other: Listed): number {
  return (
    compareText(poolOf(one), poolOf(other)) ||
    compareText(one.createdAt, other.createdAt) ||
    compareText(one.id, other.id)
  );
}

const poolOf = ({ id }: Listed): string => parseId(id)?.pool ?? "";

const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
