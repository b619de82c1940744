/** What a suite in the guest tells the host: one line of JSON on its standard output. */
import { PROMISES, type FaultOutcome, type PromiseNumber, type Violation } from "./case.ts";

export interface TestVerdict {
  /** With the names of all that it stands in. */
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped" | "pending";
  readonly errors: readonly string[];
}

export interface SuiteVerdict {
  readonly tests: readonly TestVerdict[];
  /** Of hooks, files that do not load, promises that nobody awaited. */
  readonly otherErrors: readonly string[];
}

const MARK = "faults: verdict ";
export const FIGURE = "faults: figure ";
/** Of the evidence of one violation. */
const MOST_CHARACTERS = 4000;

export const formatVerdict = (verdict: SuiteVerdict): string => `${MARK}${JSON.stringify(verdict)}`;

/** Undefined where the suite did not come to its end. */
export function findVerdict(stdout: string): SuiteVerdict | undefined {
  const line = stdout.split("\n").findLast((each) => each.startsWith(MARK));
  return line === undefined ? undefined : (JSON.parse(line.slice(MARK.length)) as SuiteVerdict);
}

/** What the suite found worth telling, in its order. */
export const findFigures = (stdout: string): readonly string[] =>
  stdout.split("\n").flatMap((line) => {
    // vitest may begin the line with a colour.
    const at = line.indexOf(FIGURE);
    return at === -1 ? [] : [line.slice(at + FIGURE.length)];
  });

/** `promise 4: …`, `promises 4, 5: …`, anywhere in the name of a test or of what it stands in. Undefined: none named. */
export function promisesIn(name: string): readonly PromiseNumber[] | undefined {
  const [, list = ""] = /\bpromises? (\d+(?:, \d+)*):/.exec(name) ?? [];
  const numbers = list.split(", ").map(Number);
  const found = PROMISES.filter((promise) => numbers.includes(promise));
  return found.length === numbers.length ? found : undefined;
}

/**
 * Each test is a case of every promise that it names, and a failed one violates the first of them. Throws RangeError
 * where that cannot be said: no tests, one that names no promise or was skipped, an error outside of all tests, or
 * promises other than those that the case declares.
 */
export function outcomeOf(verdict: SuiteVerdict, declared: readonly PromiseNumber[]): FaultOutcome {
  const { tests, otherErrors } = verdict;
  if (otherErrors.length > 0)
    throw new RangeError(["errors outside of tests:", ...otherErrors, ...failuresOf(tests)].join("\n"));
  if (tests.length === 0) throw new RangeError("no tests");
  const tried = new Map<PromiseNumber, number>();
  const violations: Violation[] = [];
  for (const { name, state, errors } of tests) {
    const promises = promisesIn(name);
    const [first] = promises ?? [];
    if (promises === undefined || first === undefined) throw new RangeError(`names no promise: ${name}`);
    if (state !== "passed" && state !== "failed") throw new RangeError(`was not run: ${name}`);
    for (const promise of promises) tried.set(promise, (tried.get(promise) ?? 0) + 1);
    if (state === "failed")
      violations.push({
        promise: first,
        evidence: `${name}\n${errors.join("\n")}`.slice(0, MOST_CHARACTERS),
      });
  }
  const missing = declared.filter((promise) => !tried.has(promise));
  const undeclared = [...tried.keys()].filter((promise) => !declared.includes(promise));
  if (missing.length + undeclared.length > 0)
    throw new RangeError(
      `promises declared and not tried: ${missing.join()}; not declared: ${undeclared.join()}`,
    );
  return { violations, figures: `${tests.length - violations.length} of ${tests.length} held`, tried };
}

/** Often what an error outside of all tests comes from. */
function failuresOf(tests: readonly TestVerdict[]): readonly string[] {
  const failed = tests.filter(({ state }) => state === "failed");
  return failed.map(({ name, errors }) => `failed: ${name}\n${errors.join("\n")}`.slice(0, MOST_CHARACTERS));
}
