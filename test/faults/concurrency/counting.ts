/** What was run, and what is mounted. */
import { readdir, readFile } from "node:fs/promises";

import type { TestDriver } from "../../support/driver.ts";
import { linesOf } from "../../support/machine-state.ts";

/** Commands of that kind in the driver's log, of all its starts. */
export async function commandsRun({ log }: TestDriver, pattern: RegExp): Promise<number> {
  const lines = linesOf(await readFile(log, "utf8"));
  return lines.filter((line) => line.includes('"msg":"command"') && pattern.test(line)).length;
}

/** How many layers there are. */
export async function mountsAt(path: string): Promise<number> {
  const lines = linesOf(await readFile("/proc/self/mountinfo", "utf8"));
  return lines.filter((line) => line.split(" ")[4] === path).length;
}

/** How many processes of that program there are now. */
export async function running(program: string): Promise<number> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")));
  return names.filter((name) => name === `${program}\n`).length;
}
