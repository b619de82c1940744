import { setImmediate as settle } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { PoolUnavailableError } from "../../../src/core/errors.ts";
import type { PoolName } from "../../../src/core/ids.ts";
import { Operations } from "../../../src/core/operations.ts";
import type { RunOptions, Runner } from "../../../src/host/run.ts";
import { EngineLife } from "../../../src/pool/engine-life.ts";

const NAME = "fast" as PoolName;
const RESULT = { stdout: "", stderr: "", exitCode: 0 };

/** Tools that end when the test says so. */
function bench() {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const options = new Map<string, RunOptions | undefined>();
  const runner: Runner = {
    started: 0,
    holding: () => runner,
    run: (tool, args, given) => {
      const command = [tool, ...args].join(" ");
      started.push(command);
      options.set(command, given);
      const { promise, resolve } = Promise.withResolvers<typeof RESULT>();
      ends.set(command, () => resolve(RESULT));
      return promise;
    },
  };
  const operations = new Operations();
  const life = new EngineLife(NAME, runner, operations);
  const run = (title: string, work: () => Promise<unknown>) =>
    life.operations.run({ title, fingerprint: title, exclusive: [title] }, work);
  return { life, operations, run, started, options, finish: (command: string) => ends.get(command)?.() };
}

/** Whether it has resolved, without waiting for it. */
function watched(promise: Promise<void>): { done: boolean } {
  const state = { done: false };
  void promise.then(() => (state.done = true));
  return state;
}

describe("the end of an engine", () => {
  test("refuses operations from that moment on, before they take a lock", async () => {
    const { life, operations, run } = bench();
    const end = life.end();
    await expect(run("CreateVolume db-1", async () => "made")).rejects.toThrow(PoolUnavailableError);
    expect(operations.size).toBe(0);
    await end;
  });

  test("waits for operations under way, which may use tools until they have ended", async () => {
    const { life, run, started, finish } = bench();
    const goOn = Promise.withResolvers<void>();
    const operation = run("CreateSnapshot", async () => {
      await goOn.promise;
      await life.runner.run("dmsetup", ["resume", "origin"]);
    });
    const end = watched(life.end());
    goOn.resolve();
    await settle();
    expect(started).toEqual(["dmsetup resume origin"]);
    expect(end.done).toBe(false);
    finish("dmsetup resume origin");
    await operation;
    await settle();
    expect(end.done).toBe(true);
  });

  test("waits for tools that no operation waits for, and begins none afterwards, by no runner made from its own", async () => {
    const { life, started, finish } = bench();
    const holding = life.runner.holding([3]);
    const look = holding.run("dmsetup", ["status", "pool"]);
    const ended = life.end();
    const end = watched(ended);
    await settle();
    expect(end.done).toBe(false);
    finish("dmsetup status pool");
    await look;
    await ended;
    for (const runner of [life.runner, holding])
      await expect(runner.run("dmsetup", ["message"])).rejects.toThrow(/given up/);
    expect(started).toEqual(["dmsetup status pool"]);
  });

  test("waits for a tool that was killed at its deadline and is stuck in the kernel", async () => {
    const { life, options, finish } = bench();
    let told = false;
    const suspend = life.runner.run("dmsetup", ["suspend", "origin"], {
      timeoutMs: 12_000,
      onKilled: () => (told = true),
    });
    const gone = Promise.withResolvers<void>();
    options.get("dmsetup suspend origin")?.onKilled?.(gone.promise);
    finish("dmsetup suspend origin");
    await suspend;
    const ended = life.end();
    const end = watched(ended);
    await settle();
    expect([told, end.done]).toEqual([true, false]);
    gone.resolve();
    await ended;
  });

  test("does not count a call that joins another", async () => {
    const { life, run } = bench();
    const goOn = Promise.withResolvers<string>();
    const calls = [run("DeleteVolume", () => goOn.promise), run("DeleteVolume", () => goOn.promise)];
    goOn.resolve("gone");
    expect(await Promise.all(calls)).toEqual(["gone", "gone"]);
    await life.end();
  });

  test("an operation that fails has ended too", async () => {
    const { life, run } = bench();
    const failing = run("DeleteVolume", () => Promise.reject(new Error("no")));
    const end = life.end();
    await expect(failing).rejects.toThrow("no");
    await end;
  });
});
