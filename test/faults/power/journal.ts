/**
 * The journal of a workload: events as JSON in slots of a disk that is no part of the test. Written by direct I/O: once
 * `write` returns, the event lies in the file outside the guest, and survives its power cut without any flush.
 */
import { open } from "node:fs/promises";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";

import { alignedBuffer } from "./direct.ts";
import type { Event } from "./events.ts";

const SLOT = 1024;

/** Sparse; 100 000 events. */
export const JOURNAL_BYTES = 100_000 * SLOT;

export class Journal {
  readonly #file: number;
  readonly #slot = alignedBuffer(SLOT);
  #count = 0;

  /** A block device of zeros. */
  constructor(device: string) {
    this.#file = openSync(device, constants.O_RDWR | constants.O_DIRECT);
  }

  get count(): number {
    return this.#count;
  }

  write(event: Event): void {
    // The time is for people.
    const text = JSON.stringify({ t: Math.round(performance.now()), ...event });
    if (Buffer.byteLength(text) >= SLOT) throw new RangeError(`too long for the journal: ${text}`);
    this.#slot.fill(0);
    this.#slot.write(`${text}\n`);
    const offset = this.#count * SLOT;
    if (offset + SLOT > JOURNAL_BYTES) throw new RangeError("the journal is full");
    writeSync(this.#file, this.#slot, 0, SLOT, offset);
    this.#count += 1;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Whether the journal in that file has so many events by now. */
export async function holdsEvents(path: string, count: number): Promise<boolean> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, (count - 1) * SLOT);
  return buffer[0] !== 0;
}

/** All events of a journal that lies in a file or on a device. */
export function readJournal(path: string): readonly Event[] {
  const file = openSync(path, constants.O_RDONLY);
  try {
    const events: Event[] = [];
    for (let count = 0; ; count += 1) {
      const slot = Buffer.alloc(SLOT);
      readSync(file, slot, 0, SLOT, count * SLOT);
      const end = slot.indexOf("\n");
      // Zeros, or half an event: one that never was.
      if (end === -1) return events;
      events.push(JSON.parse(slot.toString("utf8", 0, end)) as Event);
    }
  } finally {
    closeSync(file);
  }
}
