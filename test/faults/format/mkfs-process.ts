/** The mkfs that a driver has started. */
import { setTimeout as sleep } from "node:timers/promises";

import { run } from "../../support/machine-state.ts";
import { processesWith, wordsOf } from "../../support/process-words.ts";
import type { TestVolume } from "../../support/volume-life.ts";

/** Resolves when it has written something; answers its process id. */
export async function mkfsUnderWay({ device }: TestVolume): Promise<number> {
  const end = performance.now() + 30_000;
  while (performance.now() < end) {
    const [found] = processesWith(makesFilesystem);
    const status = found === undefined ? "" : await run("dmsetup", "status", "--noflush", device);
    if (found !== undefined && !/ thin 0 /.test(`${status} `)) return found;
    await sleep(20);
  }
  throw new Error("no mkfs that writes");
}

export const isMkfs = (pid: string): boolean => makesFilesystem(wordsOf(pid));

/** Asking for the version does not. */
const makesFilesystem = ([program = "", first]: readonly string[]): boolean =>
  /^\S*mkfs\.(?:ext4|xfs|btrfs)$/.test(program) && first !== undefined && !first.startsWith("-V");

/** Whether a driver waits for tools that an earlier one left: its flock with a patience of a minute. */
export const waitsForOrphans = (): boolean =>
  processesWith(
    ([program = "", ...words]) =>
      program.endsWith("flock") && words.join(" ").startsWith("--exclusive --timeout 60."),
  ).length > 0;
