/** The shape of the configuration file. Messages go on after `path: `. */
import { isIP } from "node:net";
import { z } from "zod";
import { isPoolName, POOL_NAME_RULE } from "../core/ids.ts";
import { FIRST_WARNING_PERCENT, LOOP_FILES } from "../core/pool-options.ts";
import type { Reserve } from "../core/pool-options.ts";
import { bytes, formatBytes, GIB, KIB, MIB, parseBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { DEFAULT_STATE_DIRECTORY, tidyPath } from "./paths.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The largest metadata that the kernel uses is 255 × 16320 blocks; whole 4-MiB steps below it. */
const MAX_METADATA = bytes(4064n * 4n * MIB);

/** Linux: `sun_path` holds 108 bytes with its closing NUL. */
const MAX_SOCKET_PATH = 107;

interface SizeRule {
  readonly least: bigint;
  readonly most: bigint;
  readonly step: bigint;
}

/** Text or a number → Bytes. Numbers are bytes. */
function size({ least, most, step }: SizeRule) {
  return z.unknown().transform((value, context): Bytes => {
    const refuse = (problem: string): Bytes => {
      context.addIssue({ code: "custom", message: problem, input: value });
      return z.NEVER;
    };
    if (value === undefined) return refuse("is required");
    const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
    const amount = typeof text === "string" ? parseBytes(text) : undefined;
    if (amount === undefined) return refuse("must be a size such as 64KiB, 512MiB or 100GiB");
    if (amount < least) return refuse(`must be at least ${formatBytes(least)}`);
    if (amount > most) return refuse(`must be at most ${formatBytes(most)}`);
    if (amount % step !== 0n) return refuse(`must be a multiple of ${formatBytes(step)}`);
    return amount;
  });
}

export const absolutePath = z
  .string()
  .refine((path) => path.startsWith("/") && tidyPath(path) !== "/", "must be an absolute path below /")
  .refine((path) => !path.split("/").includes(".."), "must not contain ..")
  .refine(isPlain, "must not contain control characters")
  .transform(tidyPath);

const socketFile = absolutePath.refine(
  (path) => new TextEncoder().encode(path).length <= MAX_SOCKET_PATH,
  `must be at most ${MAX_SOCKET_PATH} bytes, the limit of a unix socket's path`,
);

export const endpoint = z
  .string()
  .refine(
    (text) => text.startsWith("unix:///"),
    "must be unix:// and an absolute path, such as unix:///run/csi.sock",
  )
  .transform((text) => text.replace(/^unix:\/\//, ""))
  .pipe(socketFile.refine((path) => path.endsWith(".sock"), "must end in .sock, as CSI demands"))
  .transform((path) => `unix://${path}`);

const LISTEN = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/;

/** A number and no name: it means the same at each start. */
export const ipAndPort = z
  .string()
  .transform((text, context): { readonly host: string; readonly port: number } => {
    const [, v6 = "", v4 = "", digits = ""] = LISTEN.exec(text) ?? [];
    const host = v6 === "" ? v4 : v6;
    const port = Number(digits);
    if (isIP(host) === (v6 === "" ? 4 : 6) && port >= 1 && port <= 65_535) return { host, port };
    const message = "must be an IP address and a port, such as 127.0.0.1:9809 or [::1]:9809";
    context.addIssue({ code: "custom", message, input: text });
    return z.NEVER;
  });

export const word = (most: number) =>
  z
    .string()
    .min(1, "must not be empty")
    .max(most, `must be at most ${most} characters`)
    .refine((text) => isPlain(text) && !/\s/.test(text), "must not contain blanks or control characters");

const poolName = z.string().refine(isPoolName, POOL_NAME_RULE);

const whole = (least: number, most: number) =>
  z
    .number()
    .refine(
      (value) => Number.isInteger(value) && value >= least && value <= most,
      `must be a whole number from ${least} to ${most}, in percent`,
    );

/** Not below the first level that the kernel tells of. */
const growsByItself = {
  at: whole(FIRST_WARNING_PERCENT, 99).default(FIRST_WARNING_PERCENT),
  metadata: z.boolean().default(true),
};

const common = {
  name: poolName,
  blockSize: size({ least: 64n * KIB, most: GIB, step: 64n * KIB }).prefault("64KiB"),
  metadataSize: size({ least: 4n * MIB, most: MAX_METADATA, step: 4n * MIB }).exactOptional(),
  overprovision: z
    .number()
    .refine((ratio) => ratio > 0 && ratio <= 1000, "must be above 0 and at most 1000")
    .default(1),
  zeroing: z.boolean().default(true),
  whenFull: z.enum(["error", "queue"]).default("error"),
  discard: z.boolean().default(true),
};

const dataSize = size({ least: 64n * KIB, most: 1n << 60n, step: 4n * KIB });

const loop = strict({
  backing: z.literal("loop"),
  ...common,
  directory: absolutePath,
  dataSize,
  autoGrow: strict({
    ...growsByItself,
    step: whole(1, 100).default(20),
    limit: dataSize.exactOptional(),
  }).prefault({}),
  force: z.array(z.enum(LOOP_FILES)).default([]),
}).refine(({ autoGrow, dataSize: now }) => autoGrow.limit === undefined || autoGrow.limit >= now, {
  path: ["autoGrow", "limit"],
  message: "must not be below dataSize",
});

const parts = strict({
  backing: z.literal("parts"),
  ...common,
  data: absolutePath,
  metadata: absolutePath,
  catalog: absolutePath.exactOptional(),
  autoGrow: strict(growsByItself).prefault({}),
  force: z.array(absolutePath).default([]),
});

/** A label lists where the parts of its pool lie, and has room for that many. */
const MOST_DEVICES = 16;

const MOST_RESERVED = 90;

/** A share of each disk, or a size. */
const reserve = z.unknown().transform((value, context): Reserve => {
  const percent = typeof value === "string" ? /^(\d{1,3})%$/.exec(value.trim())?.[1] : undefined;
  if (percent !== undefined && Number(percent) <= MOST_RESERVED) return { percent: Number(percent) };
  const amount =
    percent === undefined ? size({ least: 0n, most: 1n << 60n, step: MIB }).safeParse(value) : undefined;
  if (amount?.success === true) return { bytes: amount.data };
  context.addIssue({
    code: "custom",
    message: `must be at most ${MOST_RESERVED}%, such as 10%, or a size of whole MiB, such as 20GiB`,
    input: value,
  });
  return z.NEVER;
});

const devices = strict({
  backing: z.literal("devices"),
  ...common,
  devices: z
    .array(absolutePath)
    .min(1, "must name at least one disk")
    .max(MOST_DEVICES, `must name at most ${MOST_DEVICES} disks`),
  autoGrow: strict(growsByItself).prefault({}),
  reserve: reserve.exactOptional(),
  force: z.array(absolutePath).default([]),
});

const NOT_BUILT = new Set<unknown>(["external"]);

const pool = z.discriminatedUnion("backing", [loop, parts, devices], {
  error: ({ code, input }) => {
    if (code !== "invalid_union") return undefined;
    const backing: unknown =
      typeof input === "object" && input !== null && "backing" in input ? input.backing : undefined;
    if (backing === undefined) return "is required: loop, parts or devices";
    if (NOT_BUILT.has(backing))
      return `${JSON.stringify(backing)} is not built yet; use loop, parts or devices`;
    return "must be loop, parts or devices";
  },
});

/** A mapping that takes no other keys; the message of a stranger names those it takes. */
export function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === "unrecognized_keys"
        ? `is not a key here; keys are ${Object.keys(shape).join(", ")}`
        : undefined,
  });
}

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
  pools: z.array(pool).min(1, "must list at least one pool"),
});

/** No control character, also none that hides in Unicode. */
function isPlain(text: string): boolean {
  return !/\p{Cc}|\p{Cf}/u.test(text);
}
