/** A disk as it was at places in a log of writes, each tried on a copy that is thrown away. */
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";

import { run } from "../../support/machine-state.ts";
import { alignedBuffer } from "./direct.ts";
import { readEntries, type CrashState, type LogEntry, type ReadLog } from "./write-log.ts";

const CHUNK_BYTES = 1 << 20;
const OVERLAY = "power-state";

export interface ReplayDevices {
  /** Holds the log. */
  readonly log: string;
  /** Zeros; becomes the disk, piece by piece. */
  readonly base: string;
  /** Zeros; takes what is written to the copy. */
  readonly scratch: string;
}

export class Replay {
  readonly entries: readonly LogEntry[];
  readonly #devices: ReplayDevices;
  readonly #read: ReadLog;
  #applied = 0;

  constructor(devices: ReplayDevices) {
    this.#devices = devices;
    const log = openSync(devices.log, constants.O_RDONLY);
    this.#read = (offset, length) => {
      const content = Buffer.alloc(length);
      readSync(log, content, 0, length, offset);
      return content;
    };
    this.entries = readEntries(this.#read);
  }

  /** The copy's path. States come in ascending order of `whole`; the one before must have been dropped. */
  async open({ whole, extra }: CrashState): Promise<string> {
    this.advance(whole);
    const path = await this.openCopy();
    this.#apply(
      path,
      extra.flatMap((index) => this.entries[index] ?? []),
    );
    return path;
  }

  /** Brings the base up to all entries before that one. */
  advance(whole: number): void {
    this.#apply(this.#devices.base, this.entries.slice(this.#applied, whole));
    this.#applied = whole;
  }

  /** A copy of the base as it is now, to be written to and dropped. */
  async openCopy(): Promise<string> {
    const { base, scratch } = this.#devices;
    const sectors = await run("blockdev", "--getsz", base);
    await run("dmsetup", "create", OVERLAY, "--table", `0 ${sectors} snapshot ${base} ${scratch} N 16`);
    return `/dev/mapper/${OVERLAY}`;
  }

  async drop(): Promise<void> {
    await run("dmsetup", "remove", "--retry", OVERLAY);
  }

  /** By direct I/O: what stands on the device looks past its page cache. */
  #apply(device: string, entries: readonly LogEntry[]): void {
    const file = openSync(device, constants.O_RDWR | constants.O_DIRECT);
    const buffer = alignedBuffer(CHUNK_BYTES);
    for (const { kind, offset, length, at } of entries) {
      for (let done = 0; done < length; done += CHUNK_BYTES) {
        const size = Math.min(CHUNK_BYTES, length - done);
        // A disk may give back anything for what was discarded.
        if (kind === "discard") buffer.fill(0, 0, size);
        else this.#read(at + done, size).copy(buffer);
        writeSync(file, buffer, 0, size, offset + done);
      }
    }
    closeSync(file);
  }
}
