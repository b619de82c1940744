/** Which scenario runs when: those that bear others some at a time, then those that do not, one by one. What only one can use is used by one. */
import type { Scenario } from "./scenario.ts";

/** Runs all; `run` never throws. In the order in which they are given, so give the long ones first. */
export async function runAll(
  scenarios: readonly Scenario[],
  parallel: number,
  run: (scenario: Scenario) => Promise<void>,
): Promise<void> {
  const waiting = scenarios.filter(({ alone }) => alone !== true);
  const used = new Set<Scenario["uses"]>();
  const take = (): Scenario | undefined => {
    const index = waiting.findIndex(({ uses }) => uses === undefined || !used.has(uses));
    return index < 0 ? undefined : waiting.splice(index, 1)[0];
  };
  const lane = async (): Promise<void> => {
    for (let next = take(); next !== undefined; next = take()) {
      if (next.uses !== undefined) used.add(next.uses);
      await run(next);
      used.delete(next.uses);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  for (const each of scenarios.filter(({ alone }) => alone === true)) await run(each);
}
