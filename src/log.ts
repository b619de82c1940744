/** The driver's log: JSON lines on stdout. What is logged about a request is decided in csi/unary.ts, by allow-list. */
import { pino } from "pino";
import type { LogLevel } from "./config/schema.ts";

/** Facts first, then one sentence. Sizes are text: a bigint would be rounded by most readers of JSON. */
export type LogLine = (facts: Readonly<Record<string, unknown>>, message: string) => void;
export type Log = { readonly [Level in "error" | "warn" | "info" | "debug"]: LogLine };

/** A log and what ends it. */
export interface RunningLog {
  readonly log: Log;
  /** Writes what is still buffered; call it before the process exits. */
  readonly flush: () => void;
}

/** Unwritten lines kept while stdout is stuck; beyond this, lines are dropped. */
const MAX_BUFFERED = 1024 * 1024;

/**
 * Writing never blocks: the reader of stdout may sit on the very disk that a snapshot has suspended, and a driver that
 * waits for it could not resume that disk.
 */
export function createLog(level: LogLevel, fd = 1): RunningLog {
  const destination = pino.destination({ dest: fd, sync: false, minLength: 0, maxLength: MAX_BUFFERED });
  const formatters = { level: (label: string) => ({ level: label }) };
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters },
    destination,
  );
  return {
    log: {
      error: (facts, message) => logger.error(facts, message),
      warn: (facts, message) => logger.warn(facts, message),
      info: (facts, message) => logger.info(facts, message),
      debug: (facts, message) => logger.debug(facts, message),
    },
    flush: () => flush(destination),
  };
}

function flush(destination: ReturnType<typeof pino.destination>): void {
  try {
    destination.flushSync();
  } catch {
    // Best effort: stdout is gone or not open yet, and there is nowhere else to say so.
  }
}
