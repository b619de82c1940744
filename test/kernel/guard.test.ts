import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readlinkSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { BracketNotes } from "../../src/host/bracket-notes.ts";
import { GuardClient } from "../../src/host/guard-client.ts";
import { takeLock } from "../../src/host/lock-file.ts";
import { createRunner } from "../../src/host/run.ts";
import { sweepSuspended } from "../../src/host/suspended-sweep.ts";
import { findTools } from "../../src/host/tools.ts";
import { GuardBench, said } from "../support/guard-bench.ts";
import { hasInRow, processesWith } from "../support/process-words.ts";
import { sh } from "../support/sh.ts";

const POOL = "0123456789abcdef0123456789abcdef";
const OTHER = "fedcba9876543210fedcba9876543210";
/** What promise 5 calls seconds. */
const SOON_MS = 2000;

let bench: GuardBench;
beforeEach(() => {
  bench = new GuardBench();
});
afterEach(() => {
  // One that a driver started outlives it, and would go on watching devices that the next test makes under these names.
  for (const pid of guardProcesses(bench.socket)) process.kill(pid, "SIGKILL");
  bench.clear();
});

const guardProcesses = (socket: string): readonly number[] =>
  processesWith((words) => hasInRow(words, "--socket", socket));

describe("a suspended device is resumed by the guard", () => {
  test("when its driver is killed, and a writer stuck on it goes on", async () => {
    const filesystem = bench.filesystem(POOL, 1);
    await bench.guard();
    const driver = await bench.driver({ device: filesystem });
    const writer = spawn(
      "dd",
      ["if=/dev/zero", `of=${filesystem.mountPoint}/file`, "count=1", "conv=fsync"],
      {
        stdio: "ignore",
      },
    );
    const written = once(writer, "exit");
    await delay(300);
    expect(writer.exitCode).toBeNull();
    driver.kill("SIGKILL");
    expect(await bench.resumedAfter(filesystem, performance.now(), SOON_MS)).toBeLessThan(SOON_MS);
    expect(await written).toStrictEqual([0, null]);
    await expect.poll(() => bench.notes()).toStrictEqual([]);
  });

  test("at the deadline when its driver hangs, which is told when it disarms", async () => {
    const device = bench.device(POOL, 1);
    await bench.guard();
    const driver = await bench.driver({ device, deadlineMs: 3000 });
    driver.kill("SIGSTOP");
    expect(bench.suspended(device)).toBe(true);
    await bench.resumedAfter(device, performance.now(), 3000 + SOON_MS);
    const verdict = said(driver);
    driver.kill("SIGCONT");
    driver.stdin.write("\n");
    expect(await verdict).toBe("fired");
  });

  test("not, where the driver disarms in time: the driver has done it", async () => {
    const device = bench.device(POOL, 1);
    await bench.guard();
    const driver = await bench.driver({ device });
    const verdict = said(driver);
    driver.stdin.write("\n");
    expect(await verdict).toBe("disarmed");
    await delay(500);
    expect(bench.suspended(device)).toBe(true);
    expect(bench.notes()).toStrictEqual([]);
  });

  test("also after SIGTERM, which ends it only then", async () => {
    const device = bench.device(POOL, 1);
    const guard = await bench.guard();
    const driver = await bench.driver({ device });
    guard.kill("SIGTERM");
    await delay(1000);
    expect(guard.exitCode).toBeNull();
    expect(bench.suspended(device)).toBe(true);
    const ended = once(guard, "exit");
    driver.kill("SIGKILL");
    await bench.resumedAfter(device, performance.now(), SOON_MS);
    expect(await ended).toStrictEqual([0, null]);
    expect(existsSync(bench.socket)).toBe(false);
  });

  test("of two drivers only for the one that died", async () => {
    const [dead, living] = [bench.device(POOL, 1), bench.device(POOL, 2)];
    await bench.guard();
    const driver = await bench.driver({ device: dead });
    await bench.driver({ device: living });
    driver.kill("SIGKILL");
    await bench.resumedAfter(dead, performance.now(), SOON_MS);
    expect(bench.suspended(living)).toBe(true);
  });

  test("by the next guard, should the first be killed while armed", async () => {
    const device = bench.device(POOL, 1);
    const first = await bench.guard();
    const driver = await bench.driver({ device });
    first.kill("SIGKILL");
    await once(first, "exit");
    expect(bench.suspended(device)).toBe(true);
    await bench.guard();
    await bench.resumedAfter(device, performance.now(), 10_000);
    const verdict = said(driver);
    driver.stdin.write("\n");
    expect(await verdict).toBe("fired");
  });

  test("never where another device took the name", async () => {
    const device = bench.device(POOL, 1);
    await bench.guard();
    const driver = await bench.driver({ device });
    sh("dmsetup", "resume", device.name);
    sh("dmsetup", "remove", device.name);
    const other = bench.device(POOL, 1, `DMTHIN-${OTHER}-v-00000000000000000009`);
    sh("dmsetup", "suspend", other.name);
    driver.kill("SIGKILL");
    await expect.poll(() => bench.notes(), { timeout: 5000 }).toStrictEqual([]);
    expect(bench.suspended(other)).toBe(true);
  });
});

test("a frozen mount is thawed when its driver is gone", async () => {
  const { mountPoint } = bench.filesystem(POOL, 1);
  await bench.guard();
  const client = new GuardClient({ socket: bench.socket });
  await client.arm({ deadlineMs: 60_000, devices: [], mountPoints: [mountPoint] });
  sh("fsfreeze", "--freeze", mountPoint);
  client.close();
  await expect.poll(() => bench.notes(), { timeout: 5000 }).toStrictEqual([]);
  expect(() => sh("fsfreeze", "--unfreeze", mountPoint)).toThrow(/Invalid argument/);
});

test("a device that the guard cannot see is not armed for", async () => {
  const device = bench.device(POOL, 1);
  await bench.guard();
  const client = new GuardClient({ socket: bench.socket });
  const strange = { ...device, uuid: device.uuid.replace(POOL, OTHER) as typeof device.uuid };
  await expect(client.arm({ deadlineMs: 1000, devices: [strange], mountPoints: [] })).rejects.toThrow(
    /the guard sees no device/,
  );
  client.close();
});

describe("a guard that the driver started", () => {
  test("outlives the driver in a session of its own, resumes, and ends when told", async () => {
    const device = bench.device(POOL, 1);
    const driver = await bench.driver({ device, starts: true });
    const [guard, ...more] = guardProcesses(bench.socket);
    expect(more).toStrictEqual([]);
    expect(readFileSync(`/proc/${guard}/stat`, "utf8").split(" ")[5]).toBe(String(guard)); // a session of its own
    driver.kill("SIGKILL");
    await bench.resumedAfter(device, performance.now(), SOON_MS);
    expect(guardProcesses(bench.socket)).toStrictEqual([guard]); // it watches what it resumed
    process.kill(guard ?? Number.NaN, "SIGTERM");
    await expect.poll(() => guardProcesses(bench.socket), { timeout: 15_000 }).toStrictEqual([]);
    expect(existsSync(bench.socket)).toBe(false);
  });

  test("ends by itself when its driver has gone and nothing was left to resume", async () => {
    const driver = await bench.driver({ device: bench.device(POOL, 1), starts: true });
    expect(guardProcesses(bench.socket)).toHaveLength(1);
    driver.stdin.write("\n");
    await expect.poll(() => guardProcesses(bench.socket), { timeout: 15_000 }).toStrictEqual([]);
    expect(existsSync(bench.socket)).toBe(false);
  });

  test("inherits no descriptor of the driver's", async () => {
    const device = bench.device(POOL, 1);
    await bench.driver({ device, starts: true });
    const [guard] = guardProcesses(bench.socket);
    const open = readdirSync(`/proc/${guard}/fd`).map((fd) => readlinkSync(`/proc/${guard}/fd/${fd}`));
    expect(open.filter((target) => !/^(\/dev\/null|anon_inode:|socket:|pipe:)/.test(target))).toStrictEqual(
      [],
    );
  });
});

describe("the sweep at start", () => {
  test("resumes what is ours and nobody's, thaws its mounts, and leaves the rest", async () => {
    const runner = createRunner(findTools());
    const ours = bench.device(POOL, 1);
    const foreign = bench.device(POOL, 2, "LVM-0123456789");
    const living = bench.device(OTHER, 3);
    const frozen = bench.filesystem(POOL, 4);
    for (const device of [ours, foreign, living]) sh("dmsetup", "suspend", device.name);
    sh("fsfreeze", "--freeze", frozen.mountPoint);
    const { name, uuid } = frozen;
    new BracketNotes(bench.state).write({
      id: "bracket-1",
      deadlineMs: 1000,
      devices: [{ name, uuid }],
      mountPoints: [frozen.mountPoint],
    });
    const lock = await takeLock(runner, `${bench.state}/${OTHER}.lock`, { waitMs: 0 });

    expect(await sweepSuspended(runner, bench.state)).toStrictEqual({
      resumed: [ours.name],
      thawed: [frozen.mountPoint],
      left: [living.name],
      problems: [],
    });
    expect([ours, foreign, living].map((device) => bench.suspended(device))).toStrictEqual([
      false,
      true,
      true,
    ]);
    expect(() => sh("fsfreeze", "--unfreeze", frozen.mountPoint)).toThrow(/Invalid argument/);
    expect(bench.notes()).toStrictEqual([]);

    lock.release();
    expect(await sweepSuspended(runner, bench.state)).toMatchObject({ resumed: [living.name], left: [] });
    expect(bench.suspended(living)).toBe(false);
  });
});
