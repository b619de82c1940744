/**
 * How the node's pools are: Prometheus metrics made anew from each report. What the kernel says of a pool is
 * shown only where it answered just now: an old figure would look like a new one. Names: docs/reference/metrics.md.
 */
import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

import { CONDITION_TYPES } from "../core/pool-report.ts";
import type { NodeReport, OpenPoolReport, PoolFigures, PoolReport } from "../core/pool-report.ts";
import { WARNING_PERCENTS } from "../plan/fill.ts";
import { volumeSeries } from "./volume-series.ts";

const MODES = ["rw", "ro", "out_of_data_space"] as const;

/** Gauges of one label, the pool: name, help, and how a figure becomes a number. */
type Figure = readonly [name: string, help: string, of: (figures: PoolFigures) => number];

const flag = (is: boolean): number => (is ? 1 : 0);

/** What only the kernel knows. */
const KERNEL_FIGURES: readonly Figure[] = [
  ["data_used_bytes", "Data that is mapped, by volumes and snapshots.", ({ data }) => Number(data.used)],
  ["data_size_bytes", "Size of the data.", ({ data }) => Number(data.size)],
  [
    "data_limit_bytes",
    "What can be used of it: less than its size where the filesystem below a loop pool has less to give.",
    ({ dataLimit }) => Number(dataLimit),
  ],
  ["metadata_used_bytes", "Thin metadata that is used.", ({ metadata }) => Number(metadata.used)],
  ["metadata_size_bytes", "Size of the thin metadata.", ({ metadata }) => Number(metadata.size)],
  ["needs_check", "1: the kernel asks for a check of the metadata.", ({ needsCheck }) => flag(needsCheck)],
  [
    "held_metadata_root",
    "1: somebody holds a snapshot of the metadata.",
    ({ heldRoot }) => flag(heldRoot !== undefined),
  ],
  ["transaction_id", "Transaction id of the metadata.", ({ transactionId }) => Number(transactionId)],
];

/** What the driver knows by itself. */
const OWN_FIGURES: readonly Figure[] = [
  ["block_size_bytes", "Size of a data block.", ({ blockSize }) => Number(blockSize)],
  [
    "deletions",
    "Volumes, snapshots and groups that are deleted and still give their space back to the disk.",
    ({ deletions }) => deletions,
  ],
  ["promised_bytes", "The worst case of all that was admitted.", ({ promised }) => Number(promised)],
  ["available_bytes", "What can still be promised.", ({ available }) => Number(available)],
  [
    "overprovision_ratio",
    "Bytes that may be promised for each byte of data.",
    ({ overprovision }) => overprovision,
  ],
  ["volumes", "Volumes that are recorded.", ({ volumes }) => volumes.length],
  ["snapshots", "Snapshots that are recorded.", ({ snapshots }) => snapshots.length],
];

export class NodeMetrics {
  readonly #registry: Registry;
  readonly #build: Gauge;
  readonly #ready: Gauge;
  readonly #up: Gauge;
  readonly #info: Gauge;
  readonly #conditions: Gauge;
  readonly #modes: Gauge;
  readonly #kernel: readonly (readonly [Gauge, Figure])[];
  readonly #own: readonly (readonly [Gauge, Figure])[];

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#build = this.#gauge("build_info", "1, with the version of the driver.", ["version"]);
    this.#ready = this.#gauge("ready", "1: at least one pool is open, as Probe answers it.");
    this.#up = this.#gauge("pool_up", "1: the pool is open, and the kernel answered in time.", ["pool"]);
    this.#info = this.#gauge("pool_info", "1, with what the pool is.", ["pool", "uuid", "backing"]);
    this.#conditions = this.#gauge("pool_condition", "1: the condition holds.", ["pool", "condition"]);
    this.#modes = this.#gauge("pool_mode", "1: the kernel has the pool in this mode.", ["pool", "mode"]);
    const figures = (all: readonly Figure[]) =>
      all.map((each) => [this.#gauge(`pool_${each[0]}`, each[1], ["pool"]), each] as const);
    this.#kernel = figures(KERNEL_FIGURES);
    this.#own = figures(OWN_FIGURES);
    const thresholds = this.#gauge(
      "pool_warning_threshold_ratio",
      "Share of data or metadata in use from which on the driver warns, by level.",
      ["level"],
    );
    for (const [index, percent] of WARNING_PERCENTS.entries())
      thresholds.set({ level: String(index + 1) }, percent / 100);
  }

  /** The text of a scrape, with all that the registry has. What is gone from the report is gone from it. */
  async text(report: NodeReport): Promise<string> {
    this.#show(report);
    return `${await this.#registry.metrics()}${volumeSeries(report)}`;
  }

  #show({ version, ready, pools }: NodeReport): void {
    for (const gauge of this.#changing()) gauge.reset();
    this.#build.set({ version }, 1);
    this.#ready.set(flag(ready));
    for (const pool of pools) this.#showPool(pool);
  }

  *#changing(): Iterable<Gauge> {
    yield* [this.#build, this.#ready, this.#up, this.#info, this.#conditions, this.#modes];
    for (const [gauge] of [...this.#kernel, ...this.#own]) yield gauge;
  }

  #showPool(report: PoolReport): void {
    const { name: pool, conditions } = report;
    const holding = new Set(conditions.map(({ type }) => type));
    for (const condition of CONDITION_TYPES)
      this.#conditions.set({ pool, condition }, flag(holding.has(condition)));
    this.#up.set({ pool }, flag(report.kind === "open" && report.silence === undefined));
    if (report.kind === "open") this.#showOpen(report);
  }

  #showOpen({ name: pool, backing, silence, figures }: OpenPoolReport): void {
    this.#info.set({ pool, uuid: figures.uuid, backing: backing.kind }, 1);
    for (const [gauge, [, , of]] of this.#own) gauge.set({ pool }, of(figures));
    if (silence !== undefined) return;
    for (const mode of MODES) this.#modes.set({ pool, mode }, flag(figures.mode === mode));
    for (const [gauge, [, , of]] of this.#kernel) gauge.set({ pool }, of(figures));
  }

  #gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return new Gauge({ name: `dmthin_${name}`, help, labelNames, registers: [this.#registry] });
  }
}
