/**
 * `make bench`: measures, prints the table, writes bench/out/latest.json. `run.ts TEXT` measures the rows whose id contains
 * TEXT. Ends with 0 whether or not targets hold, with 1 where a figure could not be had.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { measureOnMachine } from "./host/measure.ts";
import { describeMachine, type Machine } from "./host/machine.ts";
import { type Measurement, select } from "./model/catalogue.ts";
import { failed, type Row } from "./model/row.ts";
import { formatTable } from "./model/table.ts";
import { dataPathTable, writeReport } from "./report.ts";

const OUT = join(import.meta.dirname, "out");
const KERNEL_RESULT = join(OUT, "kernel.json");
const VM = join(import.meta.dirname, "../test/vm/vm");
/** Equal ones, and sparse. */
const DISKS = ["--disk", "64G", "--disk", "64G", "--disk", "64G", "--disk", "64G"];
const PATIENCE_S = 2400;

interface KernelResult {
  readonly kernel: Machine;
  readonly rows: readonly Row[];
}

const idsOf = (measurements: readonly Measurement[]): readonly string[] =>
  measurements.flatMap(({ rows }) => rows.map(({ id }) => id));

async function measureOnKernel(measurements: readonly Measurement[]): Promise<KernelResult> {
  rmSync(KERNEL_RESULT, { force: true });
  const guest = [process.execPath, join(import.meta.dirname, "guest.ts"), KERNEL_RESULT];
  const args = ["run", "--no-tty", "--timeout", String(PATIENCE_S), ...DISKS, "--", ...guest];
  const child = spawn(VM, [...args, ...idsOf(measurements)], { stdio: ["ignore", "inherit", "inherit"] });
  await once(child, "close");
  try {
    return JSON.parse(readFileSync(KERNEL_RESULT, "utf8")) as KernelResult;
  } catch {
    return { kernel: {}, rows: [] };
  }
}

const text = process.argv[2] ?? "";
const chosen = select(text);
if (chosen.length === 0) {
  console.error(`no row's id contains ${JSON.stringify(text)}; there are: ${idsOf(select("")).join(" ")}`);
  process.exit(2);
}
mkdirSync(OUT, { recursive: true });
const began = Date.now();
const on = (ground: Measurement["ground"]): readonly Measurement[] =>
  chosen.filter((each) => each.ground === ground);
const machine = describeMachine();
const found = [...(await measureOnMachine(on("machine")))];
const kernel = on("kernel").length === 0 ? undefined : await measureOnKernel(on("kernel"));
found.push(...(kernel?.rows ?? []));

const rows = chosen.flatMap((measurement) =>
  measurement.rows.map(
    (facts) =>
      found.find(({ id }) => id === facts.id) ??
      failed(facts, measurement.ground, "the test kernel ended before it was measured"),
  ),
);
const seconds = Math.round((Date.now() - began) / 1000);
const report = {
  date: new Date(began).toISOString(),
  seconds,
  machine,
  ...(kernel && { kernel: kernel.kernel }),
  rows,
};
writeReport(OUT, report);
const dataPath = dataPathTable(report);
console.log(["", formatTable(rows), ...(dataPath === "" ? [] : ["", dataPath]), ""].join("\n"));
console.log(`${rows.length} rows in ${seconds} s; all of it: bench/out/latest.json, for people: latest.md`);
process.exit(rows.some(({ failure }) => failure !== undefined) ? 1 : 0);
