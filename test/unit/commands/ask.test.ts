import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { askReport } from "../../../src/commands/ask.ts";
import { EnvironmentError } from "../../../src/core/errors.ts";
import { serveUnix } from "../../../src/monitor/http.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ask-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const answering = (status: number, body: string) => ({
  "/report": async () => ({ status, type: "application/json", body }),
});

describe("asking the driver", () => {
  test("gets what it says, whole", async () => {
    const socket = join(directory, "a.sock");
    const body = "é".repeat(1_000_000);
    const server = await serveUnix(socket, answering(200, body), () => {});
    expect(await askReport(socket, "/report")).toBe(body);
    server.close();
  });

  test("tells where no driver is", async () => {
    const asked = askReport(join(directory, "none.sock"), "/report");
    await expect(asked).rejects.toThrow(EnvironmentError);
    await expect(asked).rejects.toThrow(
      /no driver answers at .*none.sock: there is no such socket; is dmthin/,
    );
  });

  test("tells that the driver failed", async () => {
    const socket = join(directory, "b.sock");
    const server = await serveUnix(socket, answering(500, "internal error\n"), () => {});
    await expect(askReport(socket, "/report")).rejects.toThrow(/^the driver answered 500: internal error$/);
    server.close();
  });

  test("does not wait for ever", async () => {
    const socket = join(directory, "c.sock");
    const server = createServer(() => {}).listen(socket);
    await once(server, "listening");
    await expect(askReport(socket, "/report", 50)).rejects.toThrow(/no answer in time/);
    server.close();
  });
});
