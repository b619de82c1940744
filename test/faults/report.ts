/** What the suite prints, and what it counts. */
import type { Tally } from "../runner/tally.ts";
import { PROMISES, type FaultOutcome, type PromiseNumber } from "./case.ts";
import type { CaseRun } from "./selection.ts";

export type RunEnd = CaseRun & {
  readonly seconds: number;
  /** `failure`: the run could not be done. */
  readonly end: FaultOutcome | { readonly failure: string };
};

/** The one command that repeats a run. */
export const repeatCommand = ({ fault, seed }: CaseRun): string =>
  `make faults SEED=${seed} CASE=${fault.name}`;

export const isGood = ({ end }: RunEnd): boolean => !("failure" in end) && end.violations.length === 0;

/** One line for a run that kept its promises; for others the evidence and the command that repeats it. */
export function formatRun(run: RunEnd): string {
  const { fault, seed, seconds, end } = run;
  const head = `${fault.name}, seed ${seed}, ${seconds.toFixed(1)} s`;
  const repeat = `    repeat: ${repeatCommand(run)}`;
  if ("failure" in end) return [`  NOT DONE ${head}`, indent(end.failure), repeat].join("\n");
  if (end.violations.length === 0) return `  ok ${head}: ${end.figures}`;
  const evidence = end.violations.map((each) => indent(`promise ${each.promise}: ${each.evidence}`));
  return [`  VIOLATED ${head}: ${end.figures}`, ...evidence, repeat].join("\n");
}

/** Of the evidence of one violation, or of one run that could not be done, at the end of the summary. */
const MOST_LINES = 15;

/**
 * One line for each of the thirteen promises, then what was not tried and what could not be done. At the very end the
 * beginning of all evidence once more: often the last lines of an output are all that is kept of it.
 */
export function formatSummary(runs: readonly RunEnd[]): string {
  const lines = PROMISES.map((promise) => promiseLine(promise, runs));
  const untried = PROMISES.filter((promise) => runsOf(promise, runs).length === 0);
  if (untried.length > 0) lines.push(`not tried by this run: promise ${untried.join(", ")}`);
  const failed = runs.filter(({ end }) => "failure" in end);
  if (failed.length > 0) lines.push(`could not be done: ${failed.map(repeatCommand).join("; ")}`);
  return [...lines, ...runs.flatMap(evidenceOf)].join("\n");
}

function evidenceOf({ fault, seed, end }: RunEnd): readonly string[] {
  const whose = `${fault.name}, seed ${seed}`;
  if ("failure" in end) return [shortened(`NOT DONE ${whose}: ${end.failure}`)];
  return end.violations.map((each) =>
    shortened(`VIOLATED ${whose}: promise ${each.promise}: ${each.evidence}`),
  );
}

function shortened(text: string): string {
  const lines = text.trimEnd().split("\n");
  const more = lines.length - MOST_LINES;
  const kept = more <= 0 ? lines : [...lines.slice(0, MOST_LINES - 1), `(${more + 1} more lines)`];
  return kept.join("\n    ");
}

function promiseLine(promise: PromiseNumber, runs: readonly RunEnd[]): string {
  const mine = runsOf(promise, runs);
  const violations = mine.flatMap(({ end }) =>
    "failure" in end ? [] : end.violations.filter((each) => each.promise === promise),
  );
  const cases = mine.reduce((sum, { end }) => sum + countOf(promise, end), 0);
  const counts = `promise ${promise}: ${cases} cases, ${violations.length} violations`;
  if (mine.length === 0) return counts;
  const seeds = mine.map(({ seed }) => seed);
  return `${counts}, seeds ${Math.min(...seeds)}-${Math.max(...seeds)}`;
}

const countOf = (promise: PromiseNumber, end: RunEnd["end"]): number =>
  "failure" in end || end.tried === undefined ? 1 : (end.tried.get(promise) ?? 0);

/** Those that touched it; one that could not be done tried nothing. A violation counts wherever it was found. */
const runsOf = (promise: PromiseNumber, runs: readonly RunEnd[]): readonly RunEnd[] =>
  runs.filter(
    ({ fault, end }) =>
      !("failure" in end) &&
      (fault.promises.includes(promise) || end.violations.some((each) => each.promise === promise)),
  );

export function tallyOf(runs: readonly RunEnd[]): Tally {
  const passed = runs.filter(isGood).length;
  return { passed, failed: runs.length - passed, skipped: [] };
}

const indent = (text: string): string => text.replaceAll(/^/gm, "    ");
