/**
 * The API server for a person's commands, with the rights of his kubeconfig. Objects come and go as the JSON they are: types of
 * a client that is older than the server would lose fields of what is written back.
 */
import { createConfiguration, HttpMethod, KubeConfig, ServerConfiguration } from "@kubernetes/client-node";
import { EnvironmentError } from "../core/errors.ts";
import { z } from "zod";
import { apiError } from "./api.ts";
import { itemsOf, pageOf } from "./pages.ts";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

export interface RawApi {
  /** Answers the object; undefined for one of `accept`, codes that are no failures here. EnvironmentError on all others. */
  send(request: RawRequest): Promise<unknown>;
}

export interface RawRequest {
  readonly method: Method;
  /** With the query. */
  readonly path: string;
  /** A PATCH is a merge patch. */
  readonly body?: object;
  readonly accept?: readonly number[];
}

/** A server that takes longer is one that does not answer. */
const LONGEST_MS = 30_000;

/** All of a list. `path`: without a limit; `accept`: codes of a server that has no such kind, of which there is nothing then. */
export async function rawItems(
  api: RawApi,
  path: string,
  accept: readonly number[] = [],
): Promise<readonly unknown[]> {
  const items = itemsOf(async ({ limit, _continue }) => {
    const next = _continue === undefined ? "" : `&continue=${encodeURIComponent(_continue)}`;
    const page = `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${next}`;
    const answer = await api.send({ method: "GET", path: page, accept });
    return answer === undefined ? { items: [] } : pageOf(answer, z.unknown());
  });
  return Array.fromAsync(items);
}

/** `kubeconfig`: a file; as kubectl finds it unless given, and so is `context`. */
export function connectRaw({
  kubeconfig,
  context,
}: {
  readonly kubeconfig?: string;
  readonly context?: string;
}): RawApi {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new EnvironmentError("no API server: there is no kubeconfig, or it names none");
  return rawApi(config, cluster.server);
}

/** `url`: of the server that `config` speaks to. */
export function rawApi(config: KubeConfig, url: string): RawApi {
  const server = new ServerConfiguration(url, {});
  const { httpApi } = createConfiguration({ baseServer: server });
  return {
    send: async ({ method, path, body, accept = [] }) => {
      const context = server.makeRequestContext(path, HttpMethod[method]);
      context.setSignal(AbortSignal.timeout(LONGEST_MS));
      context.setHeaderParam("Accept", "application/json");
      if (body !== undefined) {
        const kind = method === "PATCH" ? "application/merge-patch+json" : "application/json";
        context.setHeaderParam("Content-Type", kind);
        context.setBody(JSON.stringify(body));
      }
      const answer = await exchange(`${method} ${path}`, async () => {
        await config.applySecurityAuthentication(context);
        const response = await httpApi.send(context).toPromise();
        return { code: response.httpStatusCode, text: await response.body.text() };
      });
      if (answer.code < 300) return JSON.parse(answer.text) as unknown;
      if (accept.includes(answer.code)) return undefined;
      throw new EnvironmentError(
        `API server: ${method} ${path}: it answered ${answer.code}, ${reasonOf(answer.text)}`,
      );
    },
  };
}

async function exchange<Answer>(what: string, work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    throw apiError(what, error);
  }
}

/** The sentence in a Status: of commands a person has to know it, and he sent what was asked himself. */
function reasonOf(text: string): string {
  try {
    const status: unknown = JSON.parse(text);
    if (typeof status === "object" && status !== null && "message" in status) return String(status.message);
  } catch {
    // No Status: some proxy's page.
  }
  return "for no reason that it gave";
}
