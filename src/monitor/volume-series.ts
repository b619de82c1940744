/**
 * The series of each volume and snapshot, as text. Written straight from the report: by a registry, ten thousand volumes
 * take some hundred thousand objects and most of a scrape. Names: docs/reference/metrics.md; format: Prometheus'
 * text, version 0.0.4.
 */
import type { NodeReport, OpenPoolReport, SnapshotReport, VolumeReport } from "../core/pool-report.ts";

/** Undefined: there is no such series. */
type Value = number | undefined;

interface Series<Thing> {
  readonly name: string;
  readonly help: string;
  readonly of: (thing: Thing, pool: OpenPoolReport) => Value;
}

const VOLUMES: readonly Series<VolumeReport>[] = [
  { name: "volume_size_bytes", help: "Size of the volume.", of: ({ size }) => Number(size) },
  {
    name: "volume_mapped_bytes",
    help: "What the volume has mapped in the pool.",
    // Of a volume in use only the kernel knows.
    of: ({ mapped, stagingPath }, { silence }) =>
      mapped === undefined || (silence !== undefined && stagingPath !== undefined)
        ? undefined
        : Number(mapped),
  },
  {
    name: "volume_staged",
    help: "1: the volume is staged on this node.",
    of: ({ stagingPath }) => (stagingPath === undefined ? 0 : 1),
  },
  {
    name: "volume_exclusive_bytes",
    help: "What only the volume has mapped, as of the last measurement (dmthin volume list --measure).",
    of: ({ measured }) => measured && Number(measured.exclusive),
  },
  {
    name: "volume_last_trim_timestamp_seconds",
    help: "When the volume's filesystem was last trimmed to its end, since its pool was opened.",
    of: ({ trimmed }) => trimmed && Date.parse(trimmed.at) / 1000,
  },
];

const SNAPSHOTS: readonly Series<SnapshotReport>[] = [
  {
    name: "snapshot_exclusive_bytes",
    help: "What only the snapshot has mapped, as of the last measurement: deleting it gives that back.",
    of: ({ measured }) => measured && Number(measured.exclusive),
  },
];

/** Whole lines; of pools that are not open there are none. */
export function volumeSeries({ pools }: Pick<NodeReport, "pools">): string {
  const open = pools.filter((pool) => pool.kind === "open");
  return [
    ...seriesOf(VOLUMES, "volume_id", open, ({ figures }) => figures.volumes),
    ...seriesOf(SNAPSHOTS, "snapshot_id", open, ({ figures }) => figures.snapshots),
  ].join("");
}

function seriesOf<Thing extends { readonly id: string; readonly name: string }>(
  all: readonly Series<Thing>[],
  idLabel: string,
  pools: readonly OpenPoolReport[],
  thingsOf: (pool: OpenPoolReport) => readonly Thing[],
): readonly string[] {
  const lines = all.map(({ name, help }) => [`# HELP dmthin_${name} ${help}\n# TYPE dmthin_${name} gauge\n`]);
  for (const pool of pools)
    for (const thing of thingsOf(pool)) {
      const labels = `{pool="${escaped(pool.name)}",${idLabel}="${escaped(thing.id)}",name="${escaped(thing.name)}"}`;
      all.forEach(({ name, of }, index) => {
        const value = of(thing, pool);
        if (value !== undefined) lines[index]?.push(`dmthin_${name}${labels} ${value}\n`);
      });
    }
  return lines.map((each) => each.join(""));
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", '"': '\\"' };
const SPECIAL = /[\\\n"]/;

/** Of a label: backslash, newline and quote, and nothing else, are written another way. */
const escaped = (value: string): string =>
  SPECIAL.test(value) ? value.replace(/[\\\n"]/g, (found) => ESCAPES[found] ?? found) : value;
