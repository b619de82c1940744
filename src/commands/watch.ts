/** `dmthin watch`: the status of the node again and again, printed when it is another. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { EnvironmentError, messageOf, ParseError } from "../core/errors.ts";
import { answer } from "./answer.ts";
import { readReport } from "./ask.ts";
import type { Whereabouts } from "./ask.ts";
import { paintFor } from "./paint.ts";

export interface WatchCommand extends Whereabouts {
  readonly kind: "watch";
  readonly everySeconds: number;
}

export interface WatchHands {
  /** Rejects with EnvironmentError or ParseError where there is nothing to show. */
  readonly look: () => Promise<string>;
  readonly write: (text: string) => void;
  /** ISO 8601. */
  readonly now: () => string;
  /** False: it is over. */
  readonly pause: () => Promise<boolean>;
}

/** Until `pause` says that it is over. A driver that does not answer is shown as that, and asked again. */
export async function watch({ look, write, now, pause }: WatchHands): Promise<void> {
  let last: string | undefined;
  do {
    const text = await look().catch((error: unknown) => {
      if (error instanceof EnvironmentError || error instanceof ParseError) return `${messageOf(error)}\n`;
      throw error;
    });
    if (text !== last) write(`${last === undefined ? "" : "\n"}${now()}\n${text}`);
    last = text;
  } while (await pause());
}

/** Answers the exit code, when SIGINT or SIGTERM has ended it. */
export async function runWatch(command: WatchCommand): Promise<number> {
  const ended = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) void once(process, signal).then(() => ended.abort());
  const paint = paintFor(process.stdout, process.env);
  await watch({
    look: async () => answer({ kind: "status" }, await readReport(command, "/report"), false, paint).output,
    write: (text) => process.stdout.write(text),
    now: () => new Date().toISOString(),
    pause: () => sleep(command.everySeconds * 1000, true, { signal: ended.signal }).catch(() => false),
  });
  return 0;
}
