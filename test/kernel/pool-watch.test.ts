/** The process that waits for a pool's events: one, with no hold on anything, and gone with its driver. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import { loopPool, startDriver, type TestDriver } from "../support/driver.ts";
import { run, takeDown } from "../support/machine-state.ts";
import { processesWith } from "../support/process-words.ts";
import { scratchDirectory } from "../support/scratch.ts";

const POOL = "watched";
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(`${scratchDirectory()}/${POOL}-`);
});
afterAll(async () => {
  await takeDown(POOL, [directory]);
  await rm(directory, { recursive: true });
});

const start = (): Promise<TestDriver> =>
  startDriver({ directory, pools: [loopPool(directory, POOL, "256MiB")] });

/** Process ids. */
const waiting = (): readonly number[] =>
  processesWith((words) => words.includes("wait") && words.includes(`dmthin-${POOL}-pool`));

async function untilWaiting(count: number): Promise<readonly number[]> {
  for (const end = performance.now() + 10_000; performance.now() < end; await sleep(50))
    if (waiting().length === count) return waiting();
  throw new Error(`${waiting().length} processes wait, not ${count}`);
}

test.each([
  ["SIGKILL", (driver: TestDriver) => driver.kill()],
  ["SIGTERM", (driver: TestDriver) => driver.stop()],
])("one process waits, holds no lock, and ends with a driver that ends by %s", async (_signal, end) => {
  const driver = await start();
  const [pid = ""] = await untilWaiting(1);
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  expect(open.filter((file) => file.endsWith(".lock"))).toEqual([]);
  await end(driver);
  await untilWaiting(0);
});

test("the pool's device can be removed under it", async () => {
  const driver = await start();
  await untilWaiting(1);
  await run("dmsetup", "remove", `dmthin-${POOL}-pool`);
  await untilWaiting(0);
  await expect
    .poll(() => readFileSync(driver.log, "utf8"), { timeout: 10_000 })
    .toMatch(/was removed; it is watched no longer/);
  await driver.stop();
});
