/** All scenarios: long ones first, so that none runs by itself at the end. */
import { CAPACITY } from "./capacity.ts";
import { CHART } from "./chart.ts";
import { CLAIMS } from "./claims.ts";
import { DRIVER } from "./driver.ts";
import { GROUP_SNAPSHOTS } from "./groups.ts";
import { GROWTH } from "./growth.ts";
import { MANY } from "./many.ts";
import { MOVES } from "./moves.ts";
import { NODES } from "./nodes.ts";
import { ORPHANS } from "./orphans.ts";
import { PLUGIN } from "./plugin.ts";
import { PODS } from "./pods.ts";
import { SNAPSHOTS_AND_COPIES } from "./snapshots.ts";
import { VIEWS } from "./views.ts";
import type { Scenario } from "../framework/scenario.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...ORPHANS,
  ...PODS,
  ...CAPACITY,
  ...VIEWS,
  ...PLUGIN,
  ...SNAPSHOTS_AND_COPIES,
  ...GROUP_SNAPSHOTS,
  ...GROWTH,
  ...CLAIMS,
  ...MANY,
  ...NODES,
  ...DRIVER,
  ...CHART,
  ...MOVES,
];
