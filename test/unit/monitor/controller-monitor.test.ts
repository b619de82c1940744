/** The control socket of a controller. */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CleaningRequest } from "../../../src/core/cluster-orphans.ts";
import { EnvironmentError } from "../../../src/core/errors.ts";
import { ControllerMonitor, type ControllerMonitorOptions } from "../../../src/monitor/controller-monitor.ts";
import { recordingLog } from "../../support/recording-log.ts";

let directory: string;
let monitor: ControllerMonitor;
const clean = vi.fn<ControllerMonitorOptions["cleanOrphans"]>();

beforeEach(async () => {
  clean.mockReset();
  directory = mkdtempSync(join(tmpdir(), "control-"));
  const sight = { ready: true, leads: true, nodesThere: 0, nodesAway: 0 };
  monitor = new ControllerMonitor("1.2.3", () => sight);
  const { log } = recordingLog();
  await monitor.listen({
    stateDirectory: directory,
    orphans: async () => undefined,
    cleanOrphans: clean,
    log,
  });
});
afterEach(() => {
  monitor.close();
  rmSync(directory, { recursive: true });
});

/** `end` takes the connection away. */
function ask(query: string): {
  readonly answer: Promise<readonly [number, string]>;
  readonly end: () => void;
} {
  const { promise, resolve, reject } = Promise.withResolvers<readonly [number, string]>();
  const path = `/orphans/clean?${query}`;
  const asked = request({ socketPath: join(directory, "control.sock"), method: "POST", path }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    response.on("end", () => resolve([response.statusCode ?? 0, body.trim()]));
  });
  asked.on("error", reject).end();
  return { answer: promise, end: () => asked.destroy() };
}

test.each([
  ["id=v-1", { ids: ["v-1"], apply: false }],
  ["id=v-1&id=v-2&apply=true", { ids: ["v-1", "v-2"], apply: true }],
])("%s is passed on", async (query, expected: CleaningRequest) => {
  clean.mockResolvedValue({ apply: false, items: [] });
  expect((await ask(query).answer)[0]).toBe(200);
  expect(clean.mock.calls.map(([asked]) => asked)).toEqual([expected]);
});

test.each(["apply=false", "apply=", "apply", "apply=true&apply=false"])(
  "%s cleans nothing",
  async (query) => {
    expect(await ask(`id=v-1&${query}`).answer).toEqual([400, expect.stringMatching(/^apply: is /)]);
    expect(clean).not.toHaveBeenCalled();
  },
);

test("what cannot be done now is said so", async () => {
  clean.mockRejectedValue(new EnvironmentError("at another one"));
  expect(await ask("id=v-1").answer).toEqual([503, "at another one"]);
});

test("it is told when nobody waits any more, and not before", async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  clean.mockReturnValue(promise);
  const { answer, end } = ask("id=v-1&apply=true");
  await vi.waitFor(() => expect(clean).toHaveBeenCalledOnce());
  const gone = clean.mock.calls[0]?.[1];
  expect(gone?.aborted).toBe(false);
  end();
  await expect(answer).rejects.toThrow("socket hang up");
  await vi.waitFor(() => expect(gone?.aborted).toBe(true));
  resolve(undefined);
});
