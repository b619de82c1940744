/** What a fault case is: a piece of the suite that tries some of the thirteen promises of docs/reliability.md. */

export const PROMISES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] as const;
export type PromiseNumber = (typeof PROMISES)[number];

/** A promise that did not hold. `evidence`: what was expected and what was found, for a person who was not there. */
export interface Violation {
  readonly promise: PromiseNumber;
  readonly evidence: string;
}

export interface FaultContext {
  /** Decides all that is random in the run. */
  readonly seed: number;
  /** About how long the run may take; a case that can do less or more work goes by it. */
  readonly budgetMs: number;
  /** In the bounded share of every change; otherwise the whole suite, or one case by hand. */
  readonly share: boolean;
  /** Empty, on a disk with room for sparse files; deleted after the run. */
  readonly directory: string;
}

export interface FaultOutcome {
  readonly violations: readonly Violation[];
  /** What was done and how much of it, in a few words. */
  readonly figures: string;
  /** How many cases of each promise the run held; without it the run is one case of each promise of its case. */
  readonly tried?: ReadonlyMap<PromiseNumber, number>;
}

export interface FaultCase {
  /** For CASE=…: lower-case words with hyphens. */
  readonly name: string;
  /** Those that a run of this case touches; each run counts as one case of each, unless its outcome counts them. */
  readonly promises: readonly PromiseNumber[];
  /** How many seeds a run of the whole suite takes, and of the share; 0: none, only by name. */
  readonly seeds: { readonly full: number; readonly share: number };
  /** Rejects when the run itself could not be done: no promise is broken, and none is tried. */
  run(context: FaultContext): Promise<FaultOutcome>;
}
