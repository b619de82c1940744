import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadCsi } from "../../../src/csi/proto.ts";
import type { IdentityHandlers } from "../../../src/generated/csi.ts";
import { connectCsi } from "../../support/csi-client.ts";

const directory = mkdtempSync(join(tmpdir(), "csi-client-"));
const socket = join(directory, "csi.sock");
const server = new Server();

const handlers: IdentityHandlers = {
  GetPluginInfo: (_call, reply) => reply(null, { name: "csi.dmthin.io", vendor_version: "1.0.0" }),
  GetPluginCapabilities: (_call, reply) => reply({ code: status.FAILED_PRECONDITION, details: "not yet" }),
  Probe: () => {}, // never answers
};

beforeAll(async () => {
  server.addService(loadCsi().Identity, handlers);
  await promisify(server.bindAsync.bind(server))(`unix:${socket}`, ServerCredentials.createInsecure());
});

afterAll(() => {
  server.forceShutdown();
  rmSync(directory, { recursive: true });
});

describe.each([socket, `unix:${socket}`, `unix://${socket}`])("a client of %s", (endpoint) => {
  const client = connectCsi(endpoint);
  afterAll(() => client.close());

  test("resolves with the response", async () => {
    await expect(client.identity.getPluginInfo({})).resolves.toEqual({
      name: "csi.dmthin.io",
      vendor_version: "1.0.0",
      manifest: {},
    });
  });

  test("rejects with the status that the server gave", async () => {
    await expect(client.identity.getPluginCapabilities({})).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: "not yet",
    });
  });

  test("rejects a service that the server does not have", async () => {
    await expect(client.node.nodeGetInfo({})).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test("gives up at the deadline", async () => {
    await expect(client.identity.probe({}, { deadlineMs: 50 })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
  });
});
