/** What a run prints. Pure. */
import type { Tally } from "../../../runner/tally.ts";
import type { Scenario } from "./scenario.ts";
import type { Phase } from "./world.ts";

export type ScenarioEnd =
  | {
      readonly kind: "passed";
      readonly seconds: number;
      readonly spent: ReadonlyMap<Phase, number>;
      /** What it measured, for people. */
      readonly remarks: readonly string[];
    }
  | {
      readonly kind: "failed";
      readonly seconds: number;
      readonly spent: ReadonlyMap<Phase, number>;
      readonly error: string;
      /** Where logs and events were put. */
      readonly kept: string;
    }
  | { readonly kind: "not run"; readonly why: string };

export interface Result {
  readonly scenario: Scenario;
  readonly end: ScenarioEnd;
}

const WIDTH = 34;
const SLOWEST = 10;

/** `ok  claim-ext4  12.3 s`, and what belongs to it on further lines. */
export function formatEnd({ scenario: { id }, end }: Result): string {
  const name = id.padEnd(WIDTH);
  switch (end.kind) {
    case "passed":
      return [`ok       ${name} ${seconds(end.seconds)}`, ...end.remarks.map(indented)].join("\n");
    case "failed":
      return [
        `FAILED   ${name} ${seconds(end.seconds)}`,
        indented(end.error),
        indented(`kept: ${end.kept}`),
      ].join("\n");
    case "not run":
      return `not run  ${name} ${end.why}`;
  }
}

/** The end of a run; its last line is `e2e: N passed, N failed`, with `, N not run` where there are such. */
export function formatSummary(results: readonly Result[], wallSeconds: number): string {
  const ran = results.flatMap(({ scenario: { id }, end }) =>
    end.kind === "not run" ? [] : [{ id, ...end }],
  );
  const slowest = ran.toSorted((one, other) => other.seconds - one.seconds).slice(0, SLOWEST);
  const phases = new Map<string, number>();
  for (const { spent } of ran)
    for (const [phase, time] of spent) phases.set(phase, (phases.get(phase) ?? 0) + time);
  const byTime = [...phases].toSorted(([, one], [, other]) => other - one);
  const failed = ran.filter(({ kind }) => kind === "failed");
  return [
    "",
    `where the time went (${wallSeconds.toFixed(0)} s by the clock; scenarios run side by side)`,
    ...slowest.map(({ id, seconds: time }) => `  ${id.padEnd(WIDTH)} ${seconds(time)}`),
    `what it was spent on, over all ${ran.length} scenarios`,
    ...byTime.map(([phase, time]) => `  ${phase.padEnd(WIDTH)} ${seconds(time)}`),
    ...(failed.length === 0 ? [] : ["failed", ...failed.map(({ id }) => `  ${id}`)]),
    "",
    formatTotal(results),
  ].join("\n");
}

function formatTotal(results: readonly Result[]): string {
  const count = (kind: ScenarioEnd["kind"]): number => results.filter(({ end }) => end.kind === kind).length;
  const notRun = count("not run");
  const rest = notRun === 0 ? "" : `, ${notRun} not run`;
  return `e2e: ${count("passed")} passed, ${count("failed")} failed${rest}`;
}

/** For `make test`. */
export const tallyOf = (results: readonly Result[]): Tally => ({
  passed: results.filter(({ end }) => end.kind === "passed").length,
  failed: results.filter(({ end }) => end.kind === "failed").length,
  skipped: results.flatMap(({ scenario: { id }, end }) =>
    end.kind === "not run" ? [{ name: id, reason: end.why }] : [],
  ),
});

/** Something ran, and nothing failed. */
export const isGood = (results: readonly Result[]): boolean =>
  results.some(({ end }) => end.kind === "passed") && results.every(({ end }) => end.kind !== "failed");

const seconds = (time: number): string => `${time.toFixed(1)} s`.padStart(9);
const indented = (text: string): string =>
  text
    .split("\n")
    .map((line) => `           ${line}`)
    .join("\n");
