/**
 * How much to discard at once. A discard holds up other I/O of its disk for as long as it takes, and how long that is
 * depends on the disk and on how much of the range is mapped: so each slice is chosen by how long the last one took. Pure.
 */
import { GIB, MIB, roundUp } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";

/** No slice is larger, unless one block is. */
const MOST = GIB;
const LEAST = 16n * MIB;
const FIRST = 128n * MIB;

/** Below it a slice costs little more than the process that does it. */
const QUICK_MS = 100;
const SLOW_MS = 300;

export interface Slice {
  readonly length: Bytes;
  readonly ms: number;
}

/** The length of the next slice, in whole blocks of the pool: what covers a block in part frees nothing. */
export function nextSlice(last: Slice | undefined, blockSize: Bytes): Bytes {
  return roundUp(clamp(wished(last)), blockSize);
}

function wished(last: Slice | undefined): bigint {
  if (last === undefined) return FIRST;
  if (last.ms < QUICK_MS) return 2n * last.length;
  return last.ms > SLOW_MS ? last.length / 2n : last.length;
}

const clamp = (length: bigint): bigint => (length < LEAST ? LEAST : length > MOST ? MOST : length);

/** Discards have the disk for half of the time at most. */
export const pauseAfter = ({ ms }: Slice): number => ms;
