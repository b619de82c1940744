import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:http2";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NotFoundError, PoolUnavailableError, ToolError } from "../../../src/core/errors.ts";
import type { Handlers } from "../../../src/csi/driver.ts";
import { loadCsi } from "../../../src/csi/proto.ts";
import { listen, type CsiServer } from "../../../src/csi/server.ts";
import { PassedOnError } from "../../../src/csi/status.ts";
import { unary, type CallInfo } from "../../../src/csi/unary.ts";
import type { ControllerDefinition, IdentityDefinition } from "../../../src/generated/csi.ts";
import { goingOn } from "../../faults/fuzz/left-calls.ts";
import { connectCsi, type CsiClient } from "../../support/csi-client.ts";
import { recordingLog, type LoggedLine } from "../../support/recording-log.ts";

type DeleteVolume = Handlers<ControllerDefinition>["DeleteVolume"];
type Probe = Handlers<IdentityDefinition>["Probe"];

const noDeadline = { deadlineMs: Infinity };
let directory: string;
let lines: LoggedLine[];
let server: CsiServer;
let client: CsiClient;
let deleteVolume: DeleteVolume;
let probe: Probe;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "unary-"));
  const recording = recordingLog();
  ({ lines } = recording);
  const options = { log: recording.log, longestMs: 100 };
  const { Controller, Identity } = loadCsi();
  server = await listen(join(directory, "csi.sock"), [
    {
      definition: Controller,
      implementation: {
        DeleteVolume: unary<Parameters<DeleteVolume>[0], object>(
          "DeleteVolume",
          (request, call) => deleteVolume(request, call),
          options,
        ),
      },
    },
    {
      definition: Identity,
      implementation: {
        Probe: unary<Parameters<Probe>[0], object>("Probe", (request, call) => probe(request, call), options),
      },
    },
  ]);
  client = connectCsi(server.path);
});

afterEach(async () => {
  client.close();
  await server.drain({ idle: () => Promise.resolve(), withinMs: 1000 });
  rmSync(directory, { recursive: true });
});

describe("an answer", () => {
  test("that another dmthin gave is no bug of this one", async () => {
    const code = status.NOT_FOUND;
    deleteVolume = () => Promise.reject(new PassedOnError({ code, message: "v does not exist" }));
    await expect(client.controller.deleteVolume({ volume_id: "v" })).rejects.toMatchObject({ code });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.facts).not.toHaveProperty("bug");
  });

  test("is the handler's response, with one line in the log", async () => {
    deleteVolume = () => Promise.resolve({});
    await expect(client.controller.deleteVolume({ volume_id: "v-1" })).resolves.toEqual({});
    expect(lines).toMatchObject([{ level: "info", message: "rpc" }]);
    const { ms, ...facts } = lines[0]?.facts ?? {};
    expect(ms).toBeTypeOf("number");
    expect(facts).toEqual({ method: "DeleteVolume", volume_id: "v-1", code: "OK" });
  });

  test("of a probe that goes well is logged at debug", async () => {
    probe = () => Promise.resolve({ ready: { value: true } });
    await client.identity.probe({});
    expect(lines.map(({ level }) => level)).toEqual(["debug"]);
  });

  test("of an error of ours is its code and message, without details", async () => {
    deleteVolume = () => Promise.reject(new NotFoundError("volume v-1 does not exist"));
    const failure = client.controller.deleteVolume({ volume_id: "v-1" });
    await expect(failure).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: "volume v-1 does not exist",
    });
    const error: unknown = await failure.catch((caught: unknown) => caught);
    expect(
      (error as { metadata: { get(key: string): unknown[] } }).metadata.get("grpc-status-details-bin"),
    ).toEqual([]);
    expect(lines.map(({ level, facts }) => [level, facts["code"], facts["error"]])).toEqual([
      ["info", "NOT_FOUND", "volume v-1 does not exist"],
    ]);
  });

  test("of an error with causes has them in the log only", async () => {
    const cause = new ToolError({
      argv: ["dmsetup", "message"],
      exitCode: 1,
      stderr: "Device or resource busy",
    });
    deleteVolume = () => Promise.reject(new PoolUnavailableError("pool fast cannot serve", { cause }));
    await expect(client.controller.deleteVolume({ volume_id: "v-1" })).rejects.toMatchObject({
      details: "pool fast cannot serve",
    });
    expect(lines[0]?.level).toBe("warn");
    expect(lines[0]?.facts["causes"]).toEqual(["dmsetup message ended with 1: Device or resource busy"]);
  });

  test.each([
    ["a bug", () => Promise.reject(new TypeError("cannot read hunter2 of undefined"))],
    [
      "a bug that looks like a gRPC status",
      () => Promise.reject(Object.assign(new Error("hunter2"), { code: 1 })),
    ],
    [
      "a bug thrown before the first await",
      (): Promise<never> => {
        throw new TypeError("hunter2");
      },
    ],
  ])("of %s is INTERNAL and general, and whole in the log", async (_what, handler) => {
    deleteVolume = handler;
    await expect(client.controller.deleteVolume({ volume_id: "v-1" })).rejects.toMatchObject({
      code: status.INTERNAL,
      details: "internal error; the driver's log has the details",
    });
    expect(lines[0]?.level).toBe("error");
    expect(lines[0]?.facts["bug"]).toContain("hunter2");
    expect(lines[0]?.facts["bug"]).toContain("unary.test.ts");
  });
});

describe("the log", () => {
  test("has nothing of a request but its identities", async () => {
    deleteVolume = () => Promise.reject(new NotFoundError("gone"));
    const secrets = { token: "hunter2" };
    await client.controller.deleteVolume({ volume_id: "v-1", secrets }).catch(() => undefined);
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|token|secrets/);
  });

  test("shortens an identity of any length", async () => {
    deleteVolume = () => Promise.resolve({});
    await client.controller.deleteVolume({ volume_id: "v".repeat(100_000) });
    expect(String(lines[0]?.facts["volume_id"]).length).toBeLessThan(300);
  });
});

describe("a caller that does not wait", () => {
  /** A handler that ends when it is told to, and what it saw. */
  function slowHandler() {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const seen = { ended: false, signal: undefined as CallInfo["signal"] | undefined };
    deleteVolume = async (_request, call) => {
      seen.signal = call.signal;
      await released;
      seen.ended = true;
      return {};
    };
    return { release, seen };
  }

  /** By what fault suites read in the log of the driver. */
  const stillGoingOn = (): number =>
    goingOn(
      lines
        .map(({ level, facts, message }) => `${JSON.stringify({ level, ...facts, msg: message })}\n`)
        .join(""),
    ).length;

  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await sleep(5);
  };

  test("gets DEADLINE_EXCEEDED, while the operation goes on to its end", async () => {
    const { release, seen } = slowHandler();
    await expect(
      client.controller.deleteVolume({ volume_id: "v-1" }, { deadlineMs: 30 }),
    ).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    await until(() => lines.length === 1);
    expect(lines[0]?.facts["code"]).toBe("DEADLINE_EXCEEDED");
    expect(seen).toMatchObject({ ended: false, signal: { aborted: true } });
    expect(stillGoingOn()).toBe(1);
    release();
    await until(() => lines.length === 2);
    expect(stillGoingOn()).toBe(0);
    expect(seen.ended).toBe(true);
    expect(lines[1]).toMatchObject({ message: "an operation ended after its call", facts: { code: "OK" } });
  });

  test("is logged as CANCELLED when it hangs up", async () => {
    const { release, seen } = slowHandler();
    const raw = new Client(`unix:${server.path}`, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = loadCsi().Controller.DeleteVolume;
    const call = raw.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { volume_id: "v-1" },
      () => {},
    );
    await until(() => seen.signal !== undefined);
    call.cancel();
    await until(() => lines.length === 1);
    raw.close();
    expect(lines[0]?.facts["code"]).toBe("CANCELLED");
    expect(stillGoingOn()).toBe(1);
    release();
    await until(() => seen.ended);
    await until(() => stillGoingOn() === 0);
  });

  test("is missed also where its request ends behind its deadline", async () => {
    const { release, seen } = slowHandler();
    const session = connect("http://localhost", { createConnection: () => createConnection(server.path) });
    const { path, requestSerialize } = loadCsi().Controller.DeleteVolume;
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": "20m",
    });
    stream.resume();
    const message = requestSerialize({ volume_id: "v-1" });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.write(Buffer.concat([head, message]));
    // Answered by grpc-js, at the deadline.
    const [headers] = (await once(stream, "response")) as [{ readonly "grpc-status": string }];
    expect(Number(headers["grpc-status"])).toBe(status.DEADLINE_EXCEEDED);
    stream.end();
    await until(() => seen.signal !== undefined);
    expect(seen.signal?.aborted).toBe(true);
    expect(lines.map(({ facts }) => facts["code"])).toEqual(["DEADLINE_EXCEEDED"]);
    expect(stillGoingOn()).toBe(1);
    release();
    await until(() => stillGoingOn() === 0);
    session.close();
  });

  test("without a deadline gets one of the driver", async () => {
    const { release, seen } = slowHandler();
    await expect(client.controller.deleteVolume({ volume_id: "v-1" }, noDeadline)).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      details: "DeleteVolume has no answer after 0.1 s; it goes on, and a retry joins it",
    });
    expect(seen.signal?.aborted).toBe(true);
    expect(stillGoingOn()).toBe(1);
    release();
    await until(() => lines.length === 2);
    expect(lines.map(({ facts }) => facts["code"])).toEqual(["DEADLINE_EXCEEDED", "OK"]);
  });

  test("with a deadline beyond the driver's own keeps it", async () => {
    deleteVolume = async () => {
      await sleep(200);
      return {};
    };
    await expect(
      client.controller.deleteVolume({ volume_id: "v-1" }, { deadlineMs: 60_000 }),
    ).resolves.toEqual({});
  });
});
