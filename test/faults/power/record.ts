/**
 * What writers leave in volumes, and what must be found of it. Record n of a writer goes to slot n % SLOTS of its ring, so
 * that it first fills new blocks and then overwrites old ones, also ones that snapshots share; every BULK_EVERY-th record is
 * preceded by a run of blocks. A record is begun when the one before it is durable. So at any point in time there is one k
 * such that records 0..k-1 are there whole, and at most the place of record k is in disorder.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

import { alignedBuffer } from "./direct.ts";

export const RECORD_BYTES = 4096;
export const SLOTS = 64;
const RING_BYTES = SLOTS * RECORD_BYTES;
const BULK_EVERY = 16;
const BULK_BLOCKS = 64;

/** What one writer takes of a raw device, or of its own file. */
export const AREA_BYTES = 1 << 20;

/** The writer's name and the number are in the text, so nothing can pass for something else. */
function block(writer: string, number: number, part: string): Buffer {
  const text = Buffer.from(`dmthin ${writer} ${number} ${part}\n`);
  const filled = Buffer.alloc(RECORD_BYTES, createHash("sha256").update(text).digest());
  text.copy(filled);
  return filled;
}

export const recordOf = (writer: string, number: number): Buffer => block(writer, number, "record");

const hasBulk = (number: number): boolean => number % BULK_EVERY === BULK_EVERY - 1;

export type Sync = "fsync" | "fdatasync" | "none";

/** Writes records into a file or a device, one after the other. */
export class RecordFile {
  readonly #file: FileHandle;
  readonly #base: number;
  readonly #writer: string;
  readonly #buffer = alignedBuffer(BULK_BLOCKS * RECORD_BYTES);

  /** `base`: offset of the writer's area. */
  constructor(file: FileHandle, base: number, writer: string) {
    this.#file = file;
    this.#base = base;
    this.#writer = writer;
  }

  /** Durable when it resolves, except with `none`. */
  async write(number: number, sync: Sync): Promise<void> {
    if (hasBulk(number)) {
      for (let each = 0; each < BULK_BLOCKS; each += 1)
        block(this.#writer, number, `bulk ${each}`).copy(this.#buffer, each * RECORD_BYTES);
      await this.#put(this.#buffer, RING_BYTES);
      if (sync !== "none") await this.#file.datasync();
    }
    recordOf(this.#writer, number).copy(this.#buffer);
    await this.#put(this.#buffer.subarray(0, RECORD_BYTES), (number % SLOTS) * RECORD_BYTES);
    if (sync === "fsync") await this.#file.sync();
    else if (sync === "fdatasync") await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #put(content: Buffer, offset: number): Promise<void> {
    const { bytesWritten } = await this.#file.write(content, 0, content.length, this.#base + offset);
    if (bytesWritten !== content.length) throw new Error(`wrote ${bytesWritten} of ${content.length} bytes`);
  }
}

export interface Found {
  /** k: records 0..k-1 were written. */
  readonly count: number;
  /** What does not fit that. */
  readonly problems: readonly string[];
}

/** Reads a writer's area. The file may be shorter, and opened for direct I/O. */
export async function readArea(file: FileHandle, base: number): Promise<Buffer> {
  const area = alignedBuffer(AREA_BYTES);
  let done = 0;
  while (done < AREA_BYTES) {
    const { bytesRead } = await file.read(area, done, AREA_BYTES - done, base + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return area;
}

/** Pure. `area`: zeros where nothing was ever written. */
export function judgeArea(area: Buffer, writer: string): Found {
  const slots = Array.from({ length: SLOTS }, (_, slot) => slotContent(area, slot, writer));
  const count = Math.max(-1, ...slots.filter((each) => typeof each === "number")) + 1;
  const problems: string[] = [];
  for (const [slot, content] of slots.entries()) {
    const last = count - 1 - ((((count - 1 - slot) % SLOTS) + SLOTS) % SLOTS);
    const expected = last < 0 ? "nothing" : last;
    // The place of the record that may have been under way.
    if (content !== expected && slot !== count % SLOTS)
      problems.push(
        `${writer}: slot ${slot} has ${named(content)}, expected ${named(expected)} of ${count} records`,
      );
  }
  return { count, problems: [...problems, ...judgeBulk(area, writer, count)] };
}

const named = (content: number | string): string =>
  typeof content === "number" ? `record ${content}` : content;

function slotContent(area: Buffer, slot: number, writer: string): number | "nothing" | "damage" {
  const content = area.subarray(slot * RECORD_BYTES, (slot + 1) * RECORD_BYTES);
  if (content.every((byte) => byte === 0)) return "nothing";
  const [, name, number = ""] = /^dmthin (\S+) (\d+) record\n/.exec(content.toString("latin1", 0, 128)) ?? [];
  if (name !== writer || Number(number) % SLOTS !== slot) return "damage";
  return content.equals(recordOf(writer, Number(number))) ? Number(number) : "damage";
}

function judgeBulk(area: Buffer, writer: string, count: number): readonly string[] {
  if (hasBulk(count)) return [];
  const last = count - 1 - (count % BULK_EVERY);
  if (last < 0) return [];
  const wrong = Array.from({ length: BULK_BLOCKS }, (_, each) => each).filter((each) => {
    const offset = RING_BYTES + each * RECORD_BYTES;
    return !area.subarray(offset, offset + RECORD_BYTES).equals(block(writer, last, `bulk ${each}`));
  });
  return wrong.length === 0
    ? []
    : [
        `${writer}: blocks ${wrong.slice(0, 8).join(", ")} (${wrong.length} of ${BULK_BLOCKS}) of the run before record ${last} are not there`,
      ];
}
