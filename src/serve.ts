/** The life of a driver: start, serve, drain. Puts the parts together; the only place that chooses them. */
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { guessStateDirectory, readConfig, socketPath, surroundingsOf, type Config } from "./config.ts";
import { controlSocket, reportSocket } from "./config/paths.ts";
import { messageOf } from "./core/errors.ts";
import { tellingOfChanges } from "./core/observer.ts";
import { Operations } from "./core/operations.ts";
import type { DmVersions, PoolReport } from "./core/pool-report.ts";
import { topologyValue } from "./core/topology.ts";
import { listen } from "./csi/server.ts";
import { csiServices } from "./csi/services.ts";
import { DamageNotes } from "./csi/damage.ts";
import type { UnaryOptions } from "./csi/unary.ts";
import { faultPoint, type FaultPoint } from "./fault-point.ts";
import { GuardClient } from "./host/guard-client.ts";
import { dmVersions } from "./host/dm-version.ts";
import { createRunner, type Runner } from "./host/run.ts";
import { sweepSuspended } from "./host/suspended-sweep.ts";
import { ensureThinTargets } from "./host/thin-targets.ts";
import { findTools } from "./host/tools.ts";
import type { ClusterNode, ClusterNodeOptions } from "./cluster-node.ts";
import { createLog, type Log } from "./log.ts";
import { Monitor } from "./monitor/monitor.ts";
import { keepHeapAsItIs } from "./small-heap.ts";
import { createMountEngine } from "./mounts/kernel-mounts.ts";
import { OrphanLook } from "./mounts/orphans.ts";
import { TrimSchedule } from "./mounts/trim-schedule.ts";
import { Trims } from "./mounts/trims.ts";
import { nodeVersions } from "./node-versions.ts";
import type { Report } from "./pool/backing.ts";
import { PoolClaims } from "./pool/claims.ts";
import { LeftDevices } from "./pool/left-devices.ts";
import { measurePools, reportPools } from "./pool/report-pools.ts";
import { startPools, type SupervisedPools } from "./pool/set.ts";
import { dieLoudly, stopSignal } from "./process.ts";
import { followConfiguration } from "./reload.ts";

export interface ServeOptions {
  /** Path of the file. */
  readonly configuration: string;
  /** `node` also serves the controllers of its cluster, where the configuration says how. */
  readonly role: "all" | "node";
  readonly version: string;
}

/** Kubernetes kills a pod 30 s after it asked for its end. */
const DRAIN_MS = 25_000;
const CLOSE_MS = 3000;
/** How long a report waits for a pool: less than what Prometheus waits for a scrape, 10 s unless told otherwise. */
const REPORT_MS = 5000;

/** Serves until SIGTERM or SIGINT. Answers the exit code; rejects where the driver cannot start at all. */
export async function serve(options: ServeOptions): Promise<number> {
  const configured = await readConfigOrProblem(options.configuration);
  const { log, flush } = createLog("config" in configured ? configured.config.logLevel : "info");
  dieLoudly(log, flush);
  try {
    const tools = findTools();
    const faults = faultPoint(process.env["DMTHIN_FAULT_FILE"]);
    const monitor = new Monitor();
    const runner = faults.watch(
      createRunner(tools, ({ ms, ...facts }) => {
        log.debug({ ...facts, ms: Math.round(ms) }, "command");
        monitor.counters.commandEnded(facts.argv[0] ?? "", facts.exitCode, ms);
      }),
    );
    // Before anything can go wrong with the configuration: a suspended device holds up whoever uses its volume.
    await sweep(
      runner,
      "config" in configured ? configured.config.stateDirectory : configured.stateDirectory,
      { log, monitor },
    );
    if (!("config" in configured)) throw configured.problem;
    await ensureThinTargets(runner);
    return await runDriver(configured.config, options, { runner, log, faults, monitor });
  } finally {
    flush();
  }
}

async function readConfigOrProblem(
  path: string,
): Promise<{ readonly config: Config } | { readonly problem: unknown; readonly stateDirectory: string }> {
  try {
    return { config: await readConfig(path, surroundingsOf(process.env, hostname())) };
  } catch (problem) {
    return { problem, stateDirectory: await guessStateDirectory(path) };
  }
}

async function sweep(
  runner: Runner,
  stateDirectory: string,
  { log, monitor }: Pick<Beginning, "log" | "monitor">,
): Promise<void> {
  const { resumed, thawed, left, problems } = await sweepSuspended(runner, stateDirectory);
  monitor.counters.suspendedFound("resumed", resumed.length);
  monitor.counters.suspendedFound("thawed", thawed.length);
  monitor.counters.suspendedFound("left", left.length);
  if (resumed.length + thawed.length + left.length > 0) {
    // Since the start of the process.
    const afterMs = Math.round(performance.now());
    log.warn({ resumed, thawed, left, afterMs }, "found suspended devices");
  }
  for (const problem of problems) log.error({ problem }, "a device could not be resumed");
}

/** What is there before the configuration is known to be good. */
interface Beginning {
  readonly runner: Runner;
  readonly log: Log;
  readonly faults: FaultPoint;
  readonly monitor: Monitor;
}

async function runDriver(
  config: Config,
  options: ServeOptions,
  { runner, log, faults: { around, afterStep }, monitor }: Beginning,
): Promise<number> {
  const stop = stopSignal();
  await mkdir(config.stateDirectory, { recursive: true, mode: 0o700 });
  const guard = new GuardClient(guardOptions(config));
  // One for all pools: names are unique on the node, and the end of the driver waits for all of them.
  const operations = new Operations(around);
  let pools: SupervisedPools | undefined;
  const claims = new PoolClaims();
  const trims = new Trims(runner);
  let cluster: ClusterNode | undefined;
  let { clusterUid } = config;
  const driver = {
    version: options.version,
    node: { name: config.nodeName, topology: topologyValue(config.nodeName), maxVolumes: config.maxVolumes },
    pools: () => pools,
    damage: new DamageNotes(() => cluster?.poke()),
    mounts: createMountEngine({
      runner,
      kubeletDirectory: config.kubeletDirectory,
      leftDevices: new LeftDevices({ runner, stateDirectory: config.stateDirectory, claims }),
      trims,
      around,
      afterStep,
    }),
  };
  // Before the pools: Probe tells the sidecars to wait, and a second driver on this socket ends here.
  const { counters } = monitor;
  counters.introduce(config.pools.map(({ name }) => name));
  const count: NonNullable<UnaryOptions["onAnswered"]> = (...call) => counters.rpcEnded(...call);
  const onAnswered: UnaryOptions["onAnswered"] = (...call) => {
    count(...call);
    cluster?.answered(call[0]);
  };
  const server = await listen(socketPath(config.endpoint), csiServices(driver, { log, onAnswered }));
  log.info({ role: options.role, version: options.version, endpoint: config.endpoint }, "listening");
  await guard
    .connect()
    .catch((error: unknown) => log.error({ problem: messageOf(error) }, "no resume guard"));
  const report: Report = (level, message) => log[level]({}, message);
  const opening = startPools(config, {
    stateDirectory: config.stateDirectory,
    runner,
    guard,
    operations,
    claims,
    report,
    now: () => new Date(),
    clusterUid: () => clusterUid,
    afterStep,
    observer: tellingOfChanges(counters, () => cluster?.poke()),
  });
  const reportAll = () =>
    reportPools(opening.configured, opening, { withinMs: REPORT_MS, leftOut: opening.leftOut });
  if (options.role === "node" && config.cluster !== undefined)
    cluster = await join({
      cluster: config.cluster,
      driver,
      operations,
      report: reportAll,
      versions: () => nodeVersions(runner, log),
      followedFor: (uid) => (clusterUid = uid),
      log,
      onAnswered: count,
    });
  await listenForWatchers(config, options, { runner, log, monitor, opening, reportAll, pools: driver.pools });
  void opening.usable.then(() => {
    // Perhaps not all are open: a stuck disk under one of them may keep it from ever being.
    pools = opening;
    cluster?.poke();
    const facts = { pools: opening.pools.map(({ name }) => name), absent: opening.absent };
    keepHeapAsItIs();
    if (facts.pools.length > 0) log.info(facts, "ready");
    else log.error(facts, "not ready: no pool is open");
  });
  const schedule = new TrimSchedule({
    node: config.nodeName,
    pools: config.pools,
    open: (name) => opening.byName(name),
    trims,
    observer: counters,
    report,
  });
  const following = followConfiguration({
    path: options.configuration,
    config,
    read: () => readConfig(options.configuration, surroundingsOf(process.env, hostname())),
    standing: (name) => opening.standing(name),
    apply: (change) => {
      const known = new Set(opening.configured.map(({ name }) => name));
      counters.introduce(change.pools.map(({ name }) => name).filter((name) => !known.has(name)));
      schedule.reconfigure(change);
      return opening.reconfigure(change);
    },
    report,
  });
  opening.onTried(() => following.tryEnded());
  const signal = await stop;
  following.stop();
  schedule.close();
  log.info({ signal, operations: operations.size }, "draining");
  const idle = { idle: () => operations.idle(), withinMs: DRAIN_MS };
  const [clean] = await Promise.all([server.drain(idle), cluster?.drain(idle)]);
  // A pool on a dead disk cannot be closed in time; the next start settles it.
  await Promise.race([opening.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
  guard.close();
  monitor.close();
  log.info({ clean }, "ended");
  return 0;
}

/** What a cluster takes is loaded only by its nodes: certificates alone cost some 15 MB. */
async function join(options: ClusterNodeOptions): Promise<ClusterNode> {
  const { joinCluster } = await import("./cluster-node.ts");
  return joinCluster(options);
}

interface Watched extends Pick<Beginning, "runner" | "log" | "monitor"> {
  /** Open or not. */
  readonly opening: SupervisedPools;
  readonly reportAll: () => Promise<readonly PoolReport[]>;
  /** As Probe sees them. */
  readonly pools: () => SupervisedPools | undefined;
}

async function listenForWatchers(
  config: Config,
  { version }: ServeOptions,
  { runner, log, monitor, opening, reportAll, pools }: Watched,
): Promise<void> {
  // For people only, so it is asked when the first of them wants to know; nothing depends on it.
  let asked: Promise<DmVersions | undefined> | undefined;
  const versionsOnce = (): Promise<DmVersions | undefined> =>
    (asked ??= dmVersions(runner).catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, "no versions of device-mapper");
      return undefined;
    }));
  const readiness = () => ({ ready: (pools()?.pools.length ?? 0) > 0, absent: opening.absent });
  const orphans = new OrphanLook({ pools: opening, kubeletDirectory: config.kubeletDirectory });
  await monitor.listen({
    socket: reportSocket(config.stateDirectory),
    control: controlSocket(config.stateDirectory),
    grow: (pool, request) => opening.grow(pool, request),
    ...config.metrics,
    readiness,
    measure: () => measurePools(opening, (level, message) => log[level]({}, message)),
    orphans: () => orphans.list(),
    report: async () => {
      const [versions, reports] = await Promise.all([versionsOnce(), reportAll()]);
      return {
        node: config.nodeName,
        version,
        ...(versions === undefined ? {} : { deviceMapper: versions }),
        ready: readiness().ready,
        pools: reports,
      };
    },
    log,
  });
}

function guardOptions(config: Config): ConstructorParameters<typeof GuardClient>[0] {
  if (config.guard !== undefined) return { socket: config.guard.socket };
  const { stateDirectory } = config;
  return { socket: `${stateDirectory}/guard.sock`, start: { stateDirectory } };
}
