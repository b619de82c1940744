/** How a cleaning ends: whole, interrupted, in time or not; with a real API server, as orphan-cleaning.test.ts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { runOrphansCommand } from "../../src/commands/orphans-command.ts";
import { OutcomeUnknownError } from "../../src/core/errors.ts";
import type { CleaningOptions } from "../../src/kube/orphan-cleaning.ts";
import { ControllerMonitor } from "../../src/monitor/controller-monitor.ts";
import {
  NEVER,
  log,
  lines,
  bench,
  at,
  put,
  isThere,
  lookTwice,
  cleaner,
  clean,
  outcomes,
  meddled,
  useCleaningBench,
} from "../cluster/cleaning-bench.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");

useCleaningBench();

test("once nobody waits for the answer, what is under way is ended, and no other is begun", async () => {
  const ids = [put(), put(), put()];
  await lookTwice();
  const gone = new AbortController();
  const { pool } = at(0);
  const deletes = pool.deleteVolume.bind(pool);
  const during = vi.spyOn(pool, "deleteVolume").mockImplementation(async (id) => {
    gone.abort();
    return deletes(id);
  });
  let looks = 0;
  const counted = meddled(async (nth) => {
    looks = nth;
  });
  const answer = await cleaner(counted)({ ids, apply: true }, gone.signal);
  during.mockRestore();
  const stopped = "refused: the command was interrupted before this one";
  expect(outcomes(answer)).toEqual(["deleted", stopped, stopped]);
  expect(ids.map(isThere)).toEqual([false, true, true]);
  // Of all of them, and before the one that was deleted.
  expect(looks).toBe(2);
  expect(lines.filter(({ message }) => message === "an orphan is not deleted")).toHaveLength(2);
  // While it was looked at again, too.
  const later = new AbortController();
  const leaves = meddled(async (nth) => {
    if (nth === 2) later.abort();
  });
  expect(outcomes(await cleaner(leaves)({ ids: ids.slice(1, 2), apply: true }, later.signal))).toEqual([
    stopped,
  ]);
  expect(ids.map(isThere)).toEqual([false, true, true]);
});

test("while another cleaning is under way nothing is deleted, and after it, it is", async () => {
  const one = put();
  await lookTwice();
  const busy = Promise.withResolvers<void>();
  const both = cleaner(meddled(() => busy.promise));
  const first = both({ ids: [], apply: false }, NEVER);
  await expect(both({ ids: [one], apply: true }, NEVER)).rejects.toThrow(/^this controller is at another/);
  busy.resolve();
  await first;
  expect(isThere(one)).toBe(true);
  expect(outcomes(await both({ ids: [one], apply: true }, NEVER))).toEqual(["deleted"]);
});

test("of a deletion that does not end in time, or is not known to have, it is said that it may still be done", async () => {
  const [slow, lost] = [put(), put()];
  await lookTwice();
  const { pool } = at(0);
  const end = Promise.withResolvers<void>();
  const held = vi.spyOn(pool, "deleteVolume").mockReturnValueOnce(end.promise);
  const may = /^failed: .*; it may still be deleted, or be gone already/;
  const quick = cleaner(undefined, { deletionMs: 300 });
  expect(outcomes(await quick({ ids: [slow], apply: true }, NEVER))).toEqual([expect.stringMatching(may)]);
  end.resolve();
  held.mockRejectedValueOnce(new OutcomeUnknownError("its disk is slow"));
  expect(outcomes(await clean([lost]))).toEqual([expect.stringMatching(may)]);
  held.mockRestore();
});

test("of very many orphans no more are judged than an answer holds", async () => {
  const { pool } = at(1);
  const ids = Array.from({ length: 1005 }, () => put(1));
  const plan = await clean([], false);
  expect(plan.items).toHaveLength(1000);
  expect(plan.left).toBeGreaterThanOrEqual(5);
  for (const id of ids) await pool.deleteVolume(id);
});

/** A controller at whose sockets a command asks. */
async function serve(): Promise<{ readonly monitor: ControllerMonitor; readonly configuration: string }> {
  const sight = { ready: true, leads: true, nodesThere: 2, nodesAway: 0 };
  const monitor = new ControllerMonitor("1.2.3", () => sight);
  const stateDirectory = join(bench().directory, "state");
  const cleanOrphans = cleaner(undefined, {
    cleaned: (...each: Parameters<CleaningOptions["cleaned"]>) => monitor.counters.orphanCleaned(...each),
  });
  await monitor.listen({ stateDirectory, orphans: async () => undefined, cleanOrphans, log });
  const configuration = join(bench().directory, "controller.yaml");
  writeFileSync(configuration, `stateDirectory: ${stateDirectory}\n`);
  return { monitor, configuration };
}

test("a command that is killed leaves what it had not come to", async () => {
  const ids = [put(), put()];
  await lookTwice();
  const { monitor, configuration } = await serve();
  const { pool } = at(0);
  const deletes = pool.deleteVolume.bind(pool);
  const end = Promise.withResolvers<void>();
  const slow = vi.spyOn(pool, "deleteVolume").mockImplementation(async (id) => {
    await end.promise;
    return deletes(id);
  });
  const before = lines.length;
  const words = ["orphans", "--cluster", "--clean", ...ids, "--apply", "--config", configuration];
  const command = spawn(process.execPath, [MAIN, ...words], { stdio: "ignore" });
  const ended = once(command, "exit");
  await vi.waitFor(() => expect(slow).toHaveBeenCalledOnce(), { timeout: 20_000 });
  command.kill("SIGINT");
  expect(await ended).toEqual([null, "SIGINT"]);
  end.resolve();
  await vi.waitFor(() =>
    expect(lines.slice(before).map(({ message }) => message)).toEqual([
      "deletes an orphan, as a person asked",
      "deleted an orphan",
      "an orphan is not deleted",
    ]),
  );
  slow.mockRestore();
  monitor.close();
  expect(ids.map(isThere)).toEqual([false, true]);
});

test("the command asks a controller, prints what is destroyed, and counts it", async () => {
  const one = put();
  await lookTwice();
  const { monitor, configuration } = await serve();
  const ask = async (apply: boolean): Promise<readonly [number, string]> => {
    const said = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const request = { kind: "orphans", cluster: true, json: false, configuration } as const;
    const code = await runOrphansCommand({ ...request, clean: { ids: [one], apply } });
    const text = said.mock.calls.map(([chunk]) => String(chunk)).join("");
    said.mockRestore();
    return [code, text];
  };
  expect(await ask(false)).toEqual([
    0,
    expect.stringMatching(new RegExp(`^would be deleted +volume +${one}`, "m")),
  ]);
  expect(isThere(one)).toBe(true);
  expect(await ask(true)).toEqual([0, expect.stringMatching(new RegExp(`^deleted +volume +${one}`, "m"))]);
  expect(isThere(one)).toBe(false);
  const metrics = await monitor.registry.metrics();
  monitor.close();
  expect(metrics).toMatch(/^dmthin_orphans_cleaned_total\{kind="volume",outcome="deleted"\} 1$/m);
});
