/** Alert rules, dashboard and the reference speak of metrics that exist, and only of those. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";

import { CONDITION_TYPES } from "../../../src/core/pool-report.ts";
import { DriverMetrics } from "../../../src/monitor/driver-metrics.ts";
import { ControllerMonitor } from "../../../src/monitor/controller-monitor.ts";
import { Monitor } from "../../../src/monitor/monitor.ts";
import { NodeMetrics } from "../../../src/monitor/node-metrics.ts";
import { metricsOf } from "../../support/monitor-metrics.ts";
import { nodeReport, openPool } from "../../support/node-report.ts";

const ROOT = join(import.meta.dirname, "../../..");
const text = (path: string): string => readFileSync(join(ROOT, path), "utf8");

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}
const RULES = (parse(text("deploy/monitoring/alerts.yaml")) as Rules).groups.flatMap(({ rules }) => rules);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
}
const DASHBOARD = JSON.parse(text("deploy/monitoring/dashboard.json")) as Dashboard;
const PANELS = DASHBOARD.panels.filter(({ type }) => type !== "row");

/** Every expression of PromQL, with where it is. */
const EXPRESSIONS = [
  ...RULES.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
  ...PANELS.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [`panel ${title}`, expr] as const),
  ),
  ...DASHBOARD.templating.list.flatMap(({ definition }) =>
    definition === undefined ? [] : [["a variable", definition] as const],
  ),
];

const metricsIn = (expression: string): readonly string[] =>
  expression.match(/\b(?:dmthin|process)_[a-z0-9_]+/g) ?? [];

let monitor: Monitor;
beforeAll(() => {
  monitor = new Monitor();
});
afterAll(() => monitor.close());

/** Names of series: a histogram has three. */
function seriesNames(): ReadonlySet<string> {
  return new Set(
    metricsOf(monitor).flatMap(({ name, type }) =>
      type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

describe("the metrics that are named", () => {
  test.each(EXPRESSIONS)("by %s exist", (_where, expression) => {
    const named = metricsIn(expression);
    expect(named).not.toEqual([]);
    expect(named.filter((name) => !seriesNames().has(name))).toEqual([]);
  });

  test("by labels have them, and the values that are asked for", async () => {
    const registry = new Registry();
    const counters = new DriverMetrics(registry);
    counters.introduce(["fast"]);
    counters.rpcEnded("CreateVolume", "INTERNAL", 1);
    const samples = (await new NodeMetrics(registry).text(nodeReport(openPool()))).split("\n");
    const asked = EXPRESSIONS.flatMap(([where, expression]) =>
      [...expression.matchAll(/\b(dmthin_[a-z_]+)\{([^}]*)\}/g)].flatMap(([, name = "", matchers = ""]) =>
        [...matchers.matchAll(/(\w+)="([^"]*)"/g)].map(([matcher]) => ({ where, name, matcher })),
      ),
    );
    expect(asked.length).toBeGreaterThan(CONDITION_TYPES.length);
    const unmet = asked.filter(
      ({ name, matcher }) => !samples.some((line) => line.startsWith(`${name}{`) && line.includes(matcher)),
    );
    expect(unmet).toEqual([]);
  });
});

test("the reference lists every metric with its type, and no other", () => {
  const rows = [
    ...text("docs/reference/metrics.md").matchAll(/^\| `((?:dmthin|process)_\w+)` \| (\w+) \|/gm),
  ];
  const listed = rows.map(([, name = "", type = ""]) => `${name} ${type}`);
  const sight = { ready: true, leads: true, nodesThere: 0, nodesAway: 0 };
  const controller = new ControllerMonitor("1.2.3", () => sight);
  const all = [...metricsOf(monitor), ...metricsOf(controller)].map(({ name, type }) => `${name} ${type}`);
  controller.close();
  // Some are of both; each is in the list once.
  expect(listed.toSorted()).toEqual([...new Set(all)].toSorted());
});

describe("the alert rules", () => {
  test("have a rule for every condition", () => {
    const all = RULES.map(({ expr }) => expr).join("\n");
    expect(CONDITION_TYPES.filter((type) => !all.includes(`condition="${type}"`))).toEqual([]);
  });

  test("are tested by promtool, each to come and to stay away", () => {
    interface Tests {
      readonly tests: readonly {
        readonly alert_rule_test: readonly {
          readonly alertname: string;
          readonly exp_alerts?: readonly unknown[];
        }[];
      }[];
    }
    const { tests } = parse(text("test/monitoring/alerts.test.yaml")) as Tests;
    const cases = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
    const names = RULES.map(({ alert }) => alert).toSorted();
    const withAlerts = cases.filter(({ exp_alerts = [] }) => exp_alerts.length > 0);
    const without = cases.filter(({ exp_alerts = [] }) => exp_alerts.length === 0);
    expect([...new Set(withAlerts.map(({ alertname }) => alertname))].toSorted()).toEqual(names);
    expect([...new Set(without.map(({ alertname }) => alertname))].toSorted()).toEqual(names);
  });

  test("lead to guides that exist", () => {
    const guides = text("deploy/monitoring/alerts.yaml").match(/docs\/[a-z/-]+\.md/g) ?? [];
    expect(guides.length).toBeGreaterThan(5);
    for (const guide of new Set(guides)) expect(text(guide)).toMatch(/^# /);
  });
});

describe("the dashboard", () => {
  test("shows every metric of pools and volumes but those that only name things", () => {
    const shown = new Set(EXPRESSIONS.flatMap(([, expression]) => metricsIn(expression)));
    const missing = [...seriesNames()].filter(
      (name) =>
        /^dmthin_(pool|volume)_.*(bytes|ratio|staged|condition|volumes|snapshots)$/.test(name) &&
        !shown.has(name),
    );
    expect(missing).toEqual(["dmthin_pool_block_size_bytes", "dmthin_pool_overprovision_ratio"]);
  });

  test("has panels of different ids, with queries of different letters", () => {
    expect(new Set(DASHBOARD.panels.map(({ id }) => id)).size).toBe(DASHBOARD.panels.length);
    for (const { targets = [] } of PANELS) {
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });
});
