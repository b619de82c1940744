import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { isOwned, readOwner, takeLock } from "../../../src/host/lock-file.ts";
import { createRunner } from "../../../src/host/run.ts";
import { FLOCK_AND_SHELL } from "../../support/flock-and-shell.ts";

const HOLDER = fileURLToPath(new URL("../../support/lock-holder.ts", import.meta.url));

/** Far below what these tests allow as patience, far above what a machine with other work needs to start a process. */
const NOT_WAITED_MS = 20_000;

describe("the driver's lock", () => {
  const runner = createRunner(FLOCK_AND_SHELL);
  let directory: string;
  let path: string;
  /** A tool of the other driver runs for as long as this is there: the test says when it ends, however slow the machine is. */
  let tool: string;
  const holders: ChildProcess[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "lock-"));
    path = join(directory, "pool.lock");
    tool = join(directory, "tool-runs");
  });
  afterEach(async () => {
    await Promise.all(holders.splice(0).map(kill));
    rmSync(directory, { recursive: true });
  });

  /** Another driver, which holds the lock when this resolves. */
  async function otherDriver(...args: readonly string[]): Promise<ChildProcess> {
    if (args.length > 0) writeFileSync(tool, "");
    const child = spawn(process.execPath, [HOLDER, path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    holders.push(child);
    await once(child.stdout, "data");
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async function take(waitMs: number): Promise<number> {
    const begin = performance.now();
    const lock = await takeLock(runner, path, { waitMs });
    lock.release();
    return performance.now() - begin;
  }

  test("is refused soon while another driver lives, however long one would wait", async () => {
    const other = await otherDriver();
    const begin = performance.now();
    await expect(take(60_000)).rejects.toMatchObject({
      kind: "pool-unavailable",
      message: expect.stringContaining(`process ${other.pid}`) as string,
    });
    expect(performance.now() - begin).toBeLessThan(NOT_WAITED_MS);
  });

  test("is free at once when its owner was killed", async () => {
    await kill(await otherDriver());
    expect(readOwner(path)).toMatch(/^\d+$/);
    expect(await take(0)).toBeLessThan(NOT_WAITED_MS);
  });

  test("waits for a tool that the dead owner left behind", async () => {
    await kill(await otherDriver(tool));
    let ended = false;
    const taken = take(60_000).then(() => ended);
    await sleep(300);
    ended = true;
    rmSync(tool);
    expect(await taken).toBe(true);
  });

  test("is given up when such a tool does not end in time", async () => {
    await kill(await otherDriver(tool));
    await expect(take(100)).rejects.toMatchObject({
      kind: "pool-unavailable",
      message: expect.stringContaining("a tool started by an earlier dmthin") as string,
    });
    rmSync(tool);
    // What was refused holds nothing back.
    await take(60_000);
  });

  test("is exclusive within one process too, and free after release", async () => {
    const lock = await takeLock(runner, path, { waitMs: 0 });
    await expect(take(0)).rejects.toMatchObject({ kind: "pool-unavailable" });
    lock.release();
    lock.release();
    await take(0);
  });

  test("is not inherited by tools that are not told to hold it", async () => {
    const lock = await takeLock(runner, path, { waitMs: 0 });
    writeFileSync(tool, "");
    const running = runner.run("sync", ["-c", 'while [ -e "$0" ]; do sleep 0.05; done', tool]);
    lock.release();
    await expect(take(0)).resolves.toBeTypeOf("number");
    rmSync(tool);
    await running;
  });

  test("tells a living owner from a dead one and from an orphaned tool", async () => {
    expect(await isOwned(runner, path)).toBe(false);
    expect(existsSync(`${path}.owner`)).toBe(false);
    const other = await otherDriver(tool);
    expect(await isOwned(runner, path)).toBe(true);
    await kill(other);
    expect(await isOwned(runner, path)).toBe(false);
  });

  test("a look at the owner does not make a taker fail", async () => {
    const looks = Array.from({ length: 5 }, () => isOwned(runner, path));
    await take(0);
    await Promise.all(looks);
    expect(await take(0)).toBeLessThan(NOT_WAITED_MS);
  });
});
