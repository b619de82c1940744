/** The configuration of a controller, and the file that names its nodes. */
import { z } from "zod";
import { problemsOf } from "./problems.ts";
import { absolutePath, endpoint, ipAndPort, strict, time, word } from "./fields.ts";
import { LOG_LEVELS, type LogLevel } from "./schema.ts";
import { parseYaml } from "./yaml.ts";

export interface ControllerConfig {
  /** `unix://` and the absolute path of the socket. */
  readonly endpoint: string;
  readonly logLevel: LogLevel;
  /** Of the socket for commands; absent: there is none. */
  readonly stateDirectory?: string;
  /** Where `/metrics`, `/healthz` and `/readyz` are served; absent: nowhere. */
  readonly metrics?: { readonly listen: { readonly host: string; readonly port: number } };
  /** Either files that somebody else keeps, or the API server. */
  readonly static?: StaticCluster;
  readonly kubernetes?: KubernetesCluster;
}

export interface StaticCluster {
  /** Directory of the certificates by which nodes know the controller. */
  readonly identity: string;
  /** The file that names the nodes. */
  readonly nodes: string;
}

export interface KubernetesCluster {
  /** Of the controllers and of the node pods. */
  readonly namespace: string;
  /** Name of the Secret that keeps the CA, and of the ConfigMap with its certificate. */
  readonly authority: string;
  /** Name of the Lease whose holder writes ThinPools and Events. */
  readonly lease: string;
  /** Of the node pods; nobody else gets a certificate. */
  readonly serviceAccount: string;
  /** Labels of the node pods, `key=value`. */
  readonly podLabel: string;
  /** On which node pods serve controllers. */
  readonly nodePort: number;
  /** Where nodes come for their certificates. */
  readonly enrol: { readonly host: string; readonly port: number };
  readonly orphans: OrphanTimes & {
    /** Name of the ConfigMap that keeps since when what is one. */
    readonly notes: string;
  };
}

/** Milliseconds. */
export interface OrphanTimes {
  /** Between two looks for orphans. */
  readonly everyMs: number;
  /** What is younger is none, and what is one for less is not deleted. */
  readonly graceMs: number;
}

export interface NodeEntry {
  readonly name: string;
  /** `host:port`; absent: it belongs to the cluster, and cannot be reached now. */
  readonly address?: string;
}

export type Parsed<Value> =
  | { readonly kind: "valid"; readonly value: Value }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

const objectName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, "must be the name of a Kubernetes object");

/** A look lists all volumes twice: of the nodes, and of the API server. */
const EVERY_MS = 1_800_000;
const GRACE_MS = 3_600_000;

const controllerSchema = strict({
  endpoint,
  logLevel: z.enum(LOG_LEVELS).default("info"),
  stateDirectory: absolutePath.exactOptional(),
  metrics: strict({ listen: ipAndPort }).exactOptional(),
  static: strict({ identity: absolutePath, nodes: absolutePath }).exactOptional(),
  kubernetes: strict({
    namespace: objectName,
    authority: objectName.default("dmthin-ca"),
    lease: objectName.default("dmthin-controller"),
    serviceAccount: objectName,
    podLabel: z.string().regex(/^[A-Za-z0-9./_-]{1,317}=[A-Za-z0-9._-]{1,63}$/, "must be key=value"),
    nodePort: z
      .number()
      .refine((port) => Number.isInteger(port) && port >= 1 && port <= 65_535, "must be a port"),
    enrol: ipAndPort,
    orphans: strict({
      every: time({ least: "10s", most: "1d" }).default(EVERY_MS),
      grace: time({ least: "1m", most: "90d" }).default(GRACE_MS),
      notes: objectName.default("dmthin-orphans"),
    })
      // No look would fall into a grace period, and nobody could see an orphan before its end.
      .refine(
        ({ every, grace }) => every <= grace,
        "every (30m unless given) must not be longer than grace (1h unless given)",
      )
      .prefault({})
      .transform(({ every, grace, notes }) => ({ everyMs: every, graceMs: grace, notes })),
  }).exactOptional(),
}).refine(
  ({ static: files, kubernetes }) => (files === undefined) !== (kubernetes === undefined),
  "needs static or kubernetes, and not both",
);

const address = ipAndPort.transform(({ host, port }) =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
);

const nodesSchema = strict({
  nodes: z
    .array(strict({ name: word(253), address: address.exactOptional() }))
    .refine((nodes) => new Set(nodes.map(({ name }) => name)).size === nodes.length, "names a node twice"),
});

/** Pure. `surroundings`: of CSI_ENDPOINT; a key of the file wins. */
export function parseControllerConfig(
  text: string,
  surroundings: { readonly endpoint?: string },
): Parsed<ControllerConfig> {
  return parse(controllerSchema, text, surroundings);
}

/** Pure. */
export function parseNodesFile(text: string): Parsed<readonly NodeEntry[]> {
  const parsed = parse(nodesSchema, text, {});
  return parsed.kind === "valid" ? { kind: "valid", value: parsed.value.nodes } : parsed;
}

function parse<Value>(schema: z.ZodType<Value>, text: string, surroundings: object): Parsed<Value> {
  const yaml = parseYaml(text);
  if (yaml.kind === "invalid") return yaml;
  const { value } = yaml;
  const raw = typeof value === "object" && !Array.isArray(value) ? { ...surroundings, ...value } : value;
  const result = schema.safeParse(raw);
  if (result.success) return { kind: "valid", value: result.data };
  return { kind: "invalid", problems: problemsOf(result.error.issues) };
}
