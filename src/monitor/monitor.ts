/** Everything by which the driver is watched: metrics, health, and the report for the commands. */
import { Registry } from "prom-client";

import { messageOf } from "../core/errors.ts";
import type { NodeReport } from "../core/pool-report.ts";
import type { LogLine } from "../log.ts";
import { DriverMetrics, lagGauge, processMetrics } from "./driver-metrics.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Address, HttpServer } from "./http.ts";
import { serveActions, serveTcp, serveUnix } from "./http.ts";
import { NodeMetrics } from "./node-metrics.ts";
import { actionsOf, pagesOf, type PageSources } from "./pages.ts";

export interface MonitorOptions {
  /** Of the unix socket that always answers. Absolute. */
  readonly socket: string;
  /** Where `/metrics`, `/healthz` and `/readyz` are served; absent: nowhere. */
  readonly listen?: Address;
  readonly report: () => Promise<NodeReport>;
  /** Of the unix socket for what changes something. Absolute. */
  readonly control: string;
  readonly grow: Parameters<typeof actionsOf>[0];
  readonly measure: PageSources["measure"];
  readonly orphans: PageSources["orphans"];
  readonly readiness: PageSources["readiness"];
  readonly log: { readonly error: LogLine };
}

export class Monitor {
  readonly registry = new Registry();
  /** Counts from the start of the program on, whether or not anybody asks. */
  readonly counters = new DriverMetrics(this.registry);
  readonly #nodeMetrics = new NodeMetrics(this.registry);
  readonly #heartbeat = new Heartbeat();
  readonly #servers: HttpServer[] = [];

  constructor() {
    processMetrics(this.registry);
    lagGauge(this.registry, this.#heartbeat);
  }

  /**
   * Rejects never: a driver that cannot be watched serves volumes all the same. What cannot be listened on is told in the
   * log.
   */
  async listen(options: MonitorOptions): Promise<void> {
    const { socket, control, grow, listen, report, measure, orphans, readiness, log } = options;
    const { open, own } = pagesOf({
      registry: this.registry,
      nodeMetrics: this.#nodeMetrics,
      heartbeat: this.#heartbeat,
      report,
      measure,
      orphans,
      readiness,
    });
    const onFailure = (what: string, error: unknown): void =>
      log.error(
        { what, bug: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        "could not be answered over HTTP",
      );
    const begin = async (what: string, start: () => Promise<HttpServer>): Promise<void> => {
      try {
        this.#servers.push(await start());
      } catch (error) {
        log.error({ problem: messageOf(error) }, `no ${what}`);
      }
    };
    await begin("report for the commands", () => serveUnix(socket, own, onFailure));
    await begin("control by the commands", () => serveActions(control, actionsOf(grow), onFailure));
    if (listen === undefined) return;
    await begin("metrics", () => serveTcp(listen, open, onFailure));
  }

  close(): void {
    this.#heartbeat.stop();
    for (const server of this.#servers.splice(0)) server.close();
  }
}
