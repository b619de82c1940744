/** What `bed` asks of a running bed, over its Unix socket: HTTP, bodies are JSON. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import type { Guest } from "./guest.ts";

/** POST /run is answered by the node's agent itself (guest/agent.ts), the others by one JSON value. */
export type Order =
  | { readonly verb: "nodes" }
  | { readonly verb: "run"; readonly node: string; readonly argv: readonly string[] }
  | { readonly verb: "power"; readonly node: string; readonly action: "cut" | "start" }
  | { readonly verb: "kubelet"; readonly node: string; readonly action: "restart" }
  | { readonly verb: "disk"; readonly node: string; readonly device: string; readonly to: string };

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
  const guest = guestCalled(guests, order.node);
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
    case "disk":
      response.end(JSON.stringify(moveDisk(guest, order.device, guestCalled(guests, order.to))));
      return;
  }
  response.end("null");
}

function guestCalled(guests: readonly Guest[], name: string): Guest {
  const guest = guests.find(({ node }) => node.name === name);
  if (guest === undefined) throw new Error(`no such node: ${name}`);
  return guest;
}

/** What it is called in its new node. A disk is never in two machines, and a machine that is on has its disks from its start. */
function moveDisk(from: Guest, device: string, to: Guest): string {
  for (const { isOn, node } of [from, to])
    if (isOn) throw new Error(`${node.name} is on: cut its power before its disks are touched`);
  return to.drives.add(from.drives.take(device));
}
