/** Cases that are vitest files: `suites/<name>.test.ts`, run in a test kernel of their own. */
import type { FaultCase, PromiseNumber } from "./case.ts";
import { GuestError, startGuest } from "./guest.ts";
import { findFigures, findVerdict, outcomeOf } from "./suite-verdict.ts";

export interface SuiteOptions {
  readonly name: string;
  /** All that its tests name, and no others. */
  readonly promises: readonly PromiseNumber[];
  readonly seeds: FaultCase["seeds"];
  /** Raw disks; the first becomes an ext4, DMTHIN_SCRATCH, unless it is left raw. As those of the kernel suite by default. */
  readonly disks?: readonly string[];
  readonly timeoutSeconds?: number;
}

const VITEST = ["node", "node_modules/vitest/vitest.mjs", "run", "--project", "faults"];
const REPORTERS = ["--reporter=default", "--reporter=./test/faults/verdict-reporter.ts"];

export function suite({ name, promises, seeds, disks, timeoutSeconds }: SuiteOptions): FaultCase {
  return {
    name,
    promises,
    seeds,
    async run({ seed, budgetMs, share }) {
      const end = await startGuest({
        command: [...VITEST, ...REPORTERS, `test/faults/suites/${name}.test.ts`],
        disks: disks ?? ["128G", "8G"],
        timeoutSeconds: timeoutSeconds ?? 900,
        environment: {
          DMTHIN_SEED: String(seed),
          DMTHIN_BUDGET_MS: String(budgetMs),
          DMTHIN_SHARE: share ? "1" : "0",
        },
      }).ended;
      const verdict = findVerdict(end.stdout);
      if (verdict === undefined) throw new GuestError("came to no verdict", end);
      const outcome = outcomeOf(verdict, promises);
      return { ...outcome, figures: [outcome.figures, ...findFigures(end.stdout)].join("; ") };
    },
  };
}
