import type { Registry } from "prom-client";
import type { Monitor } from "../../src/monitor/monitor.ts";
import { volumeSeries } from "../../src/monitor/volume-series.ts";

export interface NamedMetric {
  readonly name: string;
  readonly type: string;
}

/** prom-client's types say that the type is an enum; it is a word. */
export const registered = (registry: Registry): readonly NamedMetric[] =>
  registry.getMetricsAsArray() as unknown as readonly NamedMetric[];

/** Every metric of the driver: those of the registry, and the series of volumes, which are not in it. */
export const metricsOf = (monitor: Monitor): readonly NamedMetric[] => [
  ...registered(monitor.registry),
  ...[...volumeSeries({ pools: [] }).matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => ({
    name,
    type,
  })),
];
