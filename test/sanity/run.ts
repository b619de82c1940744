/**
 * `make sanity`, inside the test kernel: csi-sanity against `dmthin all`, for filesystems and for raw block; and for filesystems
 * against `dmthin controller` before `dmthin node`, whose cases count as cases of filesystems.
 * csi-sanity is the first argument, or CSI_SANITY. Further arguments go to csi-sanity (`--ginkgo.focus=…`).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeTally } from "../runner/tally.ts";
import { lastLines } from "../support/driver.ts";
import { isExpectedSkip, parseSanityReport, type SanityReport } from "./report.ts";
import { startAll, startRouted, type Target } from "./targets.ts";

const LEAST_PASSED = 75;
const OUT = join(import.meta.dirname, "../out");

interface Run {
  /** As the last line counts it. */
  readonly what: "filesystem" | "block";
  /** For files and messages. */
  readonly name: string;
  readonly accessType: "mount" | "block";
}
const FILESYSTEM: Run = { what: "filesystem", name: "filesystem", accessType: "mount" };
const BLOCK: Run = { what: "block", name: "block", accessType: "block" };
const ROUTED: Run = { what: "filesystem", name: "filesystem-routed", accessType: "mount" };

/** Each target is ended before the next begins: they have the same pool. */
const TARGETS = [
  { start: startAll, runs: [FILESYSTEM, BLOCK] },
  { start: startRouted, runs: [ROUTED] },
] as const;

async function csiSanity(
  tool: string,
  run: Run,
  target: Target,
  more: readonly string[],
): Promise<SanityReport> {
  const junit = join(OUT, `sanity-${run.name}.xml`);
  const output = join(OUT, `sanity-${run.name}.log`);
  mkdirSync(OUT, { recursive: true });
  rmSync(junit, { force: true });
  // csi-sanity makes both directories, and insists that they do not exist.
  const options: Readonly<Record<string, string>> = {
    "csi.endpoint": target.endpoint,
    ...(target.controllerEndpoint === undefined
      ? {}
      : { "csi.controllerendpoint": target.controllerEndpoint }),
    "csi.mountdir": join(target.kubeletDirectory, `${run.name}-mount`),
    "csi.stagingdir": join(target.kubeletDirectory, `${run.name}-staging`),
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
async function leftovers({ client }: Target): Promise<readonly string[]> {
  const { entries: volumes } = await client.controller.listVolumes({});
  const { entries: snapshots } = await client.controller.listSnapshots({});
  return [
    ...volumes.map(({ volume }) => `volume ${volume?.volume_id}`),
    ...snapshots.map(({ snapshot }) => `snapshot ${snapshot?.snapshot_id}`),
  ];
}

/** Failures as csi-sanity counts them, and what we demand beyond. */
function judge(
  { name: what }: Run,
  report: SanityReport,
  left: readonly string[],
  whole: boolean,
): SanityReport {
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
const reports: { readonly run: Run; readonly report: SanityReport }[] = [];
const badEnds: number[] = [];
for (const { start, runs } of TARGETS) {
  const target = await start(directory);
  try {
    for (const run of runs) {
      const started = performance.now();
      const report = await csiSanity(tool, run, target, more);
      reports.push({ run, report: judge(run, report, await leftovers(target), more.length === 0) });
      console.log(`${run.name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
    }
  } finally {
    const exitCode = await target.stop();
    if (exitCode !== 0) badEnds.push(exitCode);
  }
}

for (const { run, report } of reports) {
  for (const { name, reason } of report.skipped) console.log(`${run.name}: skipped: ${name}: ${reason}`);
  for (const { name, message } of report.failed) console.log(`${run.name}: FAILED: ${name}: ${message}`);
}
for (const exitCode of badEnds) console.log(`FAILED: a driver ended with ${exitCode}`);
const failed = reports.reduce((sum, { report }) => sum + report.failed.length, badEnds.length);
writeTally("sanity", {
  passed: reports.reduce((sum, { report }) => sum + report.passed, 0),
  failed,
  skipped: reports.flatMap(({ run, report }) =>
    report.skipped.map(({ name, reason }) => ({ name: `${run.name}: ${name}`, reason })),
  ),
});
const sum = (what: Run["what"], of: (report: SanityReport) => number): number =>
  reports.filter(({ run }) => run.what === what).reduce((total, { report }) => total + of(report), 0);
const count = (what: Run["what"]): string =>
  `${what} ${sum(what, ({ passed }) => passed)} passed, ${sum(what, (report) => report.failed.length)} failed, ` +
  `${sum(what, (report) => report.skipped.length)} skipped`;
console.log(`sanity: ${count("filesystem")}; ${count("block")}`);
process.exit(failed === 0 ? 0 : 1);
