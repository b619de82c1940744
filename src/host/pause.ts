/** Waits that may be cut short. */
import { setTimeout as sleep } from "node:timers/promises";

/** Resolves after that time, or as soon as the signal is aborted. Keeps no process alive. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
