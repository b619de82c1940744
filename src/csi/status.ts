/**
 * From errors to gRPC statuses: the only place that knows gRPC's codes.
 *
 * A code is control flow for the callers. csi-provisioner and csi-snapshotter take ABORTED, UNAVAILABLE, CANCELLED and
 * DEADLINE_EXCEEDED as "may still be under way here: ask again", RESOURCE_EXHAUSTED as "nothing begun: another node may
 * do it", and everything else as "over, nothing is left behind". kubelet unstages after the first group and takes the
 * others as final. So whatever may have left something behind must end in the first group.
 */
import { status } from "@grpc/grpc-js";
import { isDriverError, messageOf, type DriverError } from "../core/errors.ts";

/** A kind without a row does not compile. */
export const CODES = {
  "invalid-request": status.INVALID_ARGUMENT,
  "not-found": status.NOT_FOUND,
  "incompatible-existing": status.ALREADY_EXISTS,
  "capacity-range": status.OUT_OF_RANGE,
  "no-room": status.RESOURCE_EXHAUSTED,
  precondition: status.FAILED_PRECONDITION,
  "operation-pending": status.ABORTED,
  "stale-page-token": status.ABORTED,
  "pool-unavailable": status.UNAVAILABLE,
  "outcome-unknown": status.UNAVAILABLE,
  unimplemented: status.UNIMPLEMENTED,
  // Final and nothing left behind: the volume was looked at and not mounted. FAILED_PRECONDITION would read as "in use"
  // to kubelet's expansion, and DATA_LOSS is no code of CSI.
  "damaged-volume": status.INTERNAL,
  // The rest ends an operation somewhere in its middle, or before the driver is in order: retry, nothing is final.
  "pool-setup": status.UNAVAILABLE,
  environment: status.UNAVAILABLE,
  parse: status.UNAVAILABLE,
  tool: status.UNAVAILABLE,
} as const satisfies Record<DriverError["kind"], status>;

/** The answer of another dmthin, passed on as it is: its code was chosen by this very table. */
export class PassedOnError extends Error {
  readonly code: status;
  constructor({ code, message }: Answer) {
    super(message);
    this.code = code;
  }
}

/** What the caller gets to see of a failure. */
export interface Answer {
  readonly code: status;
  /** One line, at most MAX_MESSAGE characters. */
  readonly message: string;
}

/** Percent-encoded into one HTTP/2 header, where clients allow 8 KiB and more. */
export const MAX_MESSAGE = 1000;

/** An error that is none of ours is a bug: its text may hold anything, so it stays in the log. */
export function answerOf(error: unknown): Answer {
  if (error instanceof PassedOnError) return { code: error.code, message: oneLine(error.message) };
  if (!isDriverError(error))
    return { code: status.INTERNAL, message: "internal error; the driver's log has the details" };
  return { code: CODES[error.kind], message: oneLine(messageOf(error)) };
}

const UNDER_WAY: ReadonlySet<status> = new Set([
  status.ABORTED,
  status.UNAVAILABLE,
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
]);

/** Whether what failed so may still be done, or be done already. */
export const mayGoOn = (error: unknown): boolean => UNDER_WAY.has(answerOf(error).code);

/** The code's name, for logs: `NOT_FOUND`. */
export const codeName = (code: status): string => status[code];

function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE - 1)}…` : line;
}
