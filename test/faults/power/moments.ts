/** Which events of the journal lie before a place in the log of writes. */
import type { Event } from "./events.ts";
import { modelOf, type Model } from "./model.ts";
import type { CrashState, LogEntry } from "./write-log.ts";

/** What was acknowledged before the crash, and what had been begun. */
export function modelAt(
  entries: readonly LogEntry[],
  events: readonly Event[],
  { until }: CrashState,
): Model {
  const last = entries.findLast(({ kind }, index) => kind === "mark" && index < until);
  const mark = last === undefined ? 0 : Number(last.text);
  const known = events.findIndex((event) => event.e === "marking" && event.mark === mark);
  const possible = events.findIndex((event) => event.e === "marked" && event.mark === mark + 1);
  return modelOf(events, Math.max(known, 0), possible === -1 ? events.length : possible);
}
