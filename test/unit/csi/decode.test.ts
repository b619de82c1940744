import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startBench, type ProtocolBench } from "../../support/protocol-bench.ts";

const CREATE = "/csi.v1.Controller/CreateVolume";

let bench: ProtocolBench;
let client: Client;

beforeEach(async () => {
  bench = await startBench();
  client = new Client(bench.endpoint, credentials.createInsecure(), { "grpc.max_send_message_length": -1 });
});
afterEach(async () => {
  client.close();
  await bench.stop();
});

/** Sends bytes as they are. */
function send(bytes: Buffer): Promise<ServiceError | null> {
  const { promise, resolve } = Promise.withResolvers<ServiceError | null>();
  const same = (each: Buffer): Buffer => each;
  client.makeUnaryRequest(CREATE, same, same, bytes, new Metadata(), {}, (error) => resolve(error));
  return promise;
}

describe("bytes that are no message", () => {
  test.each([
    ["an end of no group", [0x0c]],
    ["a wire type that there is not", [0x0f]],
    ["groups in groups", Array<number>(10_000).fill(0x7b)],
    ["a varint without end", Array<number>(12).fill(0xff)],
  ])("are refused as the sender's mistake, and logged: %s", async (_what, bytes) => {
    expect(await send(Buffer.from(bytes))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(/^request: is no message of this method: /) as string,
    });
    expect(bench.lines.at(-1)).toMatchObject({
      facts: { method: "CreateVolume", code: "INVALID_ARGUMENT" },
    });
  });
});

test("a message is taken up to 2 MiB, and not beyond", async () => {
  const filler = (length: number): Buffer => Buffer.alloc(length, Buffer.from([0x1a, 0x00]));
  expect(await send(filler(2 ** 21))).toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(await send(filler(2 ** 21 + 2))).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
});
