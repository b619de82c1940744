/**
 * A program that never stops writing: appends numbered records to a file, each made durable by fsync before the next.
 * With several files a record goes to all of them in turn, so that at any one point in time the first has as many
 * records as the last, or one more.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const RECORD_BYTES = 4096;
const PAUSE_MS = 5;

const recordOf = (number: number): Buffer => {
  const digest = createHash("sha256").update(String(number)).digest();
  return Buffer.concat(Array.from({ length: RECORD_BYTES / digest.length }, () => digest));
};

export class Writer {
  static readonly #running = new Set<Writer>();
  readonly #files: readonly FileHandle[];
  #durable = 0;
  #longestMs = 0;
  #stopped = false;
  #failure: Error | undefined;
  readonly #done: Promise<void>;

  private constructor(files: readonly FileHandle[]) {
    this.#files = files;
    Writer.#running.add(this);
    this.#done = this.#run();
  }

  static async start(...paths: readonly string[]): Promise<Writer> {
    const writer = new Writer(await Promise.all(paths.map((path) => open(path, "a"))));
    await writer.reach(10);
    return writer;
  }

  /** Ends all that still write; for the end of a story that was cut short. */
  static async stopAll(): Promise<void> {
    for (const writer of Writer.#running) {
      writer.#stopped = true;
      await writer.#done;
    }
  }

  /** Records that fsync has confirmed in every file. */
  get durable(): number {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#durable;
  }

  /** The longest wait for one record since the last question, in milliseconds. */
  longestMs(): number {
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return Math.round(longest);
  }

  /** Waits until `more` further records are durable; at most 30 s. */
  async reach(more: number): Promise<number> {
    const goal = this.durable + more;
    const end = performance.now() + 30_000;
    while (this.durable < goal) {
      if (performance.now() > end) throw new Error(`the writer stands still at record ${this.durable}`);
      await sleep(PAUSE_MS);
    }
    return this.durable;
  }

  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#done;
    return this.durable;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped) {
        const started = performance.now();
        await this.#append(recordOf(this.#durable));
        this.#durable += 1;
        this.#longestMs = Math.max(this.#longestMs, performance.now() - started);
        await sleep(PAUSE_MS);
      }
    } catch (error) {
      this.#failure = new Error(`the writer met an error: ${String(error)}`, { cause: error });
    } finally {
      for (const file of this.#files) await file.close();
      Writer.#running.delete(this);
    }
  }

  async #append(record: Buffer): Promise<void> {
    for (const file of this.#files) {
      await file.write(record);
      await file.sync();
    }
  }
}

/** How many records the file holds. Throws where one of them is not what was written. */
export async function countRecords(path: string): Promise<number> {
  const content = await readFile(path);
  const count = Math.floor(content.length / RECORD_BYTES);
  for (let number = 0; number < count; number += 1) {
    const found = content.subarray(number * RECORD_BYTES, (number + 1) * RECORD_BYTES);
    if (!found.equals(recordOf(number))) throw new Error(`${path}: record ${number} of ${count} is damaged`);
  }
  return count;
}
