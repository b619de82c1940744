import type { Monitor } from "../../src/monitor/monitor.ts";
import { volumeSeries } from "../../src/monitor/volume-series.ts";

export interface NamedMetric {
  readonly name: string;
  readonly type: string;
}

/**
 * Every metric of the driver: those of the registry, and the series of volumes, which are not in it. prom-client's types
 * say that the type is an enum; it is a word.
 */
export const metricsOf = (monitor: Pick<Monitor, "registry">): readonly NamedMetric[] => [
  ...(monitor.registry.getMetricsAsArray() as unknown as readonly NamedMetric[]),
  ...[...volumeSeries({ pools: [] }).matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => ({
    name,
    type,
  })),
];
