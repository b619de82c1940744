/** What a scenario is, and which of them are run. */
import type { World } from "./world.ts";

/** What a cluster has to have, or the run has to be given, for a scenario to be run. */
export type Need =
  | "two-nodes"
  | "snapshots"
  | "group-snapshots"
  | "small-pool"
  | "thinpools"
  | "bed"
  | "helm"
  | "plugin";

export interface Scenario {
  /** In kebab case; names its namespace and the directory of its logs. */
  readonly id: string;
  /** One sentence: what has to be so. */
  readonly title: string;
  readonly needs?: readonly Need[];
  /** Part of the share that every change has to pass. */
  readonly smoke?: boolean;
  /** Nothing else may run meanwhile: it takes parts of the cluster away, or measures. */
  readonly alone?: boolean;
  /** What scenarios use one after the other. */
  readonly uses?: "small-pool";
  /** After so long it has failed; 10 minutes unless given. */
  readonly deadlineMs?: number;
  run(world: World): Promise<void>;
}

export interface Selection {
  readonly smoke: boolean;
  /** Parts of ids, any of which is enough; empty: all. */
  readonly only: readonly string[];
}

/** Throws where nothing is left: a name that was mistyped is no success. */
export function select(scenarios: readonly Scenario[], { smoke, only }: Selection): readonly Scenario[] {
  const chosen = scenarios.filter(
    (each) =>
      (!smoke || each.smoke === true) && (only.length === 0 || only.some((part) => each.id.includes(part))),
  );
  if (chosen.length === 0) throw new Error(`no scenario is called ${only.join(", ")}`);
  return chosen;
}
