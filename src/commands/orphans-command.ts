/** `dmthin orphans`: what lies on this node and belongs to no record. It lists, and changes nothing. */
import { reportSocket } from "../config/paths.ts";
import { ORPHANS } from "../core/orphans.ts";
import { askDriver, stateDirectoryOf } from "./ask.ts";
import type { Whereabouts } from "./ask.ts";
import { orphansAnswer, parseOrphanList } from "./orphans-text.ts";
import { paintFor } from "./paint.ts";
import { say } from "./say.ts";

export interface OrphansCommand extends Whereabouts {
  readonly kind: "orphans";
  readonly json: boolean;
}

/** Longer than the driver waits for a loop device that is stuck. */
const PATIENCE_MS = 20_000;

/** Answers the exit code. */
export function runOrphansCommand(command: OrphansCommand): Promise<number> {
  return say(async () => {
    const socket = reportSocket(await stateDirectoryOf(command));
    const list = parseOrphanList(await askDriver(socket, "GET", ORPHANS, PATIENCE_MS));
    return orphansAnswer(list, command.json, paintFor(process.stdout, process.env));
  });
}
