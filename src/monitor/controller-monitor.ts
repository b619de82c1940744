/** By what a controller is watched: metrics and health, over HTTP. */
import { mkdir } from "node:fs/promises";
import { Registry } from "prom-client";
import { parseCleaningQuery } from "../core/cleaning-query.ts";
import {
  CLEAN_CLUSTER_ORPHANS,
  CLUSTER_ORPHANS,
  type CleaningAnswer,
  type CleaningRequest,
  type ClusterOrphanList,
} from "../core/cluster-orphans.ts";
import { InvalidRequestError, messageOf } from "../core/errors.ts";
import { formatJson } from "../core/json.ts";
import { shared } from "../core/shared.ts";
import type { LogLine } from "../log.ts";
import { ControllerMetrics, type ControllerSight } from "./controller-metrics.ts";
import { lagGauge, processMetrics } from "./driver-metrics.ts";
import { Heartbeat } from "./heartbeat.ts";
import { serveActions, serveTcp, serveUnix, type Address, type HttpServer } from "./http.ts";
import { healthPage, textAnswer, type Actions, type Answer, type Pages } from "./pages.ts";

export interface ControllerMonitorOptions {
  /** Where `/metrics`, `/healthz` and `/readyz` are served; absent: nowhere. */
  readonly listen?: Address;
  /** Of the unix sockets for the commands; absent: there are none. */
  readonly stateDirectory?: string;
  readonly orphans: () => Promise<ClusterOrphanList | undefined>;
  /** `gone` is aborted when nobody waits for the answer any more. */
  readonly cleanOrphans: (request: CleaningRequest, gone: AbortSignal) => Promise<CleaningAnswer | undefined>;
  readonly log: { readonly error: LogLine };
}

export class ControllerMonitor {
  readonly counters: ControllerMetrics;
  readonly registry = new Registry();
  readonly #heartbeat = new Heartbeat();
  readonly #see: () => ControllerSight;
  readonly #servers: HttpServer[] = [];

  constructor(version: string, see: () => ControllerSight) {
    this.#see = see;
    this.counters = new ControllerMetrics(this.registry, version, see);
    processMetrics(this.registry);
    lagGauge(this.registry, this.#heartbeat);
  }

  /** Rejects never: a controller that cannot be watched routes all the same. */
  async listen(options: ControllerMonitorOptions): Promise<void> {
    const { listen, stateDirectory, orphans, cleanOrphans, log } = options;
    const open: Pages = {
      "/metrics": async () => ({
        status: 200,
        type: this.registry.contentType,
        body: await this.registry.metrics(),
      }),
      "/healthz": async () => healthPage(this.#heartbeat),
      "/readyz": async () =>
        this.#see().ready ? textAnswer(200, "ready") : textAnswer(503, "the nodes are not known yet"),
    };
    const looked = shared(orphans);
    const own: Pages = { ...open, [CLUSTER_ORPHANS]: () => clusterPage(looked) };
    const actions: Actions = {
      [CLEAN_CLUSTER_ORPHANS]: (query, gone) =>
        clusterPage(async () => cleanOrphans(parseCleaningQuery(query), gone)),
    };
    const onFailure = (what: string, error: unknown): void =>
      log.error({ what, problem: messageOf(error) }, "could not be answered over HTTP");
    const begin = async (what: string, start: () => Promise<HttpServer>): Promise<void> => {
      try {
        this.#servers.push(await start());
      } catch (error) {
        log.error({ problem: messageOf(error) }, `no ${what}`);
      }
    };
    if (stateDirectory !== undefined) {
      await begin("socket for the commands", async () => {
        await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
        return serveUnix(`${stateDirectory}/report.sock`, own, onFailure);
      });
      await begin("control by the commands", () =>
        serveActions(`${stateDirectory}/control.sock`, actions, onFailure),
      );
    }
    if (listen !== undefined) await begin("metrics", () => serveTcp(listen, open, onFailure));
  }

  close(): void {
    this.#heartbeat.stop();
    for (const server of this.#servers.splice(0)) server.close();
  }
}

/** What cannot be looked at is the answer, not a fault of the page. */
async function clusterPage(ask: () => Promise<object | undefined>): Promise<Answer> {
  try {
    const answer = await ask();
    if (answer === undefined) return textAnswer(503, "this controller has no cluster to compare with");
    return { status: 200, type: "application/json", body: formatJson(answer) };
  } catch (error) {
    return textAnswer(error instanceof InvalidRequestError ? 400 : 503, messageOf(error));
  }
}
