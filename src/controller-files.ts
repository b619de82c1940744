/** A controller whose cluster stands in files that somebody else keeps: no API server, no enrolment. */
import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { problemsError } from "./config.ts";
import { parseNodesFile, type StaticCluster } from "./config/controller.ts";
import type { CleaningAnswer, CleaningRequest, ClusterOrphanList } from "./core/cluster-orphans.ts";
import { messageOf } from "./core/errors.ts";
import { followFiles } from "./follow-files.ts";
import { followIdentity } from "./identity-files.ts";
import type { Log } from "./log.ts";
import { CONTROLLER_URI, type Identity } from "./route/identity.ts";
import type { Roster } from "./route/roster.ts";

/** What a controller has to be given: who it is, and who its nodes are. */
export interface ClusterParts {
  readonly identity: Identity;
  readonly take: (roster: Roster) => void;
  readonly log: Log;
}

export interface RunningCluster {
  /** Whether this controller writes what all of them report. */
  readonly leads: boolean;
  /** Looks for what nodes and cluster do not agree about; absent: there is nothing to compare with. */
  readonly orphans?: () => Promise<ClusterOrphanList>;
  /** Deletes those that are named, and no more of them once `gone` is aborted; absent likewise. */
  readonly cleanOrphans?: (request: CleaningRequest, gone: AbortSignal) => Promise<CleaningAnswer>;
  close(): Promise<void>;
}

export function followFilesOf(
  { identity: directory, nodes }: StaticCluster,
  { identity, take, log }: ClusterParts,
): RunningCluster {
  const ends = [followIdentity(directory, CONTROLLER_URI, identity, log), followNodes(nodes, take, log)];
  return {
    // There is nothing to write to.
    leads: false,
    close: async () => {
      for (const end of ends) end();
    },
  };
}

/** A file that cannot be read or is not valid changes nothing: nodes do not go because somebody mistyped a name. */
function followNodes(path: string, take: (roster: Roster) => void, log: Log): () => void {
  let tail: Promise<void> = Promise.resolve();
  const load = (): void => {
    tail = tail.then(async () => {
      try {
        const parsed = parseNodesFile(await readFile(path, "utf8"));
        if (parsed.kind === "invalid") throw problemsError(path, parsed.problems);
        take(parsed.value);
        log.info({ path, nodes: parsed.value.length }, "nodes taken over");
      } catch (error) {
        log.error({ path, problem: messageOf(error) }, "the nodes stay as they were");
      }
    });
  };
  load();
  return followFiles({
    directory: dirname(path),
    matters: (name) => name === basename(path),
    changed: load,
    lost: (problem) => log.warn({ path }, `the file of nodes is ${problem}`),
  });
}
