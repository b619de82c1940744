/** What `make faults` told the suite in the guest, and what the suite tells it beside its verdict. */
import { FIGURE } from "../suite-verdict.ts";

export interface Given {
  /** Decides all that is random. */
  readonly seed: number;
  /** About how long the suite may take; one that can do less or more work goes by it. */
  readonly budgetMs: number;
  /** The bounded share of every change. */
  readonly share: boolean;
}

/** Throws where the suite was not started by `make faults`. */
export function given(): Given {
  const { DMTHIN_SEED: seed, DMTHIN_BUDGET_MS: budgetMs, DMTHIN_SHARE: share } = process.env;
  if (seed === undefined || budgetMs === undefined) throw new Error("to be run by make faults CASE=…");
  return { seed: Number(seed), budgetMs: Number(budgetMs), share: share === "1" };
}

/** A number worth telling, with its unit and what it is of: it gets into the line of the run. */
export function figure(text: string): void {
  console.log(`${FIGURE}${text}`);
}
