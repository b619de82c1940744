/** A driver that starts while a mkfs of the one before it is stopped, and waits for its end. */
import { setTimeout as sleep } from "node:timers/promises";

import { expect } from "vitest";

import type { PartsBench, PartsPool } from "../../support/parts-bench.ts";
import { isMkfs, waitsForOrphans } from "./mkfs-process.ts";

/** What asks the kernel for its targets, and waits: no more is allowed before its turn. */
const ALLOWED = /^(?:flock|dmsetup targets) /;
/** One that need not wait is further by then: its flock too is there for a moment. */
const STILL_MS = 3000;

/** Lets `mkfs` go on when the driver has been seen to wait. Resolves when the driver is ready. */
export async function restartBeside(mkfs: number, bench: PartsBench, pool: PartsPool): Promise<void> {
  const [mark, ready] = [bench.mark(), bench.restart()];
  try {
    // Its log has a command when that has ended, and this one waits.
    await expect.poll(waitsForOrphans, { timeout: 30_000 }).toBe(true);
    await sleep(STILL_MS);
    expect(waitsForOrphans()).toBe(true);
    expect(mark.commands().filter((argv) => !ALLOWED.test(`${argv.join(" ")} `))).toEqual([]);
    expect(isMkfs(String(mkfs))).toBe(true);
  } finally {
    process.kill(mkfs, "SIGCONT");
    await pool.data.heal();
  }
  await ready;
}
