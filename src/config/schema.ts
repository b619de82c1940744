/** The shape of the configuration file. Messages go on after `path: `. */
import { z } from "zod";
import { absolutePath, endpoint, ipAndPort, poolName, socketFile, strict, word } from "./fields.ts";
import { DEFAULT_STATE_DIRECTORY } from "./paths.ts";
import { pool } from "./schema-pool.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const hostAndPort = z
  .string()
  .regex(
    /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]+\]):\d{1,5}$/,
    "must be a host and a port, such as dmthin:9811",
  );

const cluster = strict({
  listen: ipAndPort,
  identity: absolutePath.exactOptional(),
  enrol: strict({ controller: hostAndPort, ca: absolutePath, token: absolutePath }).exactOptional(),
}).refine(
  ({ identity, enrol }) => (identity === undefined) !== (enrol === undefined),
  "needs identity or enrol, and not both",
);

export const configSchema = strict({
  nodeName: word(253),
  endpoint,
  kubeletDirectory: absolutePath.default("/var/lib/kubelet"),
  stateDirectory: absolutePath.default(DEFAULT_STATE_DIRECTORY),
  maxVolumes: z
    .number()
    .refine((count) => Number.isSafeInteger(count) && count >= 0, "must be a whole number, 0 for no limit")
    .default(0),
  logLevel: z.enum(LOG_LEVELS).default("info"),
  guard: strict({ socket: socketFile }).exactOptional(),
  metrics: strict({ listen: ipAndPort }).exactOptional(),
  cluster: cluster.exactOptional(),
  clusterUid: word(128).exactOptional(),
  defaultPool: poolName.exactOptional(),
  // A controller believes no more of a node.
  pools: z.array(pool).min(1, "must list at least one pool").max(64, "must list at most 64 pools"),
});
