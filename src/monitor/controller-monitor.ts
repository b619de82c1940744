/** By what a controller is watched: metrics and health, over HTTP. */
import { Registry } from "prom-client";
import { messageOf } from "../core/errors.ts";
import type { LogLine } from "../log.ts";
import { ControllerMetrics, type ControllerSight } from "./controller-metrics.ts";
import { lagGauge, processMetrics } from "./driver-metrics.ts";
import { Heartbeat } from "./heartbeat.ts";
import { serveTcp, type Address, type HttpServer } from "./http.ts";
import { healthPage, textAnswer, type Pages } from "./pages.ts";

export class ControllerMonitor {
  readonly counters: ControllerMetrics;
  readonly #registry = new Registry();
  readonly #heartbeat = new Heartbeat();
  readonly #see: () => ControllerSight;
  #server: HttpServer | undefined;

  constructor(version: string, see: () => ControllerSight) {
    this.#see = see;
    this.counters = new ControllerMetrics(this.#registry, version, see);
    processMetrics(this.#registry);
    lagGauge(this.#registry, this.#heartbeat);
  }

  /** Rejects never: a controller that cannot be watched routes all the same. */
  async listen(address: Address, log: { readonly error: LogLine }): Promise<void> {
    const pages: Pages = {
      "/metrics": async () => ({
        status: 200,
        type: this.#registry.contentType,
        body: await this.#registry.metrics(),
      }),
      "/healthz": async () => healthPage(this.#heartbeat),
      "/readyz": async () =>
        this.#see().ready ? textAnswer(200, "ready") : textAnswer(503, "the nodes are not known yet"),
    };
    try {
      this.#server = await serveTcp(address, pages, (what, error) =>
        log.error({ what, problem: messageOf(error) }, "could not be answered over HTTP"),
      );
    } catch (error) {
      log.error({ problem: messageOf(error) }, "no metrics");
    }
  }

  close(): void {
    this.#heartbeat.stop();
    this.#server?.close();
  }
}
