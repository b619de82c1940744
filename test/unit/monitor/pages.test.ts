import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { EnvironmentError } from "../../../src/core/errors.ts";
import type { OrphanList } from "../../../src/core/orphans.ts";
import type { HttpServer } from "../../../src/monitor/http.ts";
import { serveActions, serveTcp, serveUnix } from "../../../src/monitor/http.ts";
import { NodeMetrics } from "../../../src/monitor/node-metrics.ts";
import type { PageSources } from "../../../src/monitor/pages.ts";
import { actionsOf, pagesOf } from "../../../src/monitor/pages.ts";
import { parseReport } from "../../../src/monitor/report-json.ts";
import { reportPools } from "../../../src/pool/report-pools.ts";
import { loopOptions } from "../../support/loop-options.ts";
import { MemoryPool, memoryPools } from "../../support/memory-pool.ts";
import { nodeReport, openPool } from "../../support/node-report.ts";

let directory: string;
const servers: HttpServer[] = [];
const bugs: unknown[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pages-"));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(directory, { recursive: true });
});

function sources(changes: Partial<PageSources> = {}): PageSources {
  const registry = new Registry();
  return {
    registry,
    nodeMetrics: new NodeMetrics(registry),
    heartbeat: { stall: undefined },
    report: async () => nodeReport(openPool()),
    measure: async () => {},
    orphans: async () => ({ orphans: [], unjudged: [] }),
    readiness: () => ({ ready: true, absent: [] }),
    ...changes,
  };
}

/** Of a server on a unix socket. */
async function serve(changes: Partial<PageSources> = {}): Promise<string> {
  const path = join(directory, "report.sock");
  servers.push(await serveUnix(path, pagesOf(sources(changes)).own, (_page, error) => bugs.push(error)));
  return path;
}

async function ask(socketPath: string, path: string, method = "GET") {
  const asked = request({ socketPath, path, method, agent: false }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of answer.setEncoding("utf8")) body += chunk;
  return { status: answer.statusCode, type: answer.headers["content-type"], body };
}

describe("the pages", () => {
  test("are served on a socket of its owner", async () => {
    const socket = await serve();
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const report = await ask(socket, "/report");
    expect(report).toMatchObject({ status: 200, type: "application/json" });
    expect(parseReport(report.body)).toEqual(nodeReport(openPool()));
    expect(await ask(socket, "/metrics")).toMatchObject({
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
      body: expect.stringContaining('dmthin_pool_up{pool="fast"} 1') as string,
    });
    expect(await ask(socket, "/healthz")).toMatchObject({ status: 200, body: "ok\n" });
    expect(await ask(socket, "/readyz?verbose")).toMatchObject({ status: 200, body: "ready\n" });
  });

  test("are read only, and no others exist", async () => {
    const socket = await serve();
    expect(await ask(socket, "/")).toMatchObject({ status: 404 });
    expect(await ask(socket, "/constructor")).toMatchObject({ status: 404 });
    expect(await ask(socket, "/metrics", "POST")).toMatchObject({ status: 405 });
    expect(await ask(socket, "/metrics", "HEAD")).toMatchObject({ status: 200, body: "" });
  });

  test("of the network have no report", () => {
    expect(Object.keys(pagesOf(sources()).open)).toEqual(["/metrics", "/healthz", "/readyz"]);
  });

  test("list orphans on the owner's socket, with one look for all who ask at once", async () => {
    let looks = 0;
    const list = { orphans: [], unjudged: [{ kind: "pool", name: "slow", why: "no disk" }] } as const;
    const orphans = async (): Promise<OrphanList> => {
      looks += 1;
      await sleep(20);
      return list;
    };
    const socket = await serve({ orphans });
    const answers = await Promise.all([ask(socket, "/orphans"), ask(socket, "/orphans")]);
    for (const { status, body } of answers) expect([status, JSON.parse(body)]).toEqual([200, list]);
    expect(looks).toBe(1);
    expect(await ask(socket, "/orphans", "POST")).toMatchObject({ status: 405 });
  });

  test("say that the main loop was stuck", async () => {
    const socket = await serve({ heartbeat: { stall: 7340 } });
    expect(await ask(socket, "/healthz")).toMatchObject({
      status: 500,
      body: "the main loop was held up for 7.3 s\n",
    });
  });

  test("say which pools are not open, and are not ready while none is", async () => {
    const absent = [{ name: "slow", reason: "no disk" }];
    const socket = await serve({ readiness: () => ({ ready: false, absent }) });
    expect(await ask(socket, "/readyz")).toMatchObject({
      status: 503,
      body: "not ready\npool slow is not open: no disk\n",
    });
  });

  test("that fail give away nothing, and the log has it", async () => {
    const socket = await serve({ report: () => Promise.reject(new Error("secret")) });
    const { status, body } = await ask(socket, "/report");
    expect([status, body.includes("secret")]).toEqual([500, false]);
    expect(bugs.splice(0)).toEqual([new Error("secret")]);
  });
});

describe("scrapes", () => {
  const options = ["well", "stuck"].map(loopOptions);
  const reportOf = (pools: readonly MemoryPool[], withinMs: number): PageSources["report"] => {
    const set = memoryPools(pools);
    return async () => nodeReport(...(await reportPools(options, set, { withinMs })));
  };

  test("that come at once ask the kernel once", async () => {
    const [well, stuck] = [new MemoryPool("well", "a"), new MemoryPool("stuck", "b")];
    const socket = await serve({ report: reportOf([well, stuck], 1000) });
    const kernel = Promise.withResolvers<undefined>();
    well.kernel = () => kernel.promise;
    const scrapes = Array.from({ length: 10 }, () => ask(socket, "/metrics"));
    await expect.poll(() => well.looks).toBe(1);
    // All ten have arrived before the kernel answers.
    await sleep(100);
    kernel.resolve(undefined);
    const bodies = new Set((await Promise.all(scrapes)).map(({ body }) => body));
    expect([bodies.size, well.looks, stuck.looks]).toEqual([1, 1, 1]);
    await ask(socket, "/metrics");
    expect(well.looks).toBe(2);
  });

  test("are not held up by a stuck pool: it is down, the other is as it is", async () => {
    const [well, stuck] = [new MemoryPool("well", "a"), new MemoryPool("stuck", "b")];
    stuck.kernel = () => Promise.withResolvers<never>().promise;
    const socket = await serve({ report: reportOf([well, stuck], 100) });
    const { body } = await ask(socket, "/metrics");
    expect(body).toContain('dmthin_pool_up{pool="stuck"} 0');
    expect(body).not.toContain('dmthin_pool_data_used_bytes{pool="stuck"}');
    expect(body).toContain('dmthin_pool_up{pool="well"} 1');
    expect(body).toContain('dmthin_pool_data_used_bytes{pool="well"} 0');
  });
});

describe("a listener", () => {
  test("takes the place of a socket that nobody listens on, and no other", async () => {
    const path = join(directory, "report.sock");
    const first = await serveUnix(path, {}, () => {});
    await expect(serveUnix(path, {}, () => {})).rejects.toThrow(/another process listens at/);
    first.close();
    writeFileSync(join(directory, "file"), "");
    await expect(serveUnix(join(directory, "file"), {}, () => {})).rejects.toThrow(/is not a socket/);
    await serve();
    expect(await ask(path, "/healthz")).toMatchObject({ status: 200 });
  });

  test("says where it could not listen, and why", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const refused = serveTcp({ host: "127.0.0.1", port }, {}, () => {});
    await expect(refused).rejects.toThrow(EnvironmentError);
    await expect(refused).rejects.toThrow(new RegExp(`cannot listen at 127.0.0.1:${port}: .*EADDRINUSE`));
    taken.close();
    await once(taken, "close");
    const server = await serveTcp({ host: "127.0.0.1", port }, pagesOf(sources()).open, () => {});
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    server.close();
  });
});

describe("the control socket", () => {
  const asked: unknown[] = [];
  async function control(): Promise<string> {
    const path = join(directory, "control.sock");
    const grow: Parameters<typeof actionsOf>[0] = async (pool, wish) => {
      asked.push([pool, wish]);
      return { kind: "cannot", reason: "it is not open" };
    };
    servers.push(await serveActions(path, actionsOf(grow), (_page, error) => bugs.push(error)));
    return path;
  }

  test("does what is asked for by POST alone, and is its owner's", async () => {
    const path = await control();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const method of ["GET", "HEAD", "PUT"])
      expect((await ask(path, "/pool/grow?pool=fast", method)).status).toBe(405);
    expect((await ask(path, "/report", "POST")).status).toBe(404);
    expect((await ask(path, "/constructor", "POST")).status).toBe(404);
    expect(asked).toEqual([]);
    const done = await ask(path, "/pool/grow?pool=fast&dry-run=", "POST");
    expect([done.status, JSON.parse(done.body)]).toEqual([200, { kind: "cannot", reason: "it is not open" }]);
    await ask(path, "/pool/grow?pool=a%26b&release-reserve=", "POST");
    expect(asked).toEqual([
      ["fast", { dryRun: true, releaseReserve: false }],
      ["a&b", { dryRun: false, releaseReserve: true }],
    ]);
  });

  test("is not the socket of the report", async () => {
    const path = await serve();
    expect((await ask(path, "/pool/grow?pool=fast", "POST")).status).toBe(405);
    expect((await ask(path, "/pool/grow?pool=fast")).status).toBe(404);
  });
});
