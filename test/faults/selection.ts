/** Which case-runs a call of the suite asks for. */
import type { FaultCase } from "./case.ts";

/** One case with one seed. */
export interface CaseRun {
  readonly fault: FaultCase;
  readonly seed: number;
}

export interface Selection {
  /** A whole number, or a range `5-20`: every case is run with each. Without it each case takes its own number, from 1. */
  readonly seed?: string;
  /** The name of one case; also of one that runs by name only. */
  readonly name?: string;
  readonly share: boolean;
}

/** Throws RangeError for a seed that is none, a case that there is not, and a selection of nothing. */
export function select(cases: readonly FaultCase[], selection: Selection): readonly CaseRun[] {
  const { seed, name, share } = selection;
  const chosen = name === undefined ? cases : cases.filter((each) => each.name === name);
  if (name !== undefined && chosen.length === 0)
    throw new RangeError(`no such case: ${name}; cases are ${cases.map((each) => each.name).join(", ")}`);
  const given = seed === undefined ? undefined : parseSeeds(seed);
  const runs = chosen.flatMap((fault) => {
    const own = share ? fault.seeds.share : fault.seeds.full;
    const byName = name !== undefined;
    if (own === 0 && !byName) return [];
    return (given ?? range(1, Math.max(own, 1))).map((each) => ({ fault, seed: each }));
  });
  if (runs.length === 0) throw new RangeError("no case to run");
  return runs;
}

function parseSeeds(text: string): readonly number[] {
  const [, first = "", last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text) ?? [];
  if (first === "" || Number(last) < Number(first))
    throw new RangeError(`not a seed, nor a range such as 5-20: ${text}`);
  return range(Number(first), Number(last));
}

const range = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
