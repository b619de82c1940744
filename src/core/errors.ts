/**
 * Every error dmthin raises on purpose: one class a cause, each with a literal `kind`. `csi/status.ts` maps kinds to
 * gRPC codes and does not compile while a kind is missing there. A message says what failed, on which object, and what
 * to do next. It may reach a user: no secrets, no request dumps.
 */

interface Options {
  readonly cause?: unknown;
}

/** A request or a configuration value is malformed. `field` names it as the caller wrote it. */
export class InvalidRequestError extends Error {
  readonly kind = "invalid-request";
  readonly field: string;
  constructor(field: string, problem: string, options?: Options) {
    super(`${field}: ${problem}`, options);
    this.field = field;
  }
}

/** The object named does not exist (and no pool that could hold it is missing). */
export class NotFoundError extends Error {
  readonly kind = "not-found";
}

/** The name is taken by an object that differs from what is asked. */
export class IncompatibleExistingError extends Error {
  readonly kind = "incompatible-existing";
}

/** A size that cannot be: beyond the limit, below the source, beyond the record. */
export class CapacityRangeError extends Error {
  readonly kind = "capacity-range";
}

/** The pool has no room, or is not fit for new promises; nothing was begun and nothing is left behind. */
export class NoRoomError extends Error {
  readonly kind = "no-room";
}

/** Something still uses the object, or it is not in the state the call needs. */
export class PreconditionError extends Error {
  readonly kind = "precondition";
}

/** Another operation on the object is under way; the caller retries. */
export class OperationPendingError extends Error {
  readonly kind = "operation-pending";
}

/** A page token that no list of ours gave out, or one that has grown stale. */
export class StalePageTokenError extends Error {
  readonly kind = "stale-page-token";
}

/** The pool of an existing object cannot serve now (absent, frozen, fenced, needs a check). */
export class PoolUnavailableError extends Error {
  readonly kind = "pool-unavailable";
}

/** The pool's metadata takes no changes, by the kernel's word: until it is checked, repaired or given more room. */
export class TroubledPoolError extends PoolUnavailableError {
  readonly trouble: "needs-check" | "read-only" | "failed";
  constructor(trouble: TroubledPoolError["trouble"], message: string, options?: Options) {
    super(message, options);
    this.trouble = trouble;
  }
}

/** The kernel has a thin of an id that this pool's catalog never gave out: somebody else writes to the pool. */
export class ForeignThinError extends PoolUnavailableError {
  readonly thinId: number;
  constructor(thinId: number, message: string, options?: Options) {
    super(message, options);
    this.thinId = thinId;
  }
}

/** A step may or may not have happened; the intent stays recorded and a retry, or the next start, settles it. */
export class OutcomeUnknownError extends Error {
  readonly kind = "outcome-unknown";
}

/** The method, or a listed parameter, is not built. */
export class UnimplementedError extends Error {
  readonly kind = "unimplemented";
}

/** The content of a volume is not what it must be (damaged filesystem, wrong type, thin lost): a person must look. */
export class DamagedVolumeError extends Error {
  readonly kind = "damaged-volume";
}

/** A device in the volume's place shows something else: somebody made it, and it is not ours to take down. */
export class ForeignDeviceError extends DamagedVolumeError {}

/** A pool cannot be created or opened as configured: names the device, the reason and the cure. */
export class PoolSetupError extends Error {
  readonly kind = "pool-setup";
}

/** A device or a file that a pool is to be on is not there. */
export class DeviceMissingError extends PoolSetupError {}

/** The machine lacks something dmthin needs: a tool, a kernel module, a privilege. */
export class EnvironmentError extends Error {
  readonly kind = "environment";
}

/** Text from a tool or the kernel is not what its grammar allows. */
export class ParseError extends Error {
  readonly kind = "parse";
  constructor(what: string, position: string, found: string, expected: string) {
    super(`${what}: ${position} is ${JSON.stringify(found)}, expected ${expected}`);
  }
}

/** A tool ended with a failure. `errno` is the kernel's reason where the tool printed one (`EBUSY`, `ENODATA`, …). */
export class ToolError extends Error {
  readonly kind = "tool";
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly errno: string | undefined;
  constructor(failure: {
    readonly argv: readonly string[];
    readonly exitCode: number | undefined;
    readonly stderr: string;
    readonly errno?: string | undefined;
    readonly cause?: unknown;
  }) {
    const reason = failure.stderr.trim().split("\n").join("; ") || "no message";
    super(`${failure.argv.join(" ")} ended with ${failure.exitCode ?? "a signal"}: ${reason}`, {
      cause: failure.cause,
    });
    this.argv = failure.argv;
    this.exitCode = failure.exitCode;
    this.stderr = failure.stderr;
    this.errno = failure.errno;
  }
}

export type DriverError =
  | InvalidRequestError
  | NotFoundError
  | IncompatibleExistingError
  | CapacityRangeError
  | NoRoomError
  | PreconditionError
  | OperationPendingError
  | StalePageTokenError
  | PoolUnavailableError
  | OutcomeUnknownError
  | UnimplementedError
  | DamagedVolumeError
  | PoolSetupError
  | EnvironmentError
  | ParseError
  | ToolError;

const CLASSES = [
  InvalidRequestError,
  NotFoundError,
  IncompatibleExistingError,
  CapacityRangeError,
  NoRoomError,
  PreconditionError,
  OperationPendingError,
  StalePageTokenError,
  PoolUnavailableError,
  OutcomeUnknownError,
  UnimplementedError,
  DamagedVolumeError,
  PoolSetupError,
  EnvironmentError,
  ParseError,
  ToolError,
] as const;

export function isDriverError(error: unknown): error is DriverError {
  return CLASSES.some((each) => error instanceof each);
}

/** The kernel's reason of a failed tool, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof ToolError ? error.errno : undefined;
}

/** The reason of a system call that Node made and that failed (`ENOENT`, `EBUSY`, …); undefined for other errors. */
export function systemErrnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** One line for a log or a wrapped message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
