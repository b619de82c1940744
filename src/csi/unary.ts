/**
 * What every RPC has in common: the end of the answer, the log line, the way from an error to a status.
 *
 * A deadline or a cancel ends the *answer*; the operation goes on and a retry joins it. So `handler` is never
 * interrupted: it gets a signal, which reads may obey and mutations must not.
 */
import { inspect } from "node:util";
import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { Metadata, status } from "@grpc/grpc-js";
import { isDriverError, messageOf } from "../core/errors.ts";
import type { Log } from "../log.ts";
import { answerOf, codeName, PassedOnError, type Answer } from "./status.ts";

export interface CallInfo {
  /** Aborted as soon as nobody waits for the answer. */
  readonly signal: AbortSignal;
  /** When that will be at the latest; milliseconds since 1970. */
  readonly deadline: number;
}

/** `Request` as read from the wire, `Response` as written to it. Rejects with an error of `core/errors.ts`. */
export type Handler<Request, Response> = (request: Request, call: CallInfo) => Promise<Response>;

export interface UnaryOptions {
  readonly log: Log;
  /** How long a caller that set no deadline waits at most. */
  readonly longestMs?: number;
  /**
   * Sent with every error, under ANSWERED_BY: a status that comes without it was made up on the way, and says nothing
   * about what was done.
   */
  readonly answeredBy?: string;
  /** Throws where this call may not begin. In one step with its handler up to where that first waits. */
  readonly admit?: (method: string, request: object, metadata: Metadata) => void;
  /** Told of each call when it is answered, with the name of its code. */
  readonly onAnswered?: (method: string, code: string, ms: number) => void;
}

const LONGEST_MS = 300_000;

/** Metadata after an answer: percent-encoded, as names need not be of the characters that metadata takes. */
export const ANSWERED_BY = "dmthin-answered-by";

/** Identities that may be logged. Nothing else of a request ever is: not its maps, not its secrets. */
const LOGGED = [
  "name",
  "volume_id",
  "snapshot_id",
  "group_snapshot_id",
  "source_volume_id",
  "staging_target_path",
  "target_path",
  "volume_path",
] as const;
const LONGEST_LOGGED = 256;

/** Asked all the time by probes and sidecars: logged at debug unless they fail. */
const CHATTER: ReadonlySet<string> = new Set([
  "Probe",
  "GetPluginInfo",
  "GetPluginCapabilities",
  "ControllerGetCapabilities",
  "GroupControllerGetCapabilities",
  "NodeGetCapabilities",
  "GetCapacity",
  "NodeGetVolumeStats",
  "FindNames",
  "ListObjects",
]);

/** The deadline of a call is checked by a timer of grpc-js and by the client itself; either may be a little early. */
const DEADLINE_SLACK_MS = 100;
/** A timer counts from a whole millisecond that had begun before. */
const TIMER_EARLY_MS = 1;

/** Makes the grpc-js handler of one method. `method` is the name in the contract: `CreateVolume`. */
export function unary<Request extends object, Response>(
  method: string,
  handler: Handler<Request, Response>,
  options: UnaryOptions,
): handleUnaryCall<Request, Response> {
  return (call, reply) => {
    const answering = new Answering(method, call, reply, options);
    // Started in a promise, so that a synchronous throw is an answer too.
    Promise.resolve()
      .then(() => {
        options.admit?.(method, call.request, call.metadata);
        return handler(call.request, answering);
      })
      .then((response) => answering.resolve(response))
      .catch((error: unknown) => answering.reject(error));
  };
}

/** One call until it has its one answer and its one log line. */
class Answering<Request extends object, Response> implements CallInfo {
  readonly deadline: number;
  readonly #method: string;
  readonly #call: ServerUnaryCall<Request, Response>;
  readonly #reply: sendUnaryData<Response>;
  readonly #log: Log;
  readonly #trailer?: Metadata;
  readonly #onAnswered: NonNullable<UnaryOptions["onAnswered"]>;
  readonly #started = performance.now();
  readonly #abandoned = new AbortController();
  readonly #cap: NodeJS.Timeout;
  #open = true;

  constructor(
    method: string,
    call: ServerUnaryCall<Request, Response>,
    reply: sendUnaryData<Response>,
    { log, longestMs = LONGEST_MS, answeredBy, onAnswered = () => {} }: UnaryOptions,
  ) {
    const given = Number(call.getDeadline());
    this.deadline = given === Infinity ? Date.now() + longestMs : given;
    this.#method = method;
    this.#call = call;
    this.#reply = reply;
    this.#log = log;
    if (answeredBy !== undefined) {
      this.#trailer = new Metadata();
      this.#trailer.set(ANSWERED_BY, encodeURIComponent(answeredBy));
    }
    this.#onAnswered = onAnswered;
    // grpc-js ends a call at the deadline its client gave; without one, nobody would.
    this.#cap = setTimeout(() => this.#giveUp(longestMs), given === Infinity ? longestMs : 2 ** 31 - 1);
    this.#cap.unref();
    call.on("cancelled", () => this.#leave());
    // Where the end of the request came behind the deadline, grpc-js has answered, tells so nobody, and begins all the same.
    if (given - Date.now() <= TIMER_EARLY_MS) this.#leave();
  }

  get signal(): AbortSignal {
    return this.#abandoned.signal;
  }

  resolve(response: Response): void {
    const ok = { code: status.OK, message: "" };
    if (!this.#close(ok)) return;
    this.#reply(null, response);
  }

  reject(error: unknown): void {
    const answer = answerOf(error);
    if (!this.#close(answer, error)) return;
    this.#send(answer);
  }

  /** The caller has gone, or its deadline has passed: grpc-js has answered already. It tells so after answers too. */
  #leave(): void {
    if (!this.#open) return;
    const passed = Number(this.#call.getDeadline()) - Date.now() < DEADLINE_SLACK_MS;
    const answer = passed
      ? { code: status.DEADLINE_EXCEEDED, message: "the caller's deadline passed; the operation goes on" }
      : { code: status.CANCELLED, message: "the caller has gone; the operation goes on" };
    this.#close(answer);
    this.#abandoned.abort();
  }

  #giveUp(longestMs: number): void {
    if (!this.#open) return;
    const answer = {
      code: status.DEADLINE_EXCEEDED,
      message: `${this.#method} has no answer after ${longestMs / 1000} s; it goes on, and a retry joins it`,
    };
    this.#close(answer);
    this.#send(answer);
    this.#abandoned.abort();
  }

  // Never the error itself: grpc-js reads any integer `code` on it as a status. `details` is the message of a status.
  #send({ code, message }: Answer): void {
    const trailer = this.#trailer;
    this.#reply({ code, details: message, ...(trailer === undefined ? {} : { metadata: trailer }) });
  }

  /** True for the first, who may answer; later ends of the same call are only logged. */
  #close(answer: Answer, error?: unknown): boolean {
    const first = this.#open;
    this.#open = false;
    clearTimeout(this.#cap);
    const ms = performance.now() - this.#started;
    if (first) this.#onAnswered(this.#method, codeName(answer.code), ms);
    const facts = {
      method: this.#method,
      ...loggedFields(this.#call.request),
      ms: Math.round(ms),
      code: codeName(answer.code),
      ...(answer.message === "" ? {} : { error: answer.message }),
      ...causeFields(error),
    };
    if (first) this.#log[this.#level(answer)](facts, "rpc");
    else this.#log.info(facts, "an operation ended after its call");
    return first;
  }

  #level(answer: Answer): "debug" | "info" | "warn" | "error" {
    if (answer.code === status.OK) return CHATTER.has(this.#method) ? "debug" : "info";
    if (answer.code === status.INTERNAL) return "error";
    return answer.code === status.UNAVAILABLE ? "warn" : "info";
  }
}

function loggedFields(request: object): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const field of LOGGED) {
    const value: unknown = Reflect.get(request, field);
    if (typeof value === "string" && value !== "") fields[field] = value.slice(0, LONGEST_LOGGED);
  }
  return fields;
}

/** A bug is logged whole; of our own errors, the chain of causes; of what another dmthin answered, that one has logged it. */
function causeFields(error: unknown): Record<string, unknown> {
  if (error === undefined || error instanceof PassedOnError) return {};
  if (!isDriverError(error))
    return { bug: error instanceof Error ? (error.stack ?? error.message) : inspect(error) };
  const causes: string[] = [];
  for (let cause = error.cause; cause !== undefined && causes.length < 5;) {
    causes.push(messageOf(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes.length === 0 ? {} : { causes };
}
