/** What `bed` asks of a running bed, over its Unix socket: HTTP, bodies are JSON. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import type { Guest } from "./guest.ts";

/** POST /run is answered by the node's agent itself (guest/agent.ts), the others by one JSON value. */
export type Order =
  | { readonly verb: "nodes" }
  | { readonly verb: "run"; readonly node: string; readonly argv: readonly string[] }
  | { readonly verb: "power"; readonly node: string; readonly action: "cut" | "start" }
  | { readonly verb: "kubelet"; readonly node: string; readonly action: "restart" };

/** Until the process ends. */
export function serveControl(socket: string, guests: readonly Guest[]): void {
  createServer((request, response) => {
    obey(guests, request, response).catch((error: unknown) => {
      if (!response.headersSent) response.statusCode = 500;
      response.end(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
    });
  }).listen(socket);
}

async function obey(
  guests: readonly Guest[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const order = (await json(request)) as Order;
  if (order.verb === "nodes") {
    response.end(JSON.stringify(guests.map(({ node }) => node.name)));
    return;
  }
  const guest = guests.find(({ node }) => node.name === order.node);
  if (guest === undefined) throw new Error(`no such node: ${order.node}`);
  switch (order.verb) {
    case "run": {
      const answer = await guest.run(order.argv);
      response.on("close", () => answer.destroy());
      answer.on("error", () => response.destroy());
      answer.pipe(response);
      return;
    }
    case "power":
      await (order.action === "cut" ? guest.cut() : guest.start());
      break;
    case "kubelet": {
      const answer = await guest.run(["sh", "-c", 'kill "$(cat /run/kubelet.pid)"']);
      answer.resume();
      break;
    }
  }
  response.end("null");
}
