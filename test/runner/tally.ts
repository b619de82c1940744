import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What one test suite counted. Every suite of `make test` leaves one, as JSON, under test/out. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly Skip[];
}

export interface Skip {
  readonly name: string;
  readonly reason: string;
}

const root = join(import.meta.dirname, "../..");

/** Where a suite leaves its tally. */
export const tallyPath = (suite: string): string => join(root, "test/out", `${suite}.tally.json`);

export function writeTally(suite: string, tally: Tally): void {
  mkdirSync(dirname(tallyPath(suite)), { recursive: true });
  writeFileSync(tallyPath(suite), `${JSON.stringify(tally, null, 2)}\n`);
}

/** To be called before a suite starts: a suite that dies must not be counted by its last run. */
export function forgetTally(suite: string): void {
  rmSync(tallyPath(suite), { force: true });
}

/** The tally the suite left; undefined when it left none, or half of one. */
export function readTally(suite: string): Tally | undefined {
  try {
    return parseTally(readFileSync(tallyPath(suite), "utf8"));
  } catch {
    return undefined; // absent or cut off: either way the suite did not come to its end
  }
}

/** Throws SyntaxError where the text is not a tally. */
export function parseTally(text: string): Tally {
  const value: unknown = JSON.parse(text);
  if (!isTally(value)) throw new SyntaxError(`not a tally: ${text.slice(0, 200)}`);
  return value;
}

function isTally(value: unknown): value is Tally {
  if (typeof value !== "object" || value === null) return false;
  const { passed, failed, skipped } = value as Partial<Tally>;
  return isCount(passed) && isCount(failed) && Array.isArray(skipped) && skipped.every(isSkip);
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

function isSkip(value: unknown): value is Skip {
  if (typeof value !== "object" || value === null) return false;
  const { name, reason } = value as Partial<Skip>;
  return typeof name === "string" && typeof reason === "string";
}
