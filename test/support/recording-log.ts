import type { Log } from "../../src/log.ts";

export interface LoggedLine {
  readonly level: keyof Log;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that keeps its lines. */
export function recordingLog(): { readonly log: Log; readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const at =
    (level: keyof Log) =>
    (facts: Readonly<Record<string, unknown>>, message: string): void => {
      lines.push({ level, facts, message });
    };
  return { lines, log: { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") } };
}
