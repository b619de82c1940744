import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { EnvironmentError } from "../../../src/core/errors.ts";
import { forkProcess } from "../../../src/host/fork-process.ts";
import { loadLibc } from "../../../src/host/libc.ts";
import { createRunner as createAnyRunner, type RunLine, type Runner } from "../../../src/host/run.ts";
import { spawningProcesses } from "../../../src/host/spawn-process.ts";
import type { StartProcess } from "../../../src/host/start-process.ts";
import type { Tools } from "../../../src/host/tools.ts";

/** Every tool is a shell here, so that a test can say what the process does. */
const SHELL: Tools = { has: () => true, path: () => "/bin/sh" };
const shell = (runner: Runner, script: string, options?: Parameters<Runner["run"]>[2]) =>
  runner.run("sync", ["-c", script], options);

function spawnProcess(): StartProcess {
  const libc = loadLibc();
  if (libc === undefined) throw new Error("this Node has no node:ffi");
  return spawningProcesses(libc);
}

const WAYS: readonly { readonly way: string; readonly start: StartProcess }[] = [
  { way: "posix_spawn", start: spawnProcess() },
  { way: "fork", start: forkProcess },
];

describe.each(WAYS)("by $way", ({ start }) => {
  const createRunner = (tools: Tools, log?: (line: RunLine) => void): Runner =>
    createAnyRunner(tools, log, start);

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
      expect(performance.now() - begin).toBeLessThan(20_000);
    });

    test("answers although the output is still held open", async () => {
      // What a process stuck in the kernel looks like from here: killed, yet its pipes do not close.
      const directory = mkdtempSync(join(tmpdir(), "held-"));
      const { promise: gone, resolve: end } = Promise.withResolvers<undefined>();
      let isGone = false;
      const onKilled = (ended: Promise<void>): void => {
        void ended.then(() => {
          isGone = true;
          end(undefined);
        });
      };
      const holder = `while [ -d ${directory} ]; do sleep 0.05; done`;
      await expect(
        shell(createRunner(SHELL), `(${holder}) & exec sleep 30`, { timeoutMs: 50, onKilled }),
      ).rejects.toMatchObject({
        errno: "ETIMEDOUT",
        stderr: "no answer within 50 ms: killed, but stuck in the kernel",
      });
      expect(isGone).toBe(false);
      rmSync(directory, { recursive: true });
      await gone;
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
      expect([
        readFileSync(join(directory, "a"), "utf8"),
        readFileSync(join(directory, "b"), "utf8"),
      ]).toEqual(["one\n", "two\n"]);
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

  test("a process has every signal as the kernel has it, and its place in the root", async () => {
    const { stdout } = await shell(createRunner(SHELL), "exec cat /proc/self/status");
    // Above are those that the C library keeps to itself.
    const masks = /^Sig(?:Blk|Ign|Cgt):\t(\w+)$/gm;
    expect([...stdout.matchAll(masks)].map(([, mask]) => Number(`0x${mask}`) % 2 ** 31)).toEqual([0, 0, 0]);
    expect((await shell(createRunner(SHELL), "pwd")).stdout).toBe("/\n");
  });

  test("an argument with a NUL byte never becomes a shorter one", async () => {
    const runner = createRunner({ has: () => true, path: () => "/bin/echo" });
    await expect(runner.run("sync", ["one\0two"])).rejects.toMatchObject({
      kind: "tool",
      exitCode: undefined,
    });
  });

  test("text of any length and script comes through whole", async () => {
    const runner = createRunner({ has: () => true, path: () => "/usr/bin/printf" });
    const words = ["%s|%s|%s", "", "ü€😀".repeat(5000), "x".repeat(100_000)];
    expect((await runner.run("sync", words)).stdout).toBe(words.slice(1).join("|"));
  });

  test("many at once each get their own answer, and leave no descriptor and no zombie", async () => {
    const runner = createRunner(SHELL);
    await shell(runner, "true");
    const before = readdirSync("/proc/self/fd").length;
    const numbers = Array.from({ length: 60 }, (_, index) => index);
    const answers = await Promise.all(
      numbers.map((each) =>
        shell(runner, `read line; echo $line; exit ${each}`, { input: `${each}\n`, accept: numbers }),
      ),
    );
    expect(answers.map(({ stdout, exitCode }) => [Number(stdout), exitCode])).toEqual(
      numbers.map((each) => [each, each]),
    );
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim();
    expect(children === "" ? [] : children.split(" ").filter(isZombie)).toEqual([]);
  });
});

const isZombie = (pid: string): boolean => /^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));

test("spawned, each descriptor reaches its place although another has the number of that place", async () => {
  const directory = mkdtempSync(join(tmpdir(), "run-"));
  const paths = Array.from({ length: 60 }, (_, index) => join(directory, String(index)));
  // From some low number on, in a row: given in reverse, they have each other's places.
  const fds = paths.map((path) => openSync(path, "a+")).toReversed();
  const places = fds.map((_, index) => 3 + index);
  expect(places).toEqual(expect.arrayContaining([fds.at(-1), fds.at(-20)]));
  const runner = createAnyRunner(SHELL, undefined, spawnProcess()).holding(fds);
  const { stdout } = await shell(runner, `for n in ${places.join(" ")}; do readlink /proc/$$/fd/$n; done`);
  expect(stdout.trim().split("\n")).toEqual(paths.toReversed());
  for (const fd of fds) closeSync(fd);
  rmSync(directory, { recursive: true });
});

test("spawned, output without end is cut off by killing who makes it", async () => {
  const runner = createAnyRunner(SHELL, undefined, spawnProcess());
  await expect(shell(runner, "exec cat /dev/zero")).rejects.toMatchObject({
    kind: "tool",
    exitCode: undefined,
    stderr: "ended by more than 64 MiB of output",
  });
}, 30_000);

test("a process of ours waits for the end of one that it started, with nothing else to do", () => {
  const script = `
    import { createRunner } from ${JSON.stringify(join(import.meta.dirname, "../../../src/host/run.ts"))};
    const runner = createRunner({ has: () => true, path: () => "/bin/sh" });
    const { exitCode } = await runner.run("sync", ["-c", "exec >&- 2>&-; sleep 0.3; exit 7"], { accept: [7] });
    console.log(exitCode);
  `;
  for (const flag of [[], ["--no-experimental-ffi"]]) {
    const args = [...flag, "--input-type=module", "--eval", script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: "7\n", stderr: "" });
  }
});
