/**
 * `dmthin orphans`: what lies on this node and belongs to no record, or what nodes and cluster do not agree about. It lists only;
 * with `--clean` it has a controller delete what is named.
 */
import { controlSocket, reportSocket } from "../config/paths.ts";
import { cleaningQuery } from "../core/cleaning-query.ts";
import { CLEAN_CLUSTER_ORPHANS, CLUSTER_ORPHANS, type CleaningRequest } from "../core/cluster-orphans.ts";
import { ORPHANS } from "../core/orphans.ts";
import { askDriver, stateDirectoryOf } from "./ask.ts";
import type { Whereabouts } from "./ask.ts";
import { cleaningAnswer, parseCleaning } from "./cleaning-text.ts";
import { clusterOrphansAnswer, parseClusterOrphans } from "./cluster-orphans-text.ts";
import { orphansAnswer, parseOrphanList } from "./orphans-text.ts";
import { paintFor } from "./paint.ts";
import { say } from "./say.ts";

export interface OrphansCommand extends Whereabouts {
  readonly kind: "orphans";
  readonly json: boolean;
  /** Ask the controller that runs here, instead of the driver of a node. */
  readonly cluster?: true;
  /** Have it delete those, or say what of them it would. */
  readonly clean?: CleaningRequest;
}

/** Longer than the driver waits for a loop device that is stuck. */
const PATIENCE_MS = 20_000;
/** A controller asks all nodes, and lists what the cluster has. */
const CLUSTER_PATIENCE_MS = 300_000;
/** Likewise, before each that it deletes. */
const CLEANING_PATIENCE_MS = 1_800_000;

/** Answers the exit code. */
export function runOrphansCommand(command: OrphansCommand): Promise<number> {
  return say(async () => {
    const stateDirectory = await stateDirectoryOf(command);
    if (command.clean !== undefined) {
      const path = `${CLEAN_CLUSTER_ORPHANS}?${cleaningQuery(command.clean).toString()}`;
      const text = await askDriver(controlSocket(stateDirectory), "POST", path, CLEANING_PATIENCE_MS);
      return cleaningAnswer(parseCleaning(text), command.json, paintFor(process.stdout, process.env));
    }
    const socket = reportSocket(stateDirectory);
    if (command.cluster === true) {
      const answer = await askDriver(socket, "GET", CLUSTER_ORPHANS, CLUSTER_PATIENCE_MS);
      return clusterOrphansAnswer(
        parseClusterOrphans(answer),
        command.json,
        paintFor(process.stdout, process.env),
      );
    }
    const list = parseOrphanList(await askDriver(socket, "GET", ORPHANS, PATIENCE_MS));
    return orphansAnswer(list, command.json, paintFor(process.stdout, process.env));
  });
}
