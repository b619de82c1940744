/** Plain HTTP for a few pages: GET and HEAD; or for a few actions: POST. Nothing is read from a body. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { EnvironmentError } from "../core/errors.ts";
import { bindForOwner, removeStaleSocket } from "../host/unix-socket.ts";
import type { Answer, Actions, Pages } from "./pages.ts";

export interface HttpServer {
  /** Cuts what is under way. May be repeated. */
  close(): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Told of a page, or a connection, that failed. */
export type OnFailure = (what: string, error: unknown) => void;

/** What one caller can make the driver hold. */
const LIMITS = {
  requestTimeout: 10_000,
  headersTimeout: 10_000,
  maxHeaderSize: 8192,
  connectionsCheckingInterval: 1000,
};
/** Without a byte in either direction. A page over TCP takes seconds; a measurement, over the socket, minutes. */
const IDLE_MS = 20_000;
export const MOST_CONNECTIONS = 64;

/** Throws EnvironmentError where the address is taken, or not of this machine. */
export async function serveTcp(
  { host, port }: Address,
  pages: Pages,
  onFailure: OnFailure,
): Promise<HttpServer> {
  const server = makeServer(pages, onFailure);
  server.setTimeout(IDLE_MS);
  try {
    await listening(server, () => server.listen({ host, port }));
  } catch (cause) {
    throw new EnvironmentError(
      `cannot listen at ${host.includes(":") ? `[${host}]` : host}:${port}: ${cause instanceof Error ? cause.message : "unknown"}`,
      { cause },
    );
  }
  return running(server, onFailure);
}

/** `path`: absolute. For its owner only; throws EnvironmentError, see `host/unix-socket.ts`. */
export function serveUnix(path: string, pages: Pages, onFailure: OnFailure): Promise<HttpServer> {
  return serveOwner(path, makeServer(pages, onFailure), onFailure);
}

/** Likewise, for what changes something: no page that somebody looks at does. */
export function serveActions(path: string, actions: Actions, onFailure: OnFailure): Promise<HttpServer> {
  const server = serverOf((request, gone) => act(request, gone, actions, onFailure));
  return serveOwner(path, server, onFailure);
}

async function serveOwner(path: string, server: Server, onFailure: OnFailure): Promise<HttpServer> {
  await removeStaleSocket(path);
  await bindForOwner(
    path,
    () => listening(server, () => server.listen(path)),
    () => server.close(),
  );
  return running(server, onFailure);
}

const makeServer = (pages: Pages, onFailure: OnFailure): Server =>
  serverOf((request) => answer(request, pages, onFailure));

function serverOf(answerTo: (request: IncomingMessage, gone: AbortSignal) => Promise<Answer>): Server {
  const server = createServer(LIMITS, (request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    void answerTo(request, gone.signal).then((found) => write(request, response, found));
  });
  makeRoom(server);
  return server;
}

/**
 * Of too many connections the oldest goes, whatever it waits for. A new one is never refused: it may be the liveness probe's,
 * and a flood of scrapes must not have the driver restarted.
 */
function makeRoom(server: Server): void {
  const connections = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    if (connections.size <= MOST_CONNECTIONS) return;
    const [oldest] = connections;
    if (oldest === undefined) return;
    connections.delete(oldest);
    oldest.destroy();
  });
}

async function answer(
  { method, url = "" }: IncomingMessage,
  pages: Pages,
  onFailure: OnFailure,
): Promise<Answer> {
  const [path = ""] = url.split("?", 1);
  if (method !== "GET" && method !== "HEAD") return onlyBy("GET, HEAD");
  return attempt(path, pages, onFailure, pages[path]);
}

async function act(
  { method, url = "" }: IncomingMessage,
  gone: AbortSignal,
  actions: Actions,
  onFailure: OnFailure,
): Promise<Answer> {
  const [path = "", query = ""] = url.split("?", 2);
  if (method !== "POST") return onlyBy("POST");
  const action = actions[path];
  return attempt(path, actions, onFailure, action && (() => action(new URLSearchParams(query), gone)));
}

async function attempt(
  path: string,
  all: Pages | Actions,
  onFailure: OnFailure,
  work: (() => Promise<Answer>) | undefined,
): Promise<Answer> {
  if (!Object.hasOwn(all, path) || work === undefined)
    return plain(404, `no such page; there are ${Object.keys(all).join(", ")}`);
  try {
    return await work();
  } catch (error) {
    onFailure(path, error);
    return plain(500, "internal error; the driver's log has the details");
  }
}

const onlyBy = (methods: string): Answer => ({
  ...plain(405, `only ${methods.replace(", ", " and ")}`),
  allow: methods,
});

const plain = (status: number, line: string): Answer => ({
  status,
  type: "text/plain; charset=utf-8",
  body: `${line}\n`,
});

function write(
  { method }: IncomingMessage,
  response: ServerResponse,
  { status, type, body, allow }: Answer,
): void {
  const headers = {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
  };
  response.writeHead(status, allow === undefined ? headers : { ...headers, allow });
  response.end(method === "HEAD" ? undefined : body);
}

async function listening(server: Server, listen: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("listening", resolve);
  server.once("error", reject);
  listen();
  await promise;
  server.off("error", reject);
}

/** A connection that cannot be accepted (no descriptors left, for one) must not end the driver. */
function running(server: Server, onFailure: OnFailure): HttpServer {
  server.on("error", (error) => onFailure("a connection", error));
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
