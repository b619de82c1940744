/** Values that several parts of a configuration have. Messages go on after `path: `. */
import { isIP } from "node:net";
import { z } from "zod";
import { isPoolName, POOL_NAME_RULE } from "../core/ids.ts";
import { formatBytes, parseBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { tidyPath } from "./paths.ts";

/** Linux: `sun_path` holds 108 bytes with its closing NUL. */
const MAX_SOCKET_PATH = 107;

interface SizeRule {
  readonly least: bigint;
  readonly most: bigint;
  readonly step: bigint;
}

/** Text or a number → Bytes. Numbers are bytes. */
export function size({ least, most, step }: SizeRule) {
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

export const socketFile = absolutePath.refine(
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

export const poolName = z.string().refine(isPoolName, POOL_NAME_RULE);

/** In percent. */
export const whole = (least: number, most: number) =>
  z
    .number()
    .refine(
      (value) => Number.isInteger(value) && value >= least && value <= most,
      `must be a whole number from ${least} to ${most}, in percent`,
    );

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const isUnit = (text: string): text is keyof typeof UNITS => Object.hasOwn(UNITS, text);
const LEAST_PERIOD = 10 * UNITS.s;
const MOST_PERIOD = 366 * UNITS.d;

/** `7d`, `12h` → milliseconds; `never` → undefined. */
export const period = z.string().transform((text, context): number | undefined => {
  if (text === "never") return undefined;
  const ms = millisecondsOf(text);
  if (ms >= LEAST_PERIOD && ms <= MOST_PERIOD) return ms;
  const message = "must be a time such as 7d, 12h, 30m or 90s, from 10s to 366d, or never";
  context.addIssue({ code: "custom", message, input: text });
  return z.NEVER;
});

/** `30m` → milliseconds. */
export function time({ least, most }: { readonly least: string; readonly most: string }) {
  return z.string().transform((text, context): number => {
    const ms = millisecondsOf(text);
    if (ms >= millisecondsOf(least) && ms <= millisecondsOf(most)) return ms;
    const message = `must be a time such as 90s, 30m, 12h or 7d, from ${least} to ${most}`;
    context.addIssue({ code: "custom", message, input: text });
    return z.NEVER;
  });
}

/** 0 for what is none. */
function millisecondsOf(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,8})([a-z])$/.exec(text) ?? [];
  return isUnit(unit) ? Number(count) * UNITS[unit] : 0;
}

/** A mapping that takes no other keys; the message of a stranger names those it takes. */
export function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === "unrecognized_keys"
        ? `is not a key here; keys are ${Object.keys(shape).join(", ")}`
        : undefined,
  });
}

/** No control character, also none that hides in Unicode. */
export function isPlain(text: string): boolean {
  return !/\p{Cc}|\p{Cf}/u.test(text);
}
