/** Figures of a series of measurements. Pure. */

/** Of one series, in its own unit. Quartiles say how far the middle half of it lies apart. */
export interface Summary {
  readonly n: number;
  readonly median: number;
  readonly q1: number;
  readonly q3: number;
  readonly min: number;
  readonly max: number;
}

/** Between two neighbours where the place falls between them. RangeError for an empty series. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((one, other) => one - other);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new RangeError("no measurement at all");
  return below + (above - below) * (place - Math.floor(place));
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

export function summarize(samples: readonly number[]): Summary {
  return {
    n: samples.length,
    median: median(samples),
    q1: quantile(samples, 0.25),
    q3: quantile(samples, 0.75),
    min: quantile(samples, 0),
    max: quantile(samples, 1),
  };
}

/** One side against another. */
export interface Ratio {
  /** Of the medians. */
  readonly value: number;
  /** The middle half of the ratios of each round, in which both were measured one right after the other. */
  readonly spread: readonly [number, number];
}

/** Both series of one run, the nth of each measured in the same round. RangeError where they are of different length. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Ratio {
  if (ours.length !== theirs.length) throw new RangeError(`${ours.length} rounds against ${theirs.length}`);
  const rounds = ours.map((each, index) => each / (theirs[index] ?? Number.NaN));
  return { value: median(ours) / median(theirs), spread: [quantile(rounds, 0.25), quantile(rounds, 0.75)] };
}
