/**
 * When a pool is trimmed: once in each period, at the same moment of it. So it is remembered by nobody, and a restart
 * changes nothing. Pure.
 */

/** Milliseconds; times are since 1970. */
export interface TrimTimes {
  readonly every: number;
  /** Where in the period, from 0 up to `every`. */
  readonly phase: number;
}

/** The number of the period that has begun last. */
export const slotAt = ({ every, phase }: TrimTimes, now: number): number => Math.floor((now - phase) / every);

/** How long until the next one begins: above 0. */
export const untilNextSlot = (times: TrimTimes, now: number): number =>
  (slotAt(times, now) + 1) * times.every + times.phase - now;
