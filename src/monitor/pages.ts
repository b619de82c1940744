/** What can be asked over HTTP, as plain functions: path → answer. */
import type { Registry } from "prom-client";

import { GROW } from "../core/growth-answer.ts";
import type { GrowthAnswer, GrowthRequest } from "../core/growth-answer.ts";
import { formatJson } from "../core/json.ts";
import { ORPHANS } from "../core/orphans.ts";
import type { OrphanList } from "../core/orphans.ts";
import type { NodeReport } from "../core/pool-report.ts";
import { shared } from "../core/shared.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { NodeMetrics } from "./node-metrics.ts";
import { formatReport } from "./report-json.ts";

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Of a refused method: those that are taken. */
  readonly allow?: string;
}

export type Pages = Readonly<Record<string, () => Promise<Answer>>>;

/** What changes something, by its path and what was asked with it. `gone` is aborted when nobody waits for the answer any more. */
export type Actions = Readonly<
  Record<string, (query: URLSearchParams, gone: AbortSignal) => Promise<Answer>>
>;

/** One pool that is not open. */
interface Missing {
  readonly name: string;
  readonly reason: string;
}

export interface PageSources {
  readonly registry: Registry;
  readonly nodeMetrics: NodeMetrics;
  readonly heartbeat: Pick<Heartbeat, "stall">;
  readonly report: () => Promise<NodeReport>;
  /** Measures what belongs to each volume and snapshot alone, for the next report. */
  readonly measure: () => Promise<void>;
  /** What lies on the node and belongs to no record. */
  readonly orphans: () => Promise<OrphanList>;
  /** As Probe answers it, from memory. */
  readonly readiness: () => { readonly ready: boolean; readonly absent: readonly Missing[] };
}

/** A query says nothing but this: a pool, and the two switches by their presence. */
export function actionsOf(grow: (pool: string, request: GrowthRequest) => Promise<GrowthAnswer>): Actions {
  return {
    [GROW]: async (query) => {
      const pool = query.get("pool") ?? "";
      const request = { dryRun: query.has("dry-run"), releaseReserve: query.has("release-reserve") };
      return { status: 200, type: "application/json", body: formatJson(await grow(pool, request)) };
    },
  };
}

export const textAnswer = (status: number, ...lines: readonly string[]): Answer => ({
  status,
  type: "text/plain; charset=utf-8",
  body: lines.map((line) => `${line}\n`).join(""),
});

export function healthPage({ stall }: Pick<Heartbeat, "stall">): Answer {
  return stall === undefined
    ? textAnswer(200, "ok")
    : textAnswer(500, `the main loop was held up for ${(stall / 1000).toFixed(1)} s`);
}

/** `/report` is for the owner of the node only: it names paths, and takes more of the driver than the others. */
export function pagesOf(sources: PageSources): {
  readonly open: Pages;
  readonly own: Pages;
} {
  const { registry, nodeMetrics, heartbeat, report, measure, orphans, readiness } = sources;
  const asked = shared(report);
  const looked = shared(orphans);
  const scrape = shared(async () => nodeMetrics.text(await asked()));
  const open: Pages = {
    "/metrics": async () => ({ status: 200, type: registry.contentType, body: await scrape() }),
    "/healthz": async () => healthPage(heartbeat),
    "/readyz": async () => {
      const { ready, absent } = readiness();
      const lines = absent.map(({ name, reason }) => `pool ${name} is not open: ${reason}`);
      return ready ? textAnswer(200, "ready", ...lines) : textAnswer(503, "not ready", ...lines);
    },
  };
  const own: Pages = {
    ...open,
    "/report": async () => ({ status: 200, type: "application/json", body: formatReport(await asked()) }),
    "/report/measured": async () => {
      await measure();
      return { status: 200, type: "application/json", body: formatReport(await asked()) };
    },
    [ORPHANS]: async () => ({ status: 200, type: "application/json", body: formatJson(await looked()) }),
  };
  return { open, own };
}
