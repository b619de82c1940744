/** How often people are told the same. Pure; times are in milliseconds of one clock. */

/** Of one object and reason. */
export interface Told {
  /** Of the Event that is there. */
  readonly name: string;
  /** Times that it happened since that Event was made. */
  readonly count: number;
  readonly sentAt: number;
  readonly seenAt: number;
}

export type EventMove = "create" | "series" | "hold";

/** Between two writes about the same. */
export const SERIES_MS = 600_000;
/** After so long without, the same is news again. Kubernetes keeps Events for an hour. */
export const FORGET_MS = 3_600_000;

/** `hold`: counted only; the count goes with the next write. */
export function eventMove(told: Told | undefined, now: number): EventMove {
  if (told === undefined || now - told.seenAt >= FORGET_MS) return "create";
  return now - told.sentAt >= SERIES_MS ? "series" : "hold";
}

/** Of all Events together: so many at once, and from then on one a second. */
export const MOST_EVENTS = 100;

export interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** The bucket with one token less; undefined where there is none. */
export function take({ tokens, at }: Bucket, now: number): Bucket | undefined {
  const filled = Math.min(MOST_EVENTS, tokens + (now - at) / 1000);
  return filled < 1 ? undefined : { tokens: filled - 1, at: now };
}
