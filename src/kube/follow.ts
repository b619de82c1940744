/** A watch that is kept up: one that ends goes on where it was, or lists again. */
import { makeInformer, type KubernetesObject } from "@kubernetes/client-node";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../log.ts";
import type { Api } from "./api.ts";

export interface Followed<T extends KubernetesObject> {
  /** Of the list, below the server. */
  readonly path: string;
  readonly list: () => Promise<{ readonly items: T[]; readonly metadata?: { resourceVersion?: string } }>;
  readonly labelSelector?: string;
  /** For the log. */
  readonly what: string;
}

export interface Following<T extends KubernetesObject> {
  /** Undefined until a list has come. */
  readonly objects: () => readonly T[] | undefined;
  readonly close: () => void;
}

const RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30_000;

/** `changed` is told after the first list, and after each change. */
export function followList<T extends KubernetesObject>(
  { config }: Pick<Api, "config">,
  { path, list, labelSelector, what }: Followed<T>,
  changed: () => void,
  log: Log,
): Following<T> {
  /** An informer that could not list says so, and has started all the same: what counts is a list that came. */
  let listed = false;
  let closed = false;
  let retryMs = RETRY_MS;
  let told = "";
  const calm = (): void => {
    retryMs = RETRY_MS;
    told = "";
  };
  const informer = makeInformer<T>(
    config,
    path,
    async () => {
      const answer = await list();
      listed = true;
      calm();
      // The informer takes the list over after this.
      setImmediate(changed);
      return { metadata: {}, ...answer };
    },
    labelSelector,
  );
  const start = (): void => {
    informer.start().catch(again);
  };
  const again = (error: unknown): void => {
    if (closed) return;
    const problem = messageOf(error);
    // A kind that is not installed stays so for long.
    if (problem !== told) log.warn({ what, problem }, "the API server is not followed; trying again");
    told = problem;
    setTimeout(() => {
      if (!closed) start();
    }, retryMs).unref();
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  };
  const seen = (): void => {
    // A watch that goes on where it was does not list again: what it tells shows that it runs.
    calm();
    changed();
  };
  informer.on("change", seen);
  informer.on("delete", seen);
  informer.on("error", again);
  start();
  return {
    objects: () => (listed ? informer.list() : undefined),
    close: () => {
      closed = true;
      void informer.stop();
    },
  };
}
