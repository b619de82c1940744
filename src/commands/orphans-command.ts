/** `dmthin orphans`: what lies on this node and belongs to no record. It lists, and changes nothing. */
import { reportSocket } from "../config/paths.ts";
import { EnvironmentError, messageOf, ParseError } from "../core/errors.ts";
import { ORPHANS } from "../core/orphans.ts";
import { EXIT } from "./answer.ts";
import { askDriver, stateDirectoryOf } from "./ask.ts";
import type { Whereabouts } from "./ask.ts";
import { orphansAnswer, parseOrphanList } from "./orphans-text.ts";
import { paintFor } from "./paint.ts";

export interface OrphansCommand extends Whereabouts {
  readonly kind: "orphans";
  readonly json: boolean;
}

/** Longer than the driver waits for a loop device that is stuck. */
const PATIENCE_MS = 20_000;

/** Answers the exit code. */
export async function runOrphansCommand(command: OrphansCommand): Promise<number> {
  try {
    const socket = reportSocket(await stateDirectoryOf(command));
    const list = parseOrphanList(await askDriver(socket, "GET", ORPHANS, PATIENCE_MS));
    const said = orphansAnswer(list, command.json, paintFor(process.stdout, process.env));
    process.stdout.write(said.output);
    if (said.complaint !== undefined) process.stderr.write(`dmthin: ${said.complaint}\n`);
    return said.exitCode;
  } catch (error) {
    if (!(error instanceof EnvironmentError) && !(error instanceof ParseError)) throw error;
    process.stderr.write(`dmthin: ${messageOf(error)}\n`);
    return EXIT.unknown;
  }
}
