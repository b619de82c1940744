/** What `make bench` leaves in a directory: the figures for machines, the same for people, and the plot. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Machine } from "./host/machine.ts";
import { type DataPoint, formatDataPath } from "./model/data-path.ts";
import { drawPlot } from "./model/plot.ts";
import type { Row } from "./model/row.ts";
import { formatMarkdown } from "./model/table.ts";
import type { CurvePoint } from "./rows/curve.ts";

export interface Report {
  /** ISO 8601, UTC; when it began. */
  readonly date: string;
  readonly seconds: number;
  readonly machine: Machine;
  /** Absent where no row needed it. */
  readonly kernel?: Machine;
  readonly rows: readonly Row[];
}

/** What a row says of several cases; of a shape that its id tells. */
const pointsOf = (rows: readonly Row[], id: string): unknown =>
  rows.find((row) => row.id === id)?.details?.["points"] ?? [];

/** Empty where the data path was not measured. */
export function dataPathTable({ rows }: Report): string {
  const points = pointsOf(rows, "datapath") as readonly DataPoint[];
  return points.length === 0 ? "" : formatDataPath(points);
}

export function writeReport(directory: string, report: Report): void {
  writeFileSync(join(directory, "latest.json"), `${JSON.stringify(report, undefined, 1)}\n`);
  writeFileSync(join(directory, "latest.md"), markdownOf(report));
  const curve = pointsOf(report.rows, "create-curve") as readonly CurvePoint[];
  if (curve.length > 0) writeFileSync(join(directory, "volumes.svg"), plotOf(report, curve));
}

function markdownOf(report: Report): string {
  const { date, seconds, machine, kernel, rows } = report;
  const facts = (title: string, of: Machine | undefined): readonly string[] =>
    of === undefined
      ? []
      : [
          `${title}: ${Object.entries(of)
            .map(([name, value]) => `${name} ${value}`)
            .join(", ")}.`,
        ];
  const notes = rows.flatMap(({ id, note, failure }) => [
    ...(note === undefined ? [] : [`- ${id}: ${note}`]),
    ...(failure === undefined ? [] : [`- ${id}: could not be measured: ${failure}`]),
  ]);
  const dataPath = dataPathTable(report);
  return [
    `# Benchmark of ${date.slice(0, 10)}`,
    `Begun ${date}, ${seconds} s.`,
    ...facts("Machine", machine),
    ...facts("Test kernel", kernel),
    formatMarkdown(rows),
    ...(notes.length === 0 ? [] : [notes.join("\n")]),
    ...(dataPath === "" ? [] : ["## Data path", dataPath]),
    "",
  ].join("\n\n");
}

function plotOf({ date, kernel }: Report, points: readonly CurvePoint[]): string {
  const line = (name: string, colour: string, side: "dmthin" | "lvm") => ({
    name,
    colour,
    points: points.map((point) => {
      const { median, q1, q3 } = point[side];
      return { x: point.volumes, y: median, low: q1, high: q3 };
    }),
  });
  return drawPlot({
    title: "What a new volume costs, by the number of volumes that there are",
    xTitle: "volumes in the pool",
    yTitle: "milliseconds",
    footnotes: [
      "Median and middle half, both measured in turn in one run; the volumes before are fabricated.",
      `${date.slice(0, 10)}, Linux ${kernel?.["kernel"] ?? "?"} (User-Mode Linux starts a process ten times slower than a machine).`,
    ],
    lines: [line("CreateVolume", "#1f6fb2", "dmthin"), line("lvcreate -V", "#b2501f", "lvm")],
  });
}
