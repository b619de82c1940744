/** What every serving process does with signals and bugs. */
import type { Log } from "./log.ts";

/** Later signals change nothing: draining is under way, and bounded. */
export function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  process.on("SIGTERM", resolve).on("SIGINT", resolve);
  return promise;
}

/** A bug outside of any call: what the process holds in memory cannot be trusted any more. */
export function dieLoudly(log: Log, flush: () => void): void {
  process.on("uncaughtException", (error) => {
    log.error({ bug: error.stack ?? error.message }, "uncaught");
    flush();
    process.exit(1);
  });
}
