/** Sides are measured in turn within one run, so that whatever else the machine does meets all of them alike. */

/** Answers milliseconds. What belongs to the round and not to the measurement, it does around its own stopwatch. */
export type Once = (round: number) => Promise<number>;

export type Series<Side extends string> = Readonly<Record<Side, readonly number[]>>;

/** A B C, B C A, C A B, …: no side is always the one after the same other. The first rounds warm up and are dropped. */
export async function interleave<Side extends string>(
  sides: Readonly<Record<Side, Once>>,
  rounds: number,
  warmUp = 2,
): Promise<Series<Side>> {
  const names = Object.keys(sides) as Side[];
  const series = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Side, number[]>;
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (const [index] of names.entries()) {
      const name = names[(index + round) % names.length];
      if (name === undefined) continue;
      const ms = await sides[name](round);
      if (round >= warmUp) series[name].push(ms);
    }
  }
  return series;
}
