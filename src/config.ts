/** One YAML file → one frozen value. Validated as a whole: every problem is reported at once, each with its path. */
import { readFile } from "node:fs/promises";
import { InvalidRequestError, systemErrnoOf } from "./core/errors.ts";
import type { PoolName } from "./core/ids.ts";
import type { PoolOptions } from "./core/pool-options.ts";
import { conflicts } from "./config/conflicts.ts";
import { DEFAULT_STATE_DIRECTORY, ownConfiguration, tidyPath } from "./config/paths.ts";
import { problemsOf } from "./config/problems.ts";
import { sameDevices } from "./config/same-device.ts";
import { configSchema } from "./config/schema.ts";
import type { LogLevel } from "./config/schema.ts";
import { parseYaml } from "./config/yaml.ts";

export interface Config {
  readonly nodeName: string;
  /** `unix://` and the absolute path of the socket; see `socketPath`. */
  readonly endpoint: string;
  readonly kubeletDirectory: string;
  readonly stateDirectory: string;
  /** 0: no limit. */
  readonly maxVolumes: number;
  readonly logLevel: LogLevel;
  /** Where a resume guard of its own container listens; absent: the driver starts one. */
  readonly guard?: { readonly socket: string };
  /** Where Prometheus and kubelet may ask; absent: nowhere. */
  readonly metrics?: { readonly listen: { readonly host: string; readonly port: number } };
  /** Where a node serves the cluster's controllers, and how it comes to its certificate. */
  readonly cluster?: ClusterOptions;
  readonly clusterUid?: string;
  /** Name of a configured pool, for requests that name none. */
  readonly defaultPool?: PoolName;
  /** At least one, of different names. */
  readonly pools: readonly PoolOptions[];
}

/** One of `identity` and `enrol` is there. */
export interface ClusterOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** A directory that somebody else fills. */
  readonly identity?: string;
  readonly enrol?: EnrolOptions;
}

export interface EnrolOptions {
  /** `host:port`. */
  readonly controller: string;
  /** Files: the CA's certificate, and the pod's token. */
  readonly ca: string;
  readonly token: string;
}

/** What the surroundings say; a key of the file wins over it. */
export interface Surroundings {
  /** Of NODE_NAME, else the host's name. */
  readonly nodeName: string;
  /** Of CSI_ENDPOINT. */
  readonly endpoint?: string;
}

/** The host's answer to `Surroundings`. Empty variables count as unset. */
export function surroundingsOf(environment: NodeJS.ProcessEnv, hostname: string): Surroundings {
  const endpoint = environment["CSI_ENDPOINT"];
  return { nodeName: environment["NODE_NAME"] || hostname, ...(endpoint ? { endpoint } : {}) };
}

export type ParsedConfig =
  | { readonly kind: "valid"; readonly config: Config }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/** Pure. Problems read `pools[1].metadataSize: must be …`, in the order of the file's keys. */
export function parseConfig(text: string, surroundings: Surroundings): ParsedConfig {
  const yaml = parseYaml(text);
  if (yaml.kind === "invalid") return yaml;
  const raw = isMapping(yaml.value) ? { ...surroundings, ...yaml.value } : yaml.value;
  const result = configSchema.safeParse(raw);
  const problems = [...(result.success ? [] : problemsOf(result.error.issues)), ...conflicts(raw)];
  if (!result.success || problems.length > 0) return { kind: "invalid", problems };
  return { kind: "valid", config: deepFreeze(result.data) };
}

/** Throws InvalidRequestError that lists every problem, one a line. */
export async function readConfig(path: string, surroundings: Surroundings): Promise<Config> {
  const { file, text } = await readConfigurationFile(path);
  const parsed = parseConfig(text, surroundings);
  const problems = parsed.kind === "valid" ? await sameDevices(parsed.config.pools) : parsed.problems;
  if (parsed.kind === "valid" && problems.length === 0) return parsed.config;
  throw problemsError(file, problems);
}

/** Throws InvalidRequestError. `file`: the node's own where there is one, see `ownConfiguration`. */
export async function readConfigurationFile(
  path: string,
  nodeName = process.env["NODE_NAME"],
): Promise<{ readonly file: string; readonly text: string }> {
  const own = ownConfiguration(path, nodeName);
  try {
    const text = own === undefined ? undefined : await textOf(own);
    if (own !== undefined && text !== undefined) return { file: own, text };
    return { file: path, text: await readFile(path, "utf8") };
  } catch (error) {
    throw new InvalidRequestError("configuration", `cannot read ${path}`, { cause: error });
  }
}

/** Undefined where there is no such file. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemErrnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export const problemsError = (path: string, problems: readonly string[]): InvalidRequestError =>
  new InvalidRequestError(`configuration ${path}`, problems.map((line) => `\n  ${line}`).join(""));

/**
 * Where the notes of a driver are whose configuration is not valid, or not YAML: a device that such a driver left
 * suspended is resumed all the same. The default where the file says nothing of it.
 */
export async function guessStateDirectory(path: string): Promise<string> {
  const { text } = await readConfigurationFile(path).catch(() => ({ text: "" }));
  const [, written] = /(?:^|[{,])\s*"?stateDirectory"?\s*:\s*["']?(\/[^\s"',}#]+)/m.exec(text) ?? [];
  return written === undefined ? DEFAULT_STATE_DIRECTORY : tidyPath(written);
}

/** The absolute path inside a validated endpoint. */
export const socketPath = (endpoint: string): string => endpoint.slice("unix://".length);

const isMapping = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
