/** `kubectl get --watch` as a wait: nothing sleeps, and a watch that breaks off is begun again. */
import { setTimeout as sleep } from "node:timers/promises";

import { execa } from "execa";

import type { KubeObject, Kubectl } from "./kubectl.ts";

export interface Watch<T extends KubeObject, R> {
  /** Arguments of `kubectl get`: the kind, and where and which. */
  readonly get: readonly string[];
  /** For the error: what is waited for. */
  readonly what: string;
  /** Of all objects that there are now. undefined: not yet; a throw ends the wait. */
  readonly judge: (objects: readonly T[]) => R | undefined;
  readonly timeoutMs?: number;
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

export const WAIT_MS = 180_000;
/** A list that turned empty between list and watch would never be told: so all is listed again after that long. */
const AGAIN_MS = 15_000;

export async function untilJudged<T extends KubeObject, R>(
  kubectl: Kubectl,
  { get, what, judge, timeoutMs = WAIT_MS }: Watch<T, R>,
): Promise<R> {
  const end = performance.now() + timeoutMs;
  const seen = new Map<string, T>();
  let trouble = "";
  while (performance.now() < end) {
    seen.clear();
    try {
      for (const each of await kubectl.list<T>(["get", ...get])) seen.set(keyOf(each), each);
    } catch (error) {
      // An API server that starts again, or a definition that is not there yet.
      trouble = String(error);
      await sleep(Math.min(1000, Math.max(0, end - performance.now())));
      continue;
    }
    const verdict = judge([...seen.values()]);
    if (verdict !== undefined) return verdict;
    const left = Math.min(AGAIN_MS, end - performance.now());
    if (left <= 0) break;
    const later = await follow(kubectl, get, left, (event: WatchEvent<T>) => {
      if (event.type === "DELETED") seen.delete(keyOf(event.object));
      else if (event.type === "ADDED" || event.type === "MODIFIED")
        seen.set(keyOf(event.object), event.object);
      return judge([...seen.values()]);
    });
    if (later !== undefined) return later;
  }
  throw new Error(
    `not within ${timeoutMs / 1000} s: ${what}${trouble === "" ? "" : ` (${trouble})`}\n${summary([...seen.values()])}`,
  );
}

/** Events of one watch of at most `forMs`, until one of them is judged. Throws what `take` throws. */
async function follow<T, R>(
  kubectl: Kubectl,
  get: readonly string[],
  forMs: number,
  take: (event: WatchEvent<T>) => R | undefined,
): Promise<R | undefined> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), forMs);
  const watch = execa(kubectl.program, ["get", ...get, "--watch", "--output-watch-events", "--output=json"], {
    reject: false,
    buffer: false,
    stdin: "ignore",
    stderr: "ignore",
    cancelSignal: ending.signal,
  });
  try {
    // One event a line, also where objects alone would be printed on many.
    for await (const line of watch.iterable()) {
      // Whoever leaves this loop waits for the end of kubectl: so it is ended first.
      let verdict: R | undefined;
      try {
        verdict = take(JSON.parse(line) as WatchEvent<T>);
      } catch (error) {
        ending.abort();
        throw error;
      }
      if (verdict === undefined) continue;
      ending.abort();
      return verdict;
    }
    return undefined;
  } finally {
    clearTimeout(timer);
    ending.abort();
    await watch;
  }
}

const keyOf = ({ metadata }: KubeObject): string =>
  metadata?.uid ?? `${metadata?.namespace}/${metadata?.name}`;

/** Names and states, for a person who reads why a wait was in vain. */
function summary(objects: readonly KubeObject[]): string {
  const lines = objects.slice(0, 20).map((each) => {
    const { status } = each as { readonly status?: unknown };
    return `  ${each.metadata?.name ?? "?"}: ${JSON.stringify(status ?? {}).slice(0, 700)}`;
  });
  return lines.length === 0 ? "  nothing there" : lines.join("\n");
}
