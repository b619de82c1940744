/** `dmthin pool grow`: has the running driver take up what new room there is. */
import { controlSocket } from "../config/paths.ts";
import { EnvironmentError, messageOf, ParseError } from "../core/errors.ts";
import { GROW } from "../core/growth-answer.ts";
import type { GrowthRequest } from "../core/growth-answer.ts";
import { EXIT } from "./answer.ts";
import { askDriver, stateDirectoryOf } from "./ask.ts";
import type { Whereabouts } from "./ask.ts";
import { growthAnswer, parseGrowth } from "./growth-text.ts";

export interface GrowCommand extends Whereabouts, GrowthRequest {
  readonly kind: "pool-grow";
  readonly pool: string;
  readonly json: boolean;
}

/** The driver may have to open the pool again, and to partition disks. */
const PATIENCE_MS = 600_000;

/** Answers the exit code. */
export async function runGrowCommand(command: GrowCommand): Promise<number> {
  const { pool, json, dryRun, releaseReserve } = command;
  const query = new URLSearchParams({
    pool,
    ...(dryRun ? { "dry-run": "" } : {}),
    ...(releaseReserve ? { "release-reserve": "" } : {}),
  });
  try {
    const socket = controlSocket(await stateDirectoryOf(command));
    const said = growthAnswer(
      parseGrowth(await askDriver(socket, "POST", `${GROW}?${query.toString()}`, PATIENCE_MS)),
      pool,
      json,
    );
    process.stdout.write(said.output);
    if (said.complaint !== undefined) process.stderr.write(`dmthin: ${said.complaint}\n`);
    return said.exitCode;
  } catch (error) {
    if (!(error instanceof EnvironmentError) && !(error instanceof ParseError)) throw error;
    process.stderr.write(`dmthin: ${messageOf(error)}\n`);
    return EXIT.unknown;
  }
}
