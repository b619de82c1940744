/** The life of a controller: puts its parts together, serves, drains. It has no state of its own. */
import { problemsError, readConfigurationFile, socketPath } from "./config.ts";
import { parseControllerConfig, type ControllerConfig } from "./config/controller.ts";
import { listen } from "./csi/server.ts";
import { followFilesOf, type ClusterParts } from "./controller-files.ts";
import { createLog, type Log } from "./log.ts";
import { dieLoudly, stopSignal } from "./process.ts";
import { Fleet } from "./route/fleet.ts";
import { Identity } from "./route/identity.ts";
import { routerServices } from "./route/router.ts";

export interface ControllerOptions {
  /** Path of the file. */
  readonly configuration: string;
  readonly version: string;
}

/** Kubernetes kills a pod 30 s after it asked for its end. */
const DRAIN_MS = 25_000;

/** Serves until SIGTERM or SIGINT. Answers the exit code; rejects where the controller cannot start at all. */
export async function serveController(options: ControllerOptions): Promise<number> {
  const config = await readControllerConfig(options.configuration);
  const { log, flush } = createLog(config.logLevel);
  dieLoudly(log, flush);
  try {
    return await runController(config, options, log);
  } finally {
    flush();
  }
}

/** Throws InvalidRequestError that lists every problem. */
export async function readControllerConfig(path: string): Promise<ControllerConfig> {
  const endpoint = process.env["CSI_ENDPOINT"];
  const { text } = await readConfigurationFile(path);
  const parsed = parseControllerConfig(text, endpoint ? { endpoint } : {});
  if (parsed.kind === "valid") return parsed.value;
  throw problemsError(path, parsed.problems);
}

async function runController(
  config: ControllerConfig,
  { version }: ControllerOptions,
  log: Log,
): Promise<number> {
  const stop = stopSignal();
  const identity = new Identity();
  const fleet = new Fleet({ credentialsFor: (node) => identity.towards(node), log });
  const cluster = await followCluster(config, { identity, log, take: (roster) => fleet.follow(roster) });
  const server = await listen(socketPath(config.endpoint), routerServices(fleet, version, { log }));
  log.info({ role: "controller", version, endpoint: config.endpoint }, "listening");
  const signal = await stop;
  log.info({ signal }, "draining");
  cluster.close();
  const clean = await server.drain({ idle: () => Promise.resolve(), withinMs: DRAIN_MS });
  fleet.close();
  log.info({ clean }, "ended");
  return 0;
}

/** The API's client is loaded only where it is spoken to. */
async function followCluster(config: ControllerConfig, parts: ClusterParts): Promise<{ close(): void }> {
  if (config.kubernetes !== undefined) {
    const { followKubernetes } = await import("./controller-kubernetes.ts");
    return followKubernetes(config.kubernetes, parts);
  }
  if (config.static === undefined) throw new RangeError("a controller without a cluster");
  return followFilesOf(config.static, parts);
}
