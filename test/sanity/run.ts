/**
 * `make sanity`, inside the test kernel: csi-sanity against `dmthin all`, for filesystems and for raw block.
 * csi-sanity is the first argument, or CSI_SANITY. Further arguments go to csi-sanity (`--ginkgo.focus=…`).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeTally } from "../runner/tally.ts";
import { lastLines, loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { isExpectedSkip, parseSanityReport, type SanityReport } from "./report.ts";

/** csi-sanity makes volumes of 10 GiB, about ten at a time. Sparse: only what it writes is allocated. */
const DATA_SIZE = "160GiB";
const LEAST_PASSED = 75;
const OUT = join(import.meta.dirname, "../out");

interface Run {
  readonly what: "filesystem" | "block";
  readonly accessType: "mount" | "block";
}
const RUNS: readonly Run[] = [
  { what: "filesystem", accessType: "mount" },
  { what: "block", accessType: "block" },
];

async function csiSanity(
  tool: string,
  run: Run,
  driver: TestDriver,
  more: readonly string[],
): Promise<SanityReport> {
  const junit = join(OUT, `sanity-${run.what}.xml`);
  const output = join(OUT, `sanity-${run.what}.log`);
  mkdirSync(OUT, { recursive: true });
  rmSync(junit, { force: true });
  // csi-sanity makes both directories, and insists that they do not exist.
  const options: Readonly<Record<string, string>> = {
    "csi.endpoint": driver.endpoint,
    "csi.mountdir": join(driver.kubeletDirectory, `${run.what}-mount`),
    "csi.stagingdir": join(driver.kubeletDirectory, `${run.what}-staging`),
    "csi.testvolumeaccesstype": run.accessType,
    "ginkgo.junit-report": junit,
    "ginkgo.no-color": "true",
    "ginkgo.v": "true",
  };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(tool, [...flags, ...more], { stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(output);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(file, { end: false });
  const [code] = (await once(child, "close")) as [number | null];
  file.end();
  const report = parseSanityReport(readFileSync(junit, "utf8"));
  if (code === 0 || report.failed.length > 0) return report;
  return {
    ...report,
    failed: [{ name: "csi-sanity itself", message: `ended with ${code}:\n${lastLines(output)}` }],
  };
}

/** csi-sanity deletes what it made; whatever is still there was leaked. */
async function leftovers({ client }: TestDriver): Promise<readonly string[]> {
  const { entries: volumes } = await client.controller.listVolumes({});
  const { entries: snapshots } = await client.controller.listSnapshots({});
  return [
    ...volumes.map(({ volume }) => `volume ${volume?.volume_id}`),
    ...snapshots.map(({ snapshot }) => `snapshot ${snapshot?.snapshot_id}`),
  ];
}

/** Failures as csi-sanity counts them, and what we demand beyond. */
function judge({ what }: Run, report: SanityReport, left: readonly string[], whole: boolean): SanityReport {
  const unexpected = whole ? report.skipped.filter((skip) => !isExpectedSkip(skip)) : [];
  const failed = [
    ...report.failed,
    ...unexpected.map(({ name, reason }) => ({
      name,
      message: `skipped, though dmthin can do it: ${reason}`,
    })),
    ...left.map((object) => ({ name: `${what}: nothing is left behind`, message: object })),
  ];
  if (whole && report.passed < LEAST_PASSED) {
    failed.push({ name: `${what}: ${LEAST_PASSED} cases or more`, message: `only ${report.passed} passed` });
  }
  return { passed: report.passed, failed, skipped: report.skipped.filter(isExpectedSkip) };
}

const [tool = process.env["CSI_SANITY"], ...more] = process.argv.slice(2);
const scratch = process.env["DMTHIN_SCRATCH"];
if (tool === undefined || scratch === undefined)
  throw new Error("CSI_SANITY or DMTHIN_SCRATCH is not set: run `make sanity`");

const directory = join(scratch, "sanity");
mkdirSync(directory, { recursive: true });
const driver = await startDriver({ directory, pools: [loopPool(directory, "sanity", DATA_SIZE)] });
const reports: { readonly run: Run; readonly report: SanityReport }[] = [];
let exitCode: number;
try {
  for (const run of RUNS) {
    const started = performance.now();
    const report = await csiSanity(tool, run, driver, more);
    reports.push({ run, report: judge(run, report, await leftovers(driver), more.length === 0) });
    console.log(`${run.what}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
} finally {
  exitCode = await driver.stop();
}

for (const { run, report } of reports) {
  for (const { name, reason } of report.skipped) console.log(`${run.what}: skipped: ${name}: ${reason}`);
  for (const { name, message } of report.failed) console.log(`${run.what}: FAILED: ${name}: ${message}`);
}
if (exitCode !== 0) console.log(`FAILED: the driver ended with ${exitCode}`);
const failed = reports.reduce((sum, { report }) => sum + report.failed.length, exitCode === 0 ? 0 : 1);
writeTally("sanity", {
  passed: reports.reduce((sum, { report }) => sum + report.passed, 0),
  failed,
  skipped: reports.flatMap(({ run, report }) =>
    report.skipped.map(({ name, reason }) => ({ name: `${run.what}: ${name}`, reason })),
  ),
});
const count = ({ run, report }: (typeof reports)[number]): string =>
  `${run.what} ${report.passed} passed, ${report.failed.length} failed, ${report.skipped.length} skipped`;
console.log(`sanity: ${reports.map(count).join("; ")}`);
process.exit(failed === 0 ? 0 : 1);
