/** Callers that do not wait for a slow disk: their operation goes on, once, and whoever asks again gets its answer. */
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { MachineState } from "../../support/machine-state.ts";
import { retried } from "../../support/retried.ts";
import type { TestVolume } from "../../support/volume-life.ts";
import { callAndCut, CUTS, type Cut } from "../deadlines/cut.ts";
import { OPERATIONS, type Operation, type Prepared } from "../deadlines/operations.ts";
import { SlowBench } from "../deadlines/slow-bench.ts";
import { Caller, type RawAnswer } from "../fuzz/caller.ts";
import { encode, RPCS, type Rpc } from "../fuzz/contract.ts";
import { Random } from "../random.ts";
import { given } from "./given.ts";

const { seed } = given();
/** An operation takes six of these and more. */
const SLOW_MS = 180;
/** Others come with other seeds. */
const MOST_RANDOM = 7;
/** Nobody waits longer for a disk that is slow but answers. */
const RETRY_MS = 60_000;

let bench: SlowBench;
/** Staged and published, all the time. */
let used: TestVolume;
let before: MachineState;

beforeAll(async () => {
  bench = await SlowBench.start();
  used = await bench.life.create("used", "ext4");
  await bench.life.use(used);
  before = await bench.state();
});
afterEach(() => bench.slow(0));
afterAll(() => bench.stop());

const rpcOf = ({ rpc: name }: Operation): Rpc => {
  const rpc = RPCS.find((each) => each.name === name);
  if (rpc === undefined) throw new Error(`no rpc ${name}`);
  return rpc;
};
const AGAIN = /^(ABORTED|CANCELLED|DEADLINE_EXCEEDED|UNAVAILABLE)$/;

/** As the sidecars and kubelet do; answers what is said in the end. */
async function persist(call: () => Promise<RawAnswer>): Promise<RawAnswer> {
  const end = performance.now() + RETRY_MS;
  for (;;) {
    const answer = await call();
    if (!AGAIN.test(answer.code) || performance.now() > end) return answer;
    await sleep(50);
  }
}

interface Trial extends Prepared {
  readonly operation: Operation;
  readonly bytes: Buffer;
  readonly counts: readonly number[];
}

async function prepare(operation: Operation, name: string): Promise<Trial> {
  const prepared = await operation.prepare(bench, used, name);
  const counts = await Promise.all(operation.once.map(([pattern]) => bench.commands(pattern)));
  return { ...prepared, operation, counts, bytes: encode(rpcOf(operation).request, prepared.message) };
}

/** The same call gets the same answer in the end, twice; everything was done once; nothing is left. */
async function expectDoneOnce({ operation, bytes, counts, undo }: Trial): Promise<void> {
  const { path, response } = rpcOf(operation);
  const caller = new Caller(bench.driver.endpoint);
  try {
    const answer = await persist(() => caller.start(path, bytes).answer);
    expect(answer).toMatchObject({ code: "OK" });
    await bench.slow(0);
    expect(await caller.start(path, bytes).answer).toEqual(answer);
    const now = await Promise.all(operation.once.map(([pattern]) => bench.commands(pattern)));
    expect(now).toEqual(operation.once.map(([, times], index) => (counts[index] ?? 0) + times));
    await undo(
      response.toObject(response.decode(answer.body ?? Buffer.alloc(0)), { longs: String, arrays: true }),
    );
  } finally {
    caller.close();
  }
  expect(await bench.state()).toEqual(before);
}

describe("promises 7, 11, 4: cut at 1 s on a slow disk, and asked for again at once,", () => {
  test.each(OPERATIONS)("$title is done once", async (operation) => {
    const trial = await prepare(operation, "second");
    const { path } = rpcOf(operation);
    const cut = { path, bytes: trial.bytes, socket: bench.socket, afterMs: 1000 };
    await bench.slow(SLOW_MS);
    const begin = performance.now();
    const first = callAndCut("deadline", cut);
    // A second caller while the first still waits: joined, so it ends like the first one.
    const second = callAndCut("deadline", { ...cut, afterMs: 900 });
    const codes = (await Promise.all([first, second])).map(({ code }) => code);
    const goal =
      operation.quick === true ? /^(OK|DEADLINE_EXCEEDED|ABORTED)$/ : /^(DEADLINE_EXCEEDED|ABORTED)$/;
    for (const code of codes) expect(code).toMatch(goal);
    // Not a speed: an answer that waits for the disk would take a multiple of it.
    expect(performance.now() - begin).toBeLessThan(6000);
    await expectDoneOnce(trial);
  });
});

describe("promises 11, 7, 4: a caller who goes in the middle, at any time and in any way,", () => {
  const random = new Random(seed, "cuts");
  const cases = random.sample(OPERATIONS, MOST_RANDOM).map((operation, index) => ({
    operation,
    title: operation.title,
    cut: CUTS[(index + seed) % CUTS.length] ?? ("deadline" satisfies Cut),
    afterMs: random.between(50, 1000),
    delayMs: random.between(60, SLOW_MS),
  }));

  test.each(cases)(
    "by $cut after $afterMs ms, ends nothing: $title",
    async ({ operation, cut, afterMs, delayMs }) => {
      const trial = await prepare(operation, "random");
      await bench.slow(delayMs);
      const { path } = rpcOf(operation);
      const { code } = await callAndCut(cut, { path, bytes: trial.bytes, socket: bench.socket, afterMs });
      expect(code).toMatch(/^(OK|DEADLINE_EXCEEDED|CANCELLED|UNAVAILABLE)$/);
      await expectDoneOnce(trial);
    },
  );
});

describe("promises 11, 4, 7: a driver that is told to end in the middle", () => {
  const NAMES = new Set([
    "CreateVolume",
    "CreateSnapshot of a volume in use",
    "NodeStageVolume, which formats",
    "DeleteVolume",
  ]);
  const chosen = OPERATIONS.filter(({ title }) => NAMES.has(title));

  test.each(chosen)("ends it first and answers; the next one knows of it: $title", async (operation) => {
    const trial = await prepare(operation, "term");
    await bench.slow(SLOW_MS);
    const caller = new Caller(bench.driver.endpoint);
    const answer = caller.start(rpcOf(operation).path, trial.bytes).answer;
    await sleep(new Random(seed, operation.title).between(100, 1000));
    expect(await bench.driver.stop()).toBe(0);
    expect(await answer).toMatchObject({ code: "OK" });
    caller.close();
    await bench.slow(0);
    await bench.restart();
    await expectDoneOnce(trial);
  });

  test("also when its caller has gone already", async () => {
    const [operation] = OPERATIONS;
    if (operation === undefined) throw new Error("no operations");
    const trial = await prepare(operation, "gone");
    await bench.slow(SLOW_MS);
    const { path } = rpcOf(operation);
    await callAndCut("cancel", { path, bytes: trial.bytes, socket: bench.socket, afterMs: 300 });
    expect(await bench.driver.stop()).toBe(0);
    await bench.slow(0);
    await bench.restart();
    const { entries } = await retried(() => bench.driver.client.controller.listVolumes({}));
    expect(entries).toHaveLength(before.volumes.length + 1);
    await expectDoneOnce(trial);
  });
});
