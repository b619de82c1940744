/** Text that arrives in pieces, line by line. */

export class LineSplitter {
  #rest = "";
  readonly #maxLine: number;

  constructor(maxLine: number) {
    this.#maxLine = maxLine;
  }

  /** The lines that `piece` completes. Undefined: a line is longer than allowed. */
  push(piece: string): readonly string[] | undefined {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    return this.#rest.length > this.#maxLine ? undefined : lines;
  }
}
