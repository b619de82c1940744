/**
 * `make check-rules`: what promtool has to say of the alert rules, of every query of the dashboard, and of the text that
 * the driver gives to Prometheus. The path of promtool is the argument.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";

import { DriverMetrics, processMetrics } from "../../src/monitor/driver-metrics.ts";
import { NodeMetrics } from "../../src/monitor/node-metrics.ts";
import { absentPool, nodeReport, openPool } from "../support/node-report.ts";

const ROOT = join(import.meta.dirname, "../..");
const RULES = join(ROOT, "deploy/monitoring/alerts.yaml");
const TESTS = join(ROOT, "test/monitoring/alerts.test.yaml");
const DASHBOARD = join(ROOT, "deploy/monitoring/dashboard.json");

const [promtool] = process.argv.slice(2);
if (promtool === undefined) throw new Error("usage: check.ts PROMTOOL: run `make check-rules`");

const scratch = mkdtempSync(join(tmpdir(), "promtool-"));

function run(what: string, args: readonly string[], input = ""): void {
  const { status, stdout, stderr, error } = spawnSync(promtool ?? "", args, { input, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status === 0) {
    console.log(`${what}: promtool finds nothing`);
    return;
  }
  console.error(`${what}: promtool ended with ${status}\n${stdout}${stderr}`);
  process.exitCode = 1;
}

/** The queries as recording rules, with Grafana's variables replaced: JSON is YAML. */
function dashboardRules(): string {
  const { panels } = JSON.parse(readFileSync(DASHBOARD, "utf8")) as {
    readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
  };
  const rules = panels
    .flatMap(({ targets = [] }) => targets)
    .map(({ expr }, index) => ({
      record: `dashboard:query:${index}`,
      expr: expr.replaceAll("$__rate_interval", "5m"),
    }));
  if (rules.length === 0) throw new Error("the dashboard has no queries");
  const path = join(scratch, "dashboard.yaml");
  writeFileSync(path, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  return path;
}

async function exposition(): Promise<string> {
  const registry = new Registry();
  const counters = new DriverMetrics(registry);
  counters.introduce(["fast", "slow"]);
  counters.rpcEnded("CreateVolume", "OK", 100);
  counters.commandEnded("dmsetup", 0, 10);
  processMetrics(registry);
  return new NodeMetrics(registry).text(nodeReport(openPool(), absentPool));
}

try {
  run("alert rules", ["check", "rules", RULES]);
  run("their tests", ["test", "rules", TESTS]);
  run("queries of the dashboard", ["check", "rules", dashboardRules()]);
  run("metrics", ["check", "metrics"], await exposition());
} finally {
  rmSync(scratch, { recursive: true });
}
