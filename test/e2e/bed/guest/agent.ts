/**
 * Runs in a node and starts commands for the bed: POST / with a JSON array of strings. The answer is a line of JSON for each
 * piece of output, [1 or 2, base64], and at the end [0, exit code].
 */
import { spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

const PORT = 10990;

async function run(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [program = "", ...args] = JSON.parse(await text(request)) as string[];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const say = (stream: number, value: string | number): void => {
    response.write(`${JSON.stringify([stream, value])}\n`);
  };
  response.on("close", () => child.kill("SIGKILL"));
  child.stdout.on("data", (piece: Buffer) => say(1, piece.toString("base64")));
  child.stderr.on("data", (piece: Buffer) => say(2, piece.toString("base64")));
  child.on("error", (error) => say(2, Buffer.from(`${error.message}\n`).toString("base64")));
  child.on("close", (code, signal) => {
    say(0, code === null || code < 0 ? (signal === null ? 127 : 137) : code);
    response.end();
  });
}

createServer((request, response) => void run(request, response)).listen(PORT, process.argv[2]);
