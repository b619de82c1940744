/** `dmthin check-config`: every problem of a configuration, one a line. */
import { hostname } from "node:os";
import { readConfig, surroundingsOf } from "./config.ts";
import { InvalidRequestError, messageOf } from "./core/errors.ts";

/** Answers the exit code: 0 if the driver would take the file. */
export async function checkConfig(path: string): Promise<number> {
  try {
    const { pools } = await readConfig(path, surroundingsOf(process.env, hostname()));
    process.stdout.write(`${path} is valid; pools: ${pools.map(({ name }) => name).join(", ")}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    const cause = error.cause === undefined ? "" : ` (${messageOf(error.cause)})`;
    process.stderr.write(`${error.message}${cause}\n`);
    return 1;
  }
}
