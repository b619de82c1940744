/** An API server that answers as a test says, over HTTP, with the client that controllers have. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  CoreV1Api,
  createConfiguration,
  EventsV1Api,
  KubeConfig,
  ServerConfiguration,
} from "@kubernetes/client-node";
import type { Api } from "../../src/kube/api.ts";

export interface SmallApi {
  readonly api: Pick<Api, "config" | "core" | "events">;
  /** `METHOD /path`, without the query. */
  readonly asked: readonly string[];
  /** What was sent with each of them. */
  readonly bodies: readonly unknown[];
  readonly stop: () => Promise<void>;
}

/** `answer` ends the response; for most, `answerWith` does. */
export async function startSmallApi(
  answer: (request: string, response: ServerResponse, url: URL) => void,
): Promise<SmallApi> {
  const asked: string[] = [];
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "", "http://api");
      const text = Buffer.concat(chunks).toString();
      asked.push(`${request.method} ${url.pathname}`);
      bodies.push(text === "" ? undefined : (JSON.parse(text) as unknown));
      answer(`${request.method} ${url.pathname}`, response, url);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createConfiguration({ baseServer: new ServerConfiguration(base, {}) });
  const config = new KubeConfig();
  // Without TLS it asks no server that must have it.
  config.loadFromClusterAndUser({ name: "small", server: base, skipTLSVerify: true }, { name: "nobody" });
  return {
    api: { config, core: new CoreV1Api(client), events: new EventsV1Api(client) },
    asked,
    bodies,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export function answerWith(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}
