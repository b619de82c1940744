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

/** Of a node, in SERIES_MS: how often owners are looked up because of what it says. Each costs the API server questions. */
export const MOST_LOOKUPS = 10;

export class Lookups {
  /** By node, when they were; the node that had its last one longest ago is first. */
  readonly #times = new Map<string, readonly number[]>();

  /** False where the node has had its share. */
  take(node: string, now: number): boolean {
    for (const [each, times] of this.#times) {
      if (now - (times.at(-1) ?? 0) < SERIES_MS) break;
      this.#times.delete(each);
    }
    const recent = (this.#times.get(node) ?? []).filter((at) => now - at < SERIES_MS);
    if (recent.length >= MOST_LOOKUPS) return false;
    this.#times.delete(node);
    this.#times.set(node, [...recent, now]);
    return true;
  }
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
