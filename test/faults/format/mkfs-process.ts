/** The mkfs that a driver has started. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { run } from "../../support/machine-state.ts";
import type { TestVolume } from "../../support/volume-life.ts";

/** Resolves when it has written something; answers its process id. */
export async function mkfsUnderWay({ device }: TestVolume): Promise<number> {
  const end = performance.now() + 30_000;
  while (performance.now() < end) {
    const found = readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && isMkfs(pid));
    const status = found === undefined ? "" : await run("dmsetup", "status", "--noflush", device);
    if (found !== undefined && !/ thin 0 /.test(`${status} `)) return Number(found);
    await sleep(20);
  }
  throw new Error("no mkfs that writes");
}

export const isMkfs = (pid: string): boolean => /^\S*mkfs\.(?:ext4|xfs|btrfs) (?!-V)/.test(commandLine(pid));

/** Whether a driver waits for tools that an earlier one left: its flock with a patience of a minute. */
export const waitsForOrphans = (): boolean =>
  readdirSync("/proc").some(
    (pid) => /^\d+$/.test(pid) && /^\S*flock --exclusive --timeout 60\./.test(commandLine(pid)),
  );

/** Its words, with a blank after each; empty for a process that has ended. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
