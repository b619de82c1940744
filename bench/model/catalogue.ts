/** All rows, in the order of the table. A measurement yields one or more of them. Pure. */
import type { RowFacts } from "./row.ts";

/** Where a measurement is made: on a kernel with dm-thin, or on the plain machine. */
export type Ground = "kernel" | "machine";

export interface Measurement {
  /** A file of bench/rows (kernel) or bench/host (machine). */
  readonly name: string;
  readonly ground: Ground;
  readonly rows: readonly RowFacts[];
}

const SIXTH = 1 / 6;
const THIRD = 1 / 3;
const FLOOR = 1.5;
const FLAT = 1.2;

const ratio = (id: string, what: string, target?: number): RowFacts => ({
  id,
  what,
  unit: "x",
  ...(target === undefined ? {} : { target }),
});

/** What is measured of each mutation beside the floor: bench/rows/mutations.ts. */
export const MUTATIONS = ["create", "snapshot", "restore", "delete", "delete-snapshot", "expand"] as const;
export type Mutation = (typeof MUTATIONS)[number];

const RPC: Readonly<Record<Mutation, string>> = {
  create: "CreateVolume",
  snapshot: "CreateSnapshot, volume under write",
  restore: "CreateVolume from a snapshot",
  delete: "DeleteVolume",
  "delete-snapshot": "DeleteSnapshot",
  expand: "ControllerExpandVolume",
};

export const CATALOGUE: readonly Measurement[] = [
  {
    name: "mutations",
    ground: "kernel",
    rows: [
      ratio("create-lvm", "CreateVolume / lvcreate -V", SIXTH),
      ratio("mutation-floor", "the dearest mutation / its floor", FLOOR),
      ...MUTATIONS.map((each) => ratio(`mutation-floor-${each}`, `${RPC[each]} / floor`, FLOOR)),
      ratio("snapshot-lvm", "CreateSnapshot, xfs under write / lvcreate -s", THIRD),
      ratio("snapshot-lvm-pause", "the writer's longest pause / with LVM", 1),
      ratio("restore-lvm", "restore of a snapshot / lvcreate -s", SIXTH),
      ratio("delete-lvm", "DeleteVolume, 128 MiB, to the answer / lvremove", THIRD),
      ratio("delete-lvm-freed", "the same, to the space being free", THIRD),
      ratio("grow-lvm", "grow xfs online / lvextend -r", THIRD),
    ],
  },
  {
    name: "stage",
    ground: "kernel",
    rows: [ratio("stage-floor", "stage + publish, existing xfs / bare create + mount", FLOOR)],
  },
  {
    name: "parallel",
    ground: "kernel",
    rows: [ratio("parallel-create", "64 CreateVolume at once / one after another")],
  },
  {
    name: "scale",
    ground: "kernel",
    rows: [
      ratio("flat-10k", "CreateVolume with 10,000 volumes / with 10", FLAT),
      ratio("flat-10k-list", "the first page of ListVolumes, likewise", FLAT),
      ratio("flat-10k-list-middle", "a page in the middle / the first of 10", FLAT),
      ratio("flat-10k-scrape", "a scrape of the metrics, likewise", FLAT),
      ratio("flat-10k-capacity", "GetCapacity, likewise", FLAT),
      { id: "start-10k", what: "start to Ready beyond the thin tools", unit: "s", target: 3 },
    ],
  },
  {
    name: "memory",
    ground: "kernel",
    rows: [
      { id: "rss", what: "resident memory, idle", unit: "MiB", target: 120 },
      { id: "rss-growth", what: "more of it after 10,000 calls", unit: "MiB", target: 30 },
    ],
  },
  {
    name: "processes",
    ground: "kernel",
    rows: [
      { id: "processes", what: "processes started per CreateVolume", unit: "processes", target: 2 },
      { id: "processes-scrape", what: "per scrape, of one pool", unit: "processes", target: 1 },
      { id: "processes-idle", what: "in an idle minute with 1,000 volumes", unit: "processes", target: 12 },
    ],
  },
  {
    name: "curve",
    ground: "kernel",
    rows: [ratio("create-curve", "CreateVolume / lvcreate -V, 10,000 volumes on each side")],
  },
  {
    name: "datapath",
    ground: "kernel",
    rows: [ratio("datapath", "throughput of a thin / dm-linear on the same disk")],
  },
  {
    name: "probe",
    ground: "machine",
    rows: [{ id: "probe", what: "start to first answered Probe", unit: "s", target: 0.5 }],
  },
];

/** Those with a row whose id contains `text`; their other rows are left out. All for an empty text. */
export function select(text: string, catalogue: readonly Measurement[] = CATALOGUE): readonly Measurement[] {
  return catalogue.flatMap((measurement) => {
    const rows = measurement.rows.filter(({ id }) => id.includes(text));
    return rows.length === 0 ? [] : [{ ...measurement, rows }];
  });
}
