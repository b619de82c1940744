/** More connections than the driver holds: scrapers that never hang up, or hang on a stuck pool. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

import { afterEach, expect, test } from "vitest";

import { MOST_CONNECTIONS, serveTcp, type HttpServer } from "../../../src/monitor/http.ts";

const host = "127.0.0.1";
const sockets: Socket[] = [];
let server: HttpServer | undefined;
let port = 0;

afterEach(() => {
  server?.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function serve(): Promise<void> {
  const free = createServer().listen(0, host);
  await once(free, "listening");
  ({ port } = free.address() as { port: number });
  free.close();
  await once(free, "close");
  const text = { status: 200, type: "text/plain", body: "ok\n" };
  const pages = {
    "/healthz": async () => text,
    "/metrics": () => Promise.withResolvers<never>().promise,
  };
  server = await serveTcp({ host, port }, pages, () => {});
}

async function hang(path?: string): Promise<Socket> {
  const socket = connect({ host, port });
  // What is cut is cut.
  socket.on("error", () => {});
  sockets.push(socket);
  await once(socket, "connect");
  if (path !== undefined) socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`);
  return socket;
}

const isAlive = async (): Promise<string> => (await fetch(`http://${host}:${port}/healthz`)).text();

test.each([
  ["say nothing", undefined],
  ["scrape a pool that is stuck", "/metrics"],
])("liveness is answered while more connections than there may be %s", async (_what, path) => {
  await serve();
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(Array.from({ length: MOST_CONNECTIONS }, () => hang(path)));
    expect(await isAlive()).toBe("ok\n");
  }
});

test("what is held stays bounded: the oldest connection is cut", async () => {
  await serve();
  const oldest = await hang();
  const second = await hang();
  const cut = once(oldest, "close");
  for (let count = 2; count <= MOST_CONNECTIONS; count += 1) await hang();
  await cut;
  expect(second.destroyed).toBe(false);
  second.write("GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n");
  const [answer] = (await once(second, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
});
