/**
 * `make faults`: tries the thirteen promises on the test kernel. SEED=7 or SEED=5-20, CASE=name, BUDGET=seconds for one run; `--share` for the bounded
 * share of every change, `--list` for the names. One line for each promise; exit code 1 if any was broken.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { forgetTally, writeTally } from "../runner/tally.ts";
import { CASES } from "./cases.ts";
import { formatRun, formatSummary, isGood, tallyOf, type RunEnd } from "./report.ts";
import { select, type CaseRun } from "./selection.ts";

const SHARE_BUDGET_S = 25;
const FULL_BUDGET_S = 60;

interface Mode {
  readonly share: boolean;
  /** Of one run. */
  readonly budgetMs: number;
}

async function perform(run: CaseRun, { share, budgetMs }: Mode): Promise<RunEnd> {
  const { fault, seed } = run;
  const store = process.env["DMTHIN_VM_DIR"] ?? "/var/tmp";
  const directory = await mkdtemp(join(store, `dmthin-faults-${fault.name}-`));
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  try {
    const end = await fault.run({ seed, share, budgetMs, directory });
    return { ...run, seconds: seconds(), end };
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...run, seconds: seconds(), end: { failure } };
  } finally {
    if (process.env["KEEP_POOL"] === "1") console.log(`  kept: ${directory}`);
    else await rm(directory, { recursive: true, force: true });
  }
}

/** A test kernel has one processor and waits a third of its time: one more than the machine has, three at most. The share has a neighbour. */
async function performAll(runs: readonly CaseRun[], mode: Mode): Promise<readonly RunEnd[]> {
  const waiting = [...runs];
  const ends: RunEnd[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const end = await perform(next, mode);
      console.log(formatRun(end));
      ends.push(end);
    }
  };
  const lanes = mode.share ? 1 : Math.min(availableParallelism() + 1, 3);
  await Promise.all(Array.from({ length: lanes }, lane));
  return ends;
}

const words = new Set(process.argv.slice(2));
const { SEED: seed = "", CASE: name = "", BUDGET: budget = "" } = process.env;
if (words.has("--list")) {
  for (const each of CASES) console.log(`${each.name}: promises ${each.promises.join(", ")}`);
} else {
  const share = words.has("--share");
  forgetTally("faults");
  const selection = { share, ...(seed === "" ? {} : { seed }), ...(name === "" ? {} : { name }) };
  const seconds = budget === "" ? (share ? SHARE_BUDGET_S : FULL_BUDGET_S) : Number(budget);
  if (!(seconds > 0)) throw new RangeError(`BUDGET is no number of seconds: ${budget}`);
  const ends = await performAll(select(CASES, selection), { share, budgetMs: seconds * 1000 });
  writeTally("faults", tallyOf(ends));
  console.log(formatSummary(ends));
  process.exitCode = ends.every(isGood) ? 0 : 1;
}
