/** What is asked of the API server, in words of its access rules: for counting. Pure. */
export interface ApiRequest {
  readonly verb: "get" | "list" | "create" | "update" | "patch" | "delete" | "other";
  /** With its subresource: `thinpools/status`. */
  readonly resource: string;
}

const VERBS: Readonly<Record<string, ApiRequest["verb"]>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** `/api/v1/…`, `/apis/<group>/<version>/…`, and `namespaces/<name>` before what lies in one. */
const PATH =
  /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)(?:\/namespaces\/[^/]+(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/;

export function requestOf(method: string, url: string): ApiRequest {
  const [, resource, name, subresource] = PATH.exec(new URL(url).pathname) ?? [];
  if (resource === undefined) return { verb: "other", resource: "other" };
  const verb = method === "GET" ? (name === undefined ? "list" : "get") : (VERBS[method] ?? "other");
  return { verb, resource: subresource === undefined ? resource : `${resource}/${subresource}` };
}
