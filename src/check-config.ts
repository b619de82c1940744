/** `dmthin check-config`: every problem of a configuration, one a line. */
import { hostname } from "node:os";
import { readConfig, surroundingsOf } from "./config.ts";
import { InvalidRequestError, messageOf } from "./core/errors.ts";

export interface CheckConfigCommand {
  readonly kind: "check-config";
  readonly configuration: string;
  /** Whose file it is. */
  readonly of: "node" | "controller";
}

/** Answers the exit code: 0 if the driver, or the controller, would take the file. */
export async function checkConfig({ configuration: path, of }: CheckConfigCommand): Promise<number> {
  try {
    process.stdout.write(
      `${path} is valid; ${of === "node" ? await poolsIn(path) : await clusterIn(path)}\n`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    const cause = error.cause === undefined ? "" : ` (${messageOf(error.cause)})`;
    process.stderr.write(`${error.message}${cause}\n`);
    return 1;
  }
}

async function poolsIn(path: string): Promise<string> {
  const { pools } = await readConfig(path, surroundingsOf(process.env, hostname()));
  return `pools: ${pools.map(({ name }) => name).join(", ")}`;
}

/** What routes is loaded for a controller's file only. */
async function clusterIn(path: string): Promise<string> {
  const { readControllerConfig } = await import("./controller.ts");
  const { kubernetes, static: files } = await readControllerConfig(path);
  return kubernetes === undefined ? `nodes: ${files?.nodes}` : `namespace: ${kubernetes.namespace}`;
}
