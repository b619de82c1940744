/** Sides are measured in turn within one run, so that whatever else the machine does meets all of them alike. */

/** Answers milliseconds. What belongs to the round and not to the measurement, it does around its own stopwatch. */
export type Once = (round: number) => Promise<number>;

export type Series<Side extends string> = Readonly<Record<Side, readonly number[]>>;

export interface Rounds {
  /** That count. */
  readonly most: number;
  /** On a slow or busy machine no more than these, once the time is up. */
  readonly least: number;
  readonly budgetMs: number;
  /** Before those that count. */
  readonly warmUp: number;
}

export const ROUNDS: Rounds = { most: 15, least: 7, budgetMs: 20_000, warmUp: 2 };

/** A B C, B C A, C A B, …: no side is always the one after the same other. All series have the same length. */
export async function interleave<Side extends string>(
  sides: Readonly<Record<Side, Once>>,
  { most, least, budgetMs, warmUp }: Rounds = ROUNDS,
  now: () => number = () => performance.now(),
): Promise<Series<Side>> {
  const names = Object.keys(sides) as Side[];
  const series = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Side, number[]>;
  const end = now() + budgetMs;
  for (let round = 0; round < most + warmUp; round += 1) {
    if (round >= least + warmUp && now() > end) break;
    for (const [index] of names.entries()) {
      const name = names[(index + round) % names.length];
      if (name === undefined) continue;
      const ms = await sides[name](round);
      if (round >= warmUp) series[name].push(ms);
    }
  }
  return series;
}
