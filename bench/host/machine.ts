/** On what it was measured, for the table and for whoever repeats it. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

/** By name, as the machine or the tool says it. */
export type Machine = Readonly<Record<string, string | number>>;

const TOOLS: Readonly<Record<string, readonly string[]>> = {
  lvm: ["lvm", "version"],
  dmsetup: ["dmsetup", "version"],
  fio: ["fio", "--version"],
  thin_check: ["thin_check", "--version"],
  "mkfs.xfs": ["mkfs.xfs", "-V"],
};

/** Of the kernel that this runs on. Tools that are not there are left out. */
export function describeMachine(): Machine {
  const versions = Object.entries(TOOLS).flatMap(([name, [command = "", ...args]]) => {
    const text = firstLine(command, args);
    return text === undefined ? [] : [[name, text] as const];
  });
  return {
    kernel: release(),
    processors: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memoryMebibytes: Math.round(totalmem() / 2 ** 20),
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
    node: process.versions.node,
    ...Object.fromEntries(versions),
  };
}

function firstLine(command: string, args: readonly string[]): string | undefined {
  try {
    const text = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return text.trim().split("\n")[0]?.trim().replaceAll(/\s+/g, " ");
  } catch {
    return undefined;
  }
}

/** User-Mode Linux says so where others name their processor. */
const isUml = (): boolean => /User Mode Linux/.test(readFileSync("/proc/cpuinfo", "utf8"));

/** What each row of this kernel is marked with. */
export function groundOf(): string {
  const count = availableParallelism();
  const processors = `${count} CPU${count === 1 ? "" : "s"}`;
  return isUml() ? `UML, ${processors}` : `Linux, ${processors}`;
}
