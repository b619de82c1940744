import type { Stage } from "./stages.ts";
import type { Skip, Tally } from "./tally.ts";

/** How a stage ended. `problems` are failures no single test stands for; each counts as one failed. */
export interface Outcome {
  readonly target: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly Skip[];
  readonly problems: readonly string[];
  /** Of the stage's output, where it is known. */
  readonly lastLines?: readonly string[];
}

/** What a stage's target came back with; `tally` is what it left, if it counts by one. */
export interface StageEnd {
  readonly exitCode: number;
  readonly seconds: number;
  readonly tally: Tally | undefined;
}

/** Counts a stage. Never lets one pass that ended badly, ran nothing, or skipped a test without a reason. */
export function outcomeOf(stage: Stage, end: StageEnd): Outcome {
  const { target, count } = stage;
  const { exitCode, seconds } = end;
  const bad = exitCode !== 0;
  const nothing = { passed: 0, failed: 0, skipped: [] };
  const ended = `make ${target} ended with exit code ${exitCode}`;
  switch (count.by) {
    case "exit":
      return { target, seconds, passed: bad ? 0 : 1, failed: bad ? 1 : 0, skipped: [], problems: [] };
    case "preparation":
      return { target, seconds, ...nothing, problems: bad ? [ended] : [] };
    case "tally": {
      const tally = end.tally ?? nothing;
      const ran = tally.passed + tally.failed > 0;
      const problems = tally.skipped
        .filter(({ reason }) => reason.trim() === "")
        .map(({ name }) => `skipped without a reason: ${name}`);
      if (end.tally === undefined) problems.push(`${ended} and left no count of its tests`);
      else if (!ran) problems.push(`make ${target} ran no test`);
      else if (bad && tally.failed === 0) problems.push(`${ended} though no test failed`);
      return { target, seconds, ...tally, problems };
    }
  }
}

/** Lines of a failed stage's output that the report repeats: the end of a long output is often all that is kept of it. */
const MOST_LINES = 40;

/** For `Outcome.lastLines`. */
export const lastLinesOf = (output: string): readonly string[] =>
  output.trimEnd().split("\n").slice(-MOST_LINES);

/** The report at the end of `make test`; its last line is `N passed, N failed, N skipped`. `seconds`: by the clock. */
export function formatReport(outcomes: readonly Outcome[], seconds: number): string {
  const width = Math.max(...outcomes.map(({ target }) => target.length));
  const rows = outcomes.map((outcome) => `  ${outcome.target.padEnd(width)} ${formatRow(outcome)}`);
  const problems = outcomes.flatMap((outcome) =>
    outcome.problems.map((text) => `  ${outcome.target}: ${text}`),
  );
  const skips = outcomes.flatMap((outcome) =>
    outcome.skipped.map(({ name, reason }) => `  ${outcome.target}: ${name}: ${reason}`),
  );
  const ends = outcomes.filter((outcome) => failures([outcome]) > 0).flatMap(formatEnd);
  return [
    "",
    `where the time goes (${seconds.toFixed(0)} s in all)`,
    ...rows,
    ...(problems.length === 0 ? [] : ["", "problems", ...problems]),
    ...(skips.length === 0 ? [] : ["", "skipped", ...skips]),
    ...ends,
    "",
    formatTotal(outcomes),
  ].join("\n");
}

function formatEnd({ target, lastLines = [] }: Outcome): readonly string[] {
  const lines = lastLines.map((line) => `  ${line}`);
  return lines.length === 0 ? [] : ["", `the end of ${target}`, ...lines];
}

function formatRow(outcome: Outcome): string {
  const time = `${outcome.seconds.toFixed(1)} s`.padStart(9);
  return `${time}  ${formatTotal([outcome])}`;
}

/** True when nothing failed anywhere. */
export const isGood = (outcomes: readonly Outcome[]): boolean =>
  outcomes.length > 0 && failures(outcomes) === 0;

function formatTotal(outcomes: readonly Outcome[]): string {
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  const skipped = outcomes.reduce((sum, outcome) => sum + outcome.skipped.length, 0);
  return `${passed} passed, ${failures(outcomes)} failed, ${skipped} skipped`;
}

const failures = (outcomes: readonly Outcome[]): number =>
  outcomes.reduce((sum, outcome) => sum + outcome.failed + outcome.problems.length, 0);
