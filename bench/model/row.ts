/** What one row of the benchmark says. Pure. */
import type { Summary } from "./statistics.ts";

/** `x`: a ratio. */
export type Unit = "x" | "ms" | "s" | "MiB" | "processes" | "percent";

/** Known before anything is measured. */
export interface RowFacts {
  readonly id: string;
  readonly what: string;
  readonly unit: Unit;
  /** The most that `value` should be; absent: only reported. */
  readonly target?: number;
}

/** What a measurement found. */
export interface Finding {
  readonly value: number;
  /** The middle half of what was measured. */
  readonly spread?: readonly [number, number];
  /** What was compared, each with its series in milliseconds (or as `details` says). */
  readonly sides?: Readonly<Record<string, Summary>>;
  readonly details?: Readonly<Record<string, unknown>>;
  /** What a reader must know to understand the figure. */
  readonly note?: string;
}

/** A row of bench/out/latest.json. `value` and `ok` are null where nothing could be measured, `ok` also without a target. */
export interface Row {
  readonly id: string;
  readonly value: number | null;
  readonly target: number | null;
  readonly ok: boolean | null;
  readonly what: string;
  readonly unit: Unit;
  readonly where: string;
  readonly spread?: readonly [number, number];
  readonly sides?: Readonly<Record<string, Summary>>;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly note?: string;
  /** Why there is no value. */
  readonly failure?: string;
}

export function judged(facts: RowFacts, where: string, finding: Finding): Row {
  const { id, what, unit, target } = facts;
  const ok = target === undefined ? null : finding.value <= target;
  return { id, target: target ?? null, ok, what, unit, where, ...finding };
}

export function failed({ id, what, unit, target }: RowFacts, where: string, failure: string): Row {
  return { id, value: null, target: target ?? null, ok: null, what, unit, where, failure };
}
