/** The life of a controller: puts its parts together, serves, drains. It has no state of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import { problemsError, readConfigurationFile, socketPath } from "./config.ts";
import { parseControllerConfig, type ControllerConfig } from "./config/controller.ts";
import type { KubernetesParts } from "./controller-kubernetes.ts";
import { listen } from "./csi/server.ts";
import type { UnaryOptions } from "./csi/unary.ts";
import { followFilesOf, type ClusterParts, type RunningCluster } from "./controller-files.ts";
import { createLog, type Log } from "./log.ts";
import { ControllerMonitor } from "./monitor/controller-monitor.ts";
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
/** What is said to the API server at the end. */
const CLOSE_MS = 5000;

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
  const running: { cluster?: RunningCluster; clusterUid?: string } = {};
  const fleet = new Fleet({
    credentialsFor: (node) => identity.towards(node),
    clusterUid: () => running.clusterUid,
    log,
  });
  const monitor = new ControllerMonitor(version, () => {
    const away = fleet.nodes.filter(({ view }) => view === undefined).length;
    return {
      ready: fleet.known,
      leads: running.cluster?.leads ?? false,
      nodesThere: fleet.nodes.length - away,
      nodesAway: away,
    };
  });
  const { counters } = monitor;
  await monitor.listen({
    ...config.metrics,
    ...(config.stateDirectory === undefined ? {} : { stateDirectory: config.stateDirectory }),
    orphans: async () => running.cluster?.orphans?.(),
    cleanOrphans: async (...asked) => running.cluster?.cleanOrphans?.(...asked),
    log,
  });
  const cluster = await followCluster(
    config,
    { identity, log, take: (roster) => fleet.follow(roster) },
    (parts) => ({
      ...parts,
      version,
      nodes: () => (fleet.known ? fleet.nodes : undefined),
      learned: (clusterUid) => (running.clusterUid = clusterUid),
      found: (list) => counters.orphansFound(list),
      cleaned: (...each) => counters.orphanCleaned(...each),
      answered: (...request) => counters.apiAnswered(...request),
    }),
  );
  running.cluster = cluster;
  const onAnswered: UnaryOptions["onAnswered"] = (...call) => counters.rpcEnded(...call);
  const server = await listen(
    socketPath(config.endpoint),
    routerServices(fleet, version, { log, onAnswered }),
  );
  log.info({ role: "controller", version, endpoint: config.endpoint }, "listening");
  const signal = await stop;
  log.info({ signal }, "draining");
  const [clean] = await Promise.all([
    server.drain({ idle: () => Promise.resolve(), withinMs: DRAIN_MS }),
    Promise.race([cluster.close(), sleep(CLOSE_MS, undefined, { ref: false })]),
  ]);
  fleet.close();
  monitor.close();
  log.info({ clean }, "ended");
  return 0;
}

/** The API's client is loaded only where it is spoken to. */
async function followCluster(
  config: ControllerConfig,
  parts: ClusterParts,
  more: (parts: ClusterParts) => KubernetesParts,
): Promise<RunningCluster> {
  if (config.kubernetes !== undefined) {
    const { followKubernetes } = await import("./controller-kubernetes.ts");
    return followKubernetes(config.kubernetes, more(parts));
  }
  if (config.static === undefined) throw new RangeError("a controller without a cluster");
  return followFilesOf(config.static, parts);
}
