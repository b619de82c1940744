/**
 * From the start of the process to the first answered Probe, on the machine itself. Where its kernel has no dm-thin, dmthin
 * would not start: there dmsetup's answer about targets is a recorded one, seen by these drivers only.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { locateTool } from "../../src/host/tools.ts";
import type { Finding } from "../model/row.ts";
import { summarize } from "../model/statistics.ts";
import type { Start } from "./probe-inside.ts";
import { bringTools } from "./tools.ts";

const STARTS = 12;
/** Reads Node and the driver into the page cache. */
const WARM_UP = 2;

export async function measureProbe(): Promise<Finding> {
  bringTools();
  const real = hasThinTargets();
  const scratch = mkdtempSync(join(tmpdir(), "dmthin-probe-"));
  try {
    const output = execFileSync("unshare", insideOf(scratch, real), {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    const starts = (JSON.parse(output) as readonly Start[]).slice(WARM_UP);
    const { median, q1, q3, max } = summarize(starts.map(({ ms }) => ms / 1000));
    const cpuSeconds = summarize(starts.map(({ cpuMs }) => cpuMs / 1000)).median;
    const standIn = real ? "" : "; no dm-thin here: dmsetup's list of targets is a recorded one";
    return {
      value: median,
      spread: [q1, q3],
      details: {
        starts: starts.length,
        longestSeconds: max,
        cpuSeconds,
        dmsetup: real ? "real" : "stand-in",
      },
      note: `dmthin all, Node's own start included, its pool not to be opened; ${cpuSeconds.toFixed(2)} s of it computing, on all processors${standIn}`,
    };
  } finally {
    // A guard that a driver started may still write there: it ends a moment after.
    rmSync(scratch, { recursive: true, maxRetries: 20, retryDelay: 250 });
  }
}

/** Loads the module where there is one: only the driver's own start is to be measured. */
function hasThinTargets(): boolean {
  if (!existsSync("/dev/mapper/control")) return false;
  try {
    execFileSync("modprobe", ["-q", "dm_thin_pool"], { stdio: "ignore" });
  } catch {
    // Built in, or not there: the targets tell.
  }
  try {
    const targets = execFileSync("dmsetup", ["targets"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return /^thin-pool\s/m.test(targets);
  } catch {
    return false;
  }
}

const TARGETS = "thin-pool        v1.24.0\nthin             v1.24.0\n";

function insideOf(scratch: string, real: boolean): readonly string[] {
  const measure = [process.execPath, join(import.meta.dirname, "probe-inside.ts"), scratch, String(STARTS)];
  const enter = ["--mount", "--propagation", "private"];
  if (real) return [...enter, ...measure];
  const standIn = join(scratch, "dmsetup");
  writeFileSync(standIn, `#!/bin/sh\n[ "$1" != targets ] || printf '${TARGETS.replaceAll("\n", "\\n")}'\n`);
  chmodSync(standIn, 0o755);
  const tool = locateTool("dmsetup") ?? "";
  return [...enter, "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', standIn, tool, ...measure];
}
