import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { EnvironmentError } from "../../../src/core/errors.ts";
import { createRunner, runAsTyped, type RunLine, type Runner } from "../../../src/host/run.ts";
import type { Tools } from "../../../src/host/tools.ts";

/** Every tool is a shell here, so that a test can say what the process does. */
const SHELL: Tools = { has: () => true, path: () => "/bin/sh" };
const shell = (runner: Runner, script: string, options?: Parameters<Runner["run"]>[2]) =>
  runner.run("sync", ["-c", script], options);

describe("running a tool", () => {
  test("gives output and exit code, trailing newlines included", async () => {
    const result = await shell(createRunner(SHELL), "echo out; echo err >&2");
    expect(result).toEqual({ stdout: "out\n", stderr: "err\n", exitCode: 0 });
  });

  test("an accepted exit code is a result", async () => {
    expect(await shell(createRunner(SHELL), "exit 2", { accept: [0, 2] })).toMatchObject({ exitCode: 2 });
  });

  test("any other exit code is a ToolError with the kernel's reason", async () => {
    await expect(
      shell(createRunner(SHELL), "echo 'x failed: File exists' >&2; exit 3"),
    ).rejects.toMatchObject({
      kind: "tool",
      exitCode: 3,
      errno: "EEXIST",
      argv: ["sync", "-c", "echo 'x failed: File exists' >&2; exit 3"],
    });
  });

  test("one that takes long is told of each second, until it ends", async () => {
    const told: (readonly [bigint | undefined, number])[] = [];
    const onRunning = (io: { readonly read: bigint } | undefined, ms: number): void => {
      told.push([io?.read, ms]);
    };
    await shell(createRunner(SHELL), "exit 0", { onRunning });
    expect(told).toEqual([]);
    await shell(createRunner(SHELL), "sleep 1.5", { onRunning });
    const ended = told.length;
    expect(told[0]).toEqual([expect.any(BigInt), expect.any(Number)]);
    await shell(createRunner(SHELL), "sleep 1.2");
    expect(told).toHaveLength(ended);
  });

  test("arguments reach the process untouched by any shell", async () => {
    const runner = createRunner({ has: () => true, path: () => "/bin/echo" });
    expect((await runner.run("sync", ["$HOME", "a b", "; ls", "*"])).stdout).toBe("$HOME a b ; ls *\n");
  });

  test("the environment is the fixed one, whatever ours is", async () => {
    process.env["DMTHIN_TEST_SECRET"] = "secret";
    const { stdout } = await createRunner({ has: () => true, path: () => "/usr/bin/env" }).run("sync", []);
    delete process.env["DMTHIN_TEST_SECRET"];
    expect(stdout.trim().split("\n").toSorted()).toEqual([
      "DM_DISABLE_UDEV=1",
      "LC_ALL=C",
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    ]);
  });

  test("standard input is empty unless given", async () => {
    const runner = createRunner(SHELL);
    expect((await shell(runner, "cat")).stdout).toBe("");
    expect((await shell(runner, "cat", { input: "one\ntwo\n" })).stdout).toBe("one\ntwo\n");
  });

  test("a tool that is not installed is an EnvironmentError, and nothing starts", async () => {
    const runner = createRunner({
      has: () => false,
      path() {
        throw new EnvironmentError("missing tool");
      },
    });
    await expect(runner.run("btrfs", [])).rejects.toThrow(EnvironmentError);
    expect(runner.started).toBe(0);
  });

  test("a program that vanished since the start is a ToolError", async () => {
    const runner = createRunner({ has: () => true, path: () => "/nonexistent/dmsetup" });
    await expect(runner.run("dmsetup", ["ls"])).rejects.toMatchObject({
      kind: "tool",
      errno: "ENOENT",
      exitCode: undefined,
    });
  });

  test("a process killed by a signal has no exit code", async () => {
    await expect(shell(createRunner(SHELL), "kill -9 $$")).rejects.toMatchObject({
      kind: "tool",
      exitCode: undefined,
    });
  });

  test("each command is counted and logged", async () => {
    const lines: RunLine[] = [];
    const runner = createRunner(SHELL, (line) => lines.push(line));
    await shell(runner, "exit 4", { accept: [4] });
    await shell(runner.holding([]), "true");
    expect(runner.started).toBe(2);
    expect(lines.map(({ argv, exitCode }) => [argv[2], exitCode])).toEqual([
      ["exit 4", 4],
      ["true", 0],
    ]);
  });
});

test("a signal kills a command that only waits", async () => {
  const end = new AbortController();
  const waiting = shell(createRunner(SHELL), "exec sleep 30", { signal: end.signal });
  const begin = performance.now();
  end.abort();
  await expect(waiting).rejects.toMatchObject({ kind: "tool", exitCode: undefined });
  const late = shell(createRunner(SHELL), "exec sleep 30", { signal: end.signal });
  await expect(late).rejects.toMatchObject({ kind: "tool", exitCode: undefined });
  expect(performance.now() - begin).toBeLessThan(5000);
});

describe("a deadline", () => {
  test("kills the process and says ETIMEDOUT", async () => {
    const begin = performance.now();
    await expect(shell(createRunner(SHELL), "exec sleep 30", { timeoutMs: 50 })).rejects.toMatchObject({
      kind: "tool",
      errno: "ETIMEDOUT",
      stderr: "no answer within 50 ms: killed",
    });
    expect(performance.now() - begin).toBeLessThan(1000);
  });

  test("answers although the output is still held open", async () => {
    // What a process stuck in the kernel looks like from here: killed, yet its pipes do not close.
    const begin = performance.now();
    const { promise: gone, resolve: end } = Promise.withResolvers<undefined>();
    const onKilled = (ended: Promise<void>): void => {
      void ended.then(() => end(undefined));
    };
    await expect(
      shell(createRunner(SHELL), "sleep 2 & exec sleep 30", { timeoutMs: 50, onKilled }),
    ).rejects.toMatchObject({
      errno: "ETIMEDOUT",
      stderr: "no answer within 50 ms: killed, but stuck in the kernel",
    });
    expect(performance.now() - begin).toBeLessThan(1900);
    await gone;
    expect(performance.now() - begin).toBeGreaterThan(1900);
  });

  test("does not touch a process that ends in time", async () => {
    expect(await shell(createRunner(SHELL), "echo done", { timeoutMs: 10_000 })).toMatchObject({
      stdout: "done\n",
    });
  });
});

describe("descriptors held by children", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "run-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("the first is 3, the next 4, also beside standard input", async () => {
    const [a, b] = ["a", "b"].map((name) => openSync(join(directory, name), "a+"));
    if (a === undefined || b === undefined) throw new Error("two descriptors");
    const runner = createRunner(SHELL).holding([a, b]);
    await shell(runner, "cat >&4; echo one >&3", { input: "two\n" });
    expect([readFileSync(join(directory, "a"), "utf8"), readFileSync(join(directory, "b"), "utf8")]).toEqual([
      "one\n",
      "two\n",
    ]);
    closeSync(a);
    closeSync(b);
  });

  test("without holding, none of ours reaches the process", async () => {
    const fd = openSync(join(directory, "secret"), "a+");
    writeSync(fd, "secret");
    const { stdout } = await shell(createRunner(SHELL), "ls -l /proc/self/fd");
    expect(stdout).not.toContain(directory);
    closeSync(fd);
  });
});

describe("what a person would have typed himself", () => {
  const node = (code: string, options = {}) => runAsTyped(process.execPath, ["-e", code], options);

  test("has his environment and directory, and its exit code is the answer", async () => {
    process.env["DMTHIN_OF_THE_TEST"] = "his";
    const { stdout, stderr, exitCode } = await node(
      "console.log(process.env.DMTHIN_OF_THE_TEST, process.cwd()); console.error('said'); process.exitCode = 4",
    );
    delete process.env["DMTHIN_OF_THE_TEST"];
    expect([stdout, stderr, exitCode]).toEqual([`his ${process.cwd()}\n`, "said\n", 4]);
  });

  test("that there is not says so", async () => {
    const ended = await runAsTyped("dmthin-there-is-no-such-program", []);
    expect([ended.exitCode, ended.spawnErrno]).toEqual([undefined, "ENOENT"]);
  });

  test("ends at its deadline", async () => {
    const { exitCode, stderr } = await node("setTimeout(() => {}, 60_000)", { timeoutMs: 500 });
    expect([exitCode, stderr]).toEqual([undefined, "no answer within 500 ms"]);
  });
});
