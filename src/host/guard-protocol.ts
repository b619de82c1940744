/**
 * The language of the resume guard: one JSON object a line over a unix socket.
 *
 *     {"arm": {"id", "deadlineMs", "devices": [{"name", "uuid"}], "mountPoints": ["/…"]}}   →  {"armed": id} or
 *                                                                                             {"refused": id, "reason"}
 *     {"disarm": id}                                                   →  {"disarmed": id} or {"fired": id}
 *     {"fire": id}                                                     →  {"fired": id}, before it is done
 *
 * The parsers take this and nothing else: what they accept ends in the arguments of dmsetup and fsfreeze.
 */
import { DM_NAME_PREFIX, DM_UUID_PREFIX } from "../core/ids.ts";
import type { DmName, DmUuid } from "../core/ids.ts";

export interface GuardedDevice {
  readonly name: DmName;
  readonly uuid: DmUuid;
}

/** What is to be resumed and thawed should its owner fail to. */
export interface Bracket {
  /** 8 to 64 characters of `a-z0-9-`; unique among all clients. */
  readonly id: string;
  readonly deadlineMs: number;
  readonly devices: readonly GuardedDevice[];
  readonly mountPoints: readonly string[];
}

export type GuardRequest =
  | { readonly arm: Bracket }
  | { readonly disarm: string }
  | { readonly fire: string };

export type GuardReply =
  | { readonly armed: string }
  | { readonly refused: string; readonly reason: string }
  | { readonly disarmed: string }
  | { readonly fired: string };

/** Characters; a group of a thousand volumes takes a fifth of it. */
export const MAX_LINE = 1024 * 1024;
const MAX_DEADLINE_MS = 10 * 60 * 1000;

const ID = /^[a-z0-9-]{8,64}$/;
const NAME = new RegExp(`^${DM_NAME_PREFIX}[a-z0-9-]{1,120}$`);
const UUID = new RegExp(`^${DM_UUID_PREFIX}[0-9a-f]{32}-[a-z0-9-]{1,64}$`);
const MAX_PATH = 4096;

export const isOwnDmName = (text: string): text is DmName => NAME.test(text);
export const isOwnDmUuid = (text: string): text is DmUuid => UUID.test(text);

/** Undefined for a line that no client of ours sends. */
export function parseRequest(line: string): GuardRequest | undefined {
  const message = objectOf(line);
  if (message === undefined) return undefined;
  if ("disarm" in message) return isId(message.disarm) ? { disarm: message.disarm } : undefined;
  if ("fire" in message) return isId(message.fire) ? { fire: message.fire } : undefined;
  const bracket = "arm" in message ? bracketOf(message.arm) : undefined;
  return bracket === undefined ? undefined : { arm: bracket };
}

/** Undefined for a line that no guard of ours sends. */
export function parseReply(line: string): GuardReply | undefined {
  const message = objectOf(line);
  if (message === undefined) return undefined;
  if ("armed" in message && isId(message.armed)) return { armed: message.armed };
  if ("disarmed" in message && isId(message.disarmed)) return { disarmed: message.disarmed };
  if ("fired" in message && isId(message.fired)) return { fired: message.fired };
  if (!("refused" in message && isId(message.refused) && "reason" in message)) return undefined;
  return typeof message.reason === "string"
    ? { refused: message.refused, reason: message.reason }
    : undefined;
}

/** Of a note on the disk, which is the bracket as JSON. */
export function parseBracket(text: string): Bracket | undefined {
  return bracketOf(objectOf(text));
}

export const formatLine = (message: GuardRequest | GuardReply): string => `${JSON.stringify(message)}\n`;

function bracketOf(value: unknown): Bracket | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!("id" in value && "deadlineMs" in value && "devices" in value && "mountPoints" in value))
    return undefined;
  const { id, deadlineMs, mountPoints } = value;
  const devices = listOf(value.devices, deviceOf);
  const paths = listOf(mountPoints, (each) => (isAbsolutePath(each) ? each : undefined));
  if (!isId(id) || !isDeadline(deadlineMs) || devices === undefined || paths === undefined) return undefined;
  return { id, deadlineMs, devices, mountPoints: paths };
}

function deviceOf(value: unknown): GuardedDevice | undefined {
  if (typeof value !== "object" || value === null || !("name" in value && "uuid" in value)) return undefined;
  const { name, uuid } = value;
  if (typeof name !== "string" || typeof uuid !== "string") return undefined;
  return isOwnDmName(name) && isOwnDmUuid(uuid) ? { name, uuid } : undefined;
}

function listOf<T>(value: unknown, parse: (entry: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const entries = value.map(parse).filter((entry) => entry !== undefined);
  return entries.length === value.length ? entries : undefined;
}

function objectOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const isId = (value: unknown): value is string => typeof value === "string" && ID.test(value);

const isDeadline = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value > 0 && value <= MAX_DEADLINE_MS;

function isAbsolutePath(value: unknown): value is string {
  if (typeof value !== "string" || !value.startsWith("/") || value.length > MAX_PATH) return false;
  return !value.includes("\0") && !value.split("/").includes("..");
}
