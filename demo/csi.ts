/**
 * One CSI call from a shell: `node demo/csi.ts CreateVolume '{"name":"first",…}'`. Fields are those of proto/csi.proto,
 * sizes are text. The driver is the one of CSI_ENDPOINT. Prints the answer as JSON, or one field of it, named by a third
 * word (`volume.volume_id`), as it is. Exits with 1 and the status if the call fails.
 */
import { status } from "@grpc/grpc-js";
import { connectCsi } from "../test/support/csi-client.ts";

type AnyCall = (request: unknown) => Promise<unknown>;

async function main([method = "", request = "{}", field]: readonly string[]): Promise<void> {
  const endpoint = process.env["CSI_ENDPOINT"];
  if (endpoint === undefined) throw new Error("CSI_ENDPOINT is not set: use `make shell` or `make run`");
  const client = connectCsi(endpoint);
  const { identity, controller, groupController, node } = client;
  const calls = Object.entries({ ...identity, ...controller, ...groupController, ...node });
  const found = calls.find(([name]) => name === `${method.charAt(0).toLowerCase()}${method.slice(1)}`);
  if (found === undefined) {
    const names = calls.map(([name]) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`);
    throw new Error(`no such call: ${method}. Calls: ${names.join(", ")}`);
  }
  // What a person types is checked by the driver, not here.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const call = found[1] as AnyCall;
  try {
    const answer = await call(JSON.parse(request));
    const shown = field === undefined ? answer : fieldOf(answer, field);
    console.log(typeof shown === "string" ? shown : JSON.stringify(shown, undefined, 2));
  } finally {
    client.close();
  }
}

function fieldOf(answer: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => {
    return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  }, answer);
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!("code" in error) || typeof error.code !== "number") return error.message;
  return `${status[error.code] ?? error.code}: ${"details" in error ? String(error.details) : error.message}`;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(wordsOf(error));
  process.exitCode = 1;
}
