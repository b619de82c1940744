/** How far long work is, for people: one line in place on a terminal, a line every few seconds elsewhere. */
import { formatBytes } from "./core/units.ts";
import type { ThinProgress } from "./host/thin-progress.ts";

/** As much of a stream as this needs; `process.stderr` is one. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Between two lines where they stay. */
const LINE_MS = 5000;
/** Between two states of a line in place. */
const PLACE_MS = 200;
const COLUMNS = 80;
const CLEAR = "\r\u001B[2K";

export class ProgressLine {
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  readonly #inPlace: boolean;
  #last: number;
  #isShown = false;

  constructor(stream: ProgressStream, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
    this.#inPlace = stream.isTTY === true && process.env["TERM"] !== "dumb";
    this.#last = now();
  }

  /** May be called often; what comes too soon after the last is left out. */
  show(text: string): void {
    const now = this.#now();
    if (now - this.#last < (this.#inPlace ? PLACE_MS : LINE_MS)) return;
    this.#last = now;
    if (!this.#inPlace) {
      this.#stream.write(`dmthin: ${text}\n`);
      return;
    }
    // A line that wraps could not be taken back. A terminal that does not know its size says 0.
    const { columns = 0 } = this.#stream;
    this.#stream.write(`${CLEAR}${text.slice(0, (columns === 0 ? COLUMNS : columns) - 1)}`);
    this.#isShown = true;
  }

  /** Before anything else is printed, and at the end. */
  clear(): void {
    if (this.#isShown) this.#stream.write(CLEAR);
    this.#isShown = false;
  }
}

/** `thin_check: 7 s, 12.3 MiB read, 34 MiB of metadata are in use`. */
export function toolProgress({ tool, ms, io, inUse }: ThinProgress): string {
  return [
    `${tool}: ${Math.floor(ms / 1000)} s`,
    ...(io === undefined ? [] : [`${formatBytes(io.read)} read`]),
    ...(io === undefined || io.written === 0n ? [] : [`${formatBytes(io.written)} written`]),
    ...(inUse === undefined ? [] : [`${formatBytes(inUse)} of metadata are in use`]),
  ].join(", ");
}
