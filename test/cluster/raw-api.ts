/** The API server as a client without types sees it: what is sent is what was written. */
import { request } from "node:https";

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

export interface RawApi {
  ask(method: "GET" | "POST", path: string, body?: unknown): Promise<RawAnswer>;
  /** Path of the collection that an object belongs to. Rejects where the server knows no such kind. */
  collectionOf(object: KindOfObject): Promise<string>;
}

export interface KindOfObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly namespace?: string };
}

/** `url`: of a server of the test's own, whose certificate nobody vouches for. */
export function rawApi(url: string, token: string): RawApi {
  const ask: RawApi["ask"] = (method, path, body) => {
    const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const sent = request(`${url}${path}`, { method, headers, rejectUnauthorized: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece: string) => (text += piece));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: text }));
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  };
  return {
    ask,
    collectionOf: async ({ apiVersion, kind, metadata }) => {
      const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
      const { status, body } = await ask("GET", group);
      const { resources = [] } = JSON.parse(status === 200 ? body : "{}") as {
        readonly resources?: readonly {
          readonly kind: string;
          readonly name: string;
          readonly namespaced: boolean;
        }[];
      };
      const found = resources.find((each) => each.kind === kind && !each.name.includes("/"));
      if (found === undefined) throw new Error(`${apiVersion} has no ${kind}`);
      const place = found.namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
      return `${group}${place}/${found.name}`;
    },
  };
}
