/**
 * A program that never stops writing: record n is made durable in every file, one file after the other, before record
 * n+1 begins. So at any one point in time a file holds the records 0..k-1 without a gap, and each file as many as the
 * next one or one more. Works on files and on raw block devices.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const RECORD_BYTES = 4096;
const PAUSE_MS = 2;
const PATIENCE_MS = 30_000;

const recordOf = (number: number): Buffer => {
  const digest = createHash("sha256").update(`record ${number}`).digest();
  return Buffer.concat(Array.from({ length: RECORD_BYTES / digest.length }, () => digest));
};

export class RecordWriter {
  readonly #files: readonly FileHandle[];
  readonly #pauseMs: number;
  readonly #done: Promise<void>;
  #durable = 0;
  #longestMs = 0;
  #stopped = false;

  private constructor(files: readonly FileHandle[], pauseMs: number) {
    this.#files = files;
    this.#pauseMs = pauseMs;
    this.#done = this.#run();
    // Reported by `stop` or `reach`; until then nobody waits for it.
    this.#done.catch(() => undefined);
  }

  /** Resolves when some records are durable. Files are made where missing. */
  static start(...paths: readonly string[]): Promise<RecordWriter> {
    return RecordWriter.slowly(PAUSE_MS, ...paths);
  }

  /** With a longer rest between two records, so that others get on too. */
  static async slowly(pauseMs: number, ...paths: readonly string[]): Promise<RecordWriter> {
    const flags = (path: string): Promise<FileHandle> => open(path, "r+").catch(() => open(path, "w+"));
    const writer = new RecordWriter(await Promise.all(paths.map(flags)), pauseMs);
    await writer.reach(5);
    return writer;
  }

  /** Records that are durable in every file. */
  get durable(): number {
    return this.#durable;
  }

  /** The longest that one record took since the last question, in milliseconds. */
  takeLongestMs(): number {
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return Math.round(longest);
  }

  /** Waits until `more` further records are durable: proof that writing goes on. */
  async reach(more: number): Promise<number> {
    const goal = this.#durable + more;
    const end = performance.now() + PATIENCE_MS;
    while (this.#durable < goal) {
      if (this.#stopped || performance.now() > end)
        throw new Error(`the writer stands still at record ${this.#durable}`);
      await Promise.race([sleep(PAUSE_MS), this.#done]);
    }
    return this.#durable;
  }

  /** Throws what the writer met. */
  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#done;
    return this.#durable;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped) {
        const started = performance.now();
        for (const file of this.#files) {
          await file.write(recordOf(this.#durable), 0, RECORD_BYTES, this.#durable * RECORD_BYTES);
          await file.datasync();
        }
        this.#durable += 1;
        this.#longestMs = Math.max(this.#longestMs, performance.now() - started);
        await sleep(this.#pauseMs);
      }
    } finally {
      this.#stopped = true;
      for (const file of this.#files) await file.close();
    }
  }
}

/** How many records there are from the beginning. Throws where a damaged one, or one after a gap, follows. */
export async function countRecords(path: string): Promise<number> {
  const file = await open(path, "r");
  try {
    const block = Buffer.alloc(RECORD_BYTES);
    for (let number = 0; ; number += 1) {
      const { bytesRead } = await file.read(block, 0, RECORD_BYTES, number * RECORD_BYTES);
      if (bytesRead === RECORD_BYTES && block.equals(recordOf(number))) continue;
      const rest = block.subarray(0, bytesRead);
      // A file may have grown, and a device is longer, before the record itself got there.
      if (rest.some((byte) => byte !== 0)) throw new Error(`${path}: record ${number} is damaged`);
      return number;
    }
  } finally {
    await file.close();
  }
}
