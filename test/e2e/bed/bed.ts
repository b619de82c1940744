/**
 * `bed`: asks a running bed. A small program in the bed's directory calls this with that directory before the verb.
 *
 *   bed nodes                      names of its nodes, a line each
 *   bed run NODE -- COMMAND...     a command on the node as root: its output and exit code
 *   bed power NODE cut|start       the power fails, or comes back; cut returns when the node is dead, start when it runs commands
 *   bed kubelet NODE restart       the kubelet ends, and starts again within a second
 *   bed disk move FROM DEVICE TO   takes a disk out of one node and puts it into another: prints its device there. Both have to be off
 *   bed image ARCHIVE              a container image, in Docker's or OCI's format, is there on all nodes
 *
 * Exit code 2: bad usage. 125: the bed or the node does not answer.
 */
import { copyFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { json } from "node:stream/consumers";
import type { Order } from "./control.ts";

const USAGE =
  "usage: bed nodes | run NODE -- COMMAND... | power NODE cut|start | kubelet NODE restart | disk move FROM DEVICE TO | image ARCHIVE";

function parse(words: readonly string[]): Order | undefined {
  const [verb, node = "", action, ...rest] = words;
  if (verb === "nodes" && words.length === 1) return { verb };
  if (node === "") return undefined;
  if (verb === "run" && action === "--" && rest.length > 0) return { verb, node, argv: rest };
  if (verb === "disk") return parseDisk(words.slice(1));
  if (rest.length > 0) return undefined;
  if (verb === "power" && (action === "cut" || action === "start")) return { verb, node, action };
  if (verb === "kubelet" && action === "restart") return { verb, node, action };
  return undefined;
}

function parseDisk([action, node, device, to, ...rest]: readonly string[]): Order | undefined {
  if (action !== "move" || node === undefined || device === undefined || to === undefined) return undefined;
  return rest.length > 0 ? undefined : { verb: "disk", node, device, to };
}

const ask = (directory: string, order: Order): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const call = request({ socketPath: join(directory, "control.sock"), method: "POST" });
    call.on("response", resolve).on("error", reject);
    call.end(JSON.stringify(order));
  });

/** Writes the pieces of output as they come; the exit code, or undefined where the node died meanwhile. */
async function copyOutput(answer: IncomingMessage): Promise<number | undefined> {
  for await (const line of createInterface({ input: answer })) {
    const [stream, value] = JSON.parse(line) as [number, string | number];
    if (stream === 0) return Number(value);
    const output = stream === 1 ? process.stdout : process.stderr;
    output.write(Buffer.from(String(value), "base64"));
  }
  return undefined;
}

/** By the directory that nodes see as /bed. */
async function importImage(directory: string, archive: string): Promise<number> {
  const seen = join("archives", basename(archive));
  copyFileSync(archive, join(directory, "guest", seen));
  const nodes = (await json(await ask(directory, { verb: "nodes" }))) as string[];
  const argv = ["ctr", "-n", "k8s.io", "images", "import", join("/bed", seen)];
  const codes = await Promise.all(nodes.map((node) => obey(directory, { verb: "run", node, argv })));
  return Math.max(...codes);
}

async function main([directory = "", ...words]: readonly string[]): Promise<number> {
  const [verb, archive] = words;
  const order = parse(words);
  if (order === undefined && (verb !== "image" || archive === undefined || words.length > 2)) {
    console.error(USAGE);
    return 2;
  }
  return order === undefined ? importImage(directory, archive ?? "") : obey(directory, order);
}

async function obey(directory: string, order: Order): Promise<number> {
  try {
    const answer = await ask(directory, order);
    if (answer.statusCode !== 200) throw new Error(((await json(answer)) as { error: string }).error);
    if (order.verb === "run") {
      const code = await copyOutput(answer);
      if (code === undefined) throw new Error(`${order.node} ended meanwhile`);
      return code;
    }
    const value = await json(answer);
    if (order.verb === "nodes") console.log((value as string[]).join("\n"));
    if (order.verb === "disk") console.log(String(value));
    return 0;
  } catch (error) {
    console.error(`bed: ${error instanceof Error ? error.message : String(error)}`);
    return 125;
  }
}

process.exitCode = await main(process.argv.slice(2));
