import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server as NetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadCsi } from "../../../src/csi/proto.ts";
import { listen, type CsiServer, type Service } from "../../../src/csi/server.ts";
import { unary } from "../../../src/csi/unary.ts";
import { connectCsi } from "../../support/csi-client.ts";
import { recordingLog } from "../../support/recording-log.ts";

let directory: string;
let path: string;
let running: CsiServer[];

const idle = (): Promise<void> => Promise.resolve();

function probeService(answer: () => Promise<object>): Service {
  const Probe = unary<object, object>("Probe", answer, { log: recordingLog().log });
  return { definition: loadCsi().Identity, implementation: { Probe } };
}

async function serve(answer: () => Promise<object> = () => Promise.resolve({})): Promise<CsiServer> {
  const server = await listen(path, [probeService(answer)]);
  running.push(server);
  return server;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "server-"));
  path = join(directory, "csi.sock");
  running = [];
});

afterEach(async () => {
  for (const server of running) await server.drain({ idle, withinMs: 1000 });
  rmSync(directory, { recursive: true });
});

describe("the socket", () => {
  test("has mode 0600, and the umask is as before", async () => {
    const before = process.umask(0o022);
    await serve();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(process.umask(before)).toBe(0o022);
  });

  test("gets its directory made", async () => {
    path = join(directory, "plugins", "csi.dmthin.io", "csi.sock");
    await serve();
    expect(statSync(path).isSocket()).toBe(true);
  });

  test("must end in .sock", async () => {
    await expect(listen(join(directory, "csi"), [])).rejects.toMatchObject({ kind: "invalid-request" });
    expect(existsSync(join(directory, "csi"))).toBe(false);
  });

  test("left by a process that was killed is replaced", async () => {
    const code = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    await once(spawn(process.execPath, ["--eval", code]), "exit");
    expect(statSync(path).isSocket()).toBe(true);
    await serve();
    const client = connectCsi(path);
    await expect(client.identity.probe({})).resolves.toEqual({ ready: null });
    client.close();
  });

  test("of a living process is left alone", async () => {
    const other: NetServer = createServer().listen(path);
    await once(other, "listening");
    await expect(listen(path, [])).rejects.toMatchObject({
      kind: "environment",
      message: `another process listens at ${path}: is a second dmthin running?`,
    });
    expect(statSync(path).isSocket()).toBe(true);
    other.close();
    await once(other, "close");
  });

  test("is not made over a file", async () => {
    writeFileSync(path, "precious");
    await expect(listen(path, [])).rejects.toMatchObject({ kind: "environment" });
    expect(statSync(path).size).toBe(8);
  });
});

describe("draining", () => {
  test("waits for a call under way, accepts no new one and removes the socket", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<object>();
    const server = await serve(() => released);
    const client = connectCsi(path);
    const call = client.identity.probe({});
    await sleep(100);
    const drained = server.drain({ idle, withinMs: 10_000 });
    const late = connectCsi(path);
    await expect(late.identity.probe({}, { deadlineMs: 500 })).rejects.toThrow(
      /UNAVAILABLE|DEADLINE_EXCEEDED/,
    );
    late.close();
    release({ ready: { value: true } });
    await expect(call).resolves.toEqual({ ready: { value: true } });
    await expect(drained).resolves.toBe(true);
    expect(existsSync(path)).toBe(false);
    client.close();
  });

  test("waits for the operations that outlived their calls", async () => {
    const server = await serve();
    let idled = false;
    const slow = async (): Promise<void> => {
      await sleep(50);
      idled = true;
    };
    await expect(server.drain({ idle: slow, withinMs: 10_000 })).resolves.toBe(true);
    expect(idled).toBe(true);
  });

  test("cuts what does not end in time", async () => {
    const server = await serve(() => new Promise(() => {}));
    const client = connectCsi(path);
    const call = client.identity.probe({});
    const failure = call.catch((error: unknown) => error);
    await sleep(100);
    await expect(server.drain({ idle, withinMs: 50 })).resolves.toBe(false);
    await expect(failure).resolves.toMatchObject({ code: status.CANCELLED });
    expect(existsSync(path)).toBe(false);
    client.close();
  });
});
