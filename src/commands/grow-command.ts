/** `dmthin pool grow`: has the running driver take up what new room there is. */
import { controlSocket } from "../config/paths.ts";
import { GROW } from "../core/growth-answer.ts";
import type { GrowthRequest } from "../core/growth-answer.ts";
import { askDriver, stateDirectoryOf } from "./ask.ts";
import type { Whereabouts } from "./ask.ts";
import { growthAnswer, parseGrowth } from "./growth-text.ts";
import { say } from "./say.ts";

export interface GrowCommand extends Whereabouts, GrowthRequest {
  readonly kind: "pool-grow";
  readonly pool: string;
  readonly json: boolean;
}

/** The driver may have to open the pool again, and to partition disks. */
const PATIENCE_MS = 600_000;

/** Answers the exit code. */
export function runGrowCommand(command: GrowCommand): Promise<number> {
  const { pool, json, dryRun, releaseReserve } = command;
  const query = new URLSearchParams({
    pool,
    ...(dryRun ? { "dry-run": "" } : {}),
    ...(releaseReserve ? { "release-reserve": "" } : {}),
  });
  return say(async () => {
    const socket = controlSocket(await stateDirectoryOf(command));
    const body = await askDriver(socket, "POST", `${GROW}?${query.toString()}`, PATIENCE_MS);
    return growthAnswer(parseGrowth(body), pool, json);
  });
}
