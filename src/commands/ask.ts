/** Asks the driver that runs on this node for its report, over its socket. */
import { request } from "node:http";
import type { IncomingMessage } from "node:http";

import { guessStateDirectory } from "../config.ts";
import { reportSocket } from "../config/paths.ts";
import { EnvironmentError, messageOf, systemErrnoOf } from "../core/errors.ts";
import { parseReport } from "../monitor/report-json.ts";
import type { ReadReport } from "../monitor/report-json.ts";

/** How long each page may take: longer than a report waits for a pool that is stuck, and than a measurement may last. */
const PAGES = { "/report": 20_000, "/report/measured": 330_000 } as const;
export type ReportPage = keyof typeof PAGES;

/** How a command finds the driver. */
export interface Whereabouts {
  readonly configuration: string;
  /** Wins over what the configuration says. */
  readonly stateDirectory?: string;
}

/** Throws EnvironmentError where no driver answers, ParseError for what this version does not understand. */
export async function readReport(whereabouts: Whereabouts, page: ReportPage): Promise<ReadReport> {
  const directory = await stateDirectoryOf(whereabouts);
  return parseReport(await askReport(reportSocket(directory), page));
}

/** Where the driver's sockets are. */
export const stateDirectoryOf = async ({ configuration, stateDirectory }: Whereabouts): Promise<string> =>
  stateDirectory ?? guessStateDirectory(configuration);

/** The JSON of the page. Throws EnvironmentError where no driver answers. */
export async function askReport(
  socketPath: string,
  page: ReportPage,
  patienceMs: number = PAGES[page],
): Promise<string> {
  return askDriver(socketPath, "GET", page, patienceMs);
}

/** The body of an answer that is one. Throws EnvironmentError likewise. `path`: with its query. */
export async function askDriver(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  patienceMs: number,
): Promise<string> {
  try {
    const response = await send(socketPath, method, path, patienceMs);
    const body = await textOf(response);
    if (response.statusCode === 200) return body;
    throw new EnvironmentError(`the driver answered ${response.statusCode}: ${body.trim()}`);
  } catch (error) {
    if (error instanceof EnvironmentError) throw error;
    throw new EnvironmentError(`no driver answers at ${socketPath}: ${explain(error)}`, { cause: error });
  }
}

function send(
  socketPath: string,
  method: string,
  path: string,
  patienceMs: number,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const signal = AbortSignal.timeout(patienceMs);
  request({ socketPath, method, path, agent: false, signal }, resolve).on("error", reject).end();
  return promise;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function explain(error: unknown): string {
  switch (systemErrnoOf(error)) {
    case "ENOENT":
      return "there is no such socket; is dmthin running, and is this its state directory?";
    case "ECONNREFUSED":
      return "nobody listens there; has dmthin ended?";
    case "EACCES":
      return "permission denied; only root may ask";
    case "ABORT_ERR":
      return "no answer in time; the driver's main loop may be stuck";
    default:
      return messageOf(error);
  }
}
