/** A program that writes and syncs 4 KiB records while something is measured. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { WriterAnswer, WriterOrder } from "./writer-process.ts";

const PROGRAM = join(import.meta.dirname, "writer-process.ts");

export class Writer {
  readonly #child: ChildProcess = fork(PROGRAM);
  readonly #gone = once(this.#child, "exit");

  /** `work` while records are written to `path`; answers its result and the longest that a record took, in milliseconds. */
  async during<T>(
    path: string,
    work: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly pauseMs: number }> {
    await this.#order({ kind: "start", path });
    const result = await work();
    const { longestMs } = await this.#order({ kind: "stop" });
    return { result, pauseMs: longestMs };
  }

  async close(): Promise<void> {
    this.#child.disconnect();
    this.#child.kill();
    await this.#gone;
  }

  async #order(order: WriterOrder): Promise<WriterAnswer> {
    const answer = once(this.#child, "message") as Promise<[WriterAnswer]>;
    this.#child.send(order);
    const first = await Promise.race([answer, this.#gone]);
    if (typeof first[0] !== "object") throw new Error(`the writer ended while it was to ${order.kind}`);
    return first[0] as WriterAnswer;
  }
}
