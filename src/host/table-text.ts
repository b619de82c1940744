/** What all dm table and status lines share: `<start> <length> <target> <rest…>`. */
import { type DevNumber, isDevNumber } from "../core/dm.ts";
import { ParseError } from "../core/errors.ts";
import { type Sectors, sectors } from "../core/units.ts";

/** A reader of blank-separated words that names the position of a surprise. */
export class Words {
  readonly #line: string;
  readonly #words: readonly string[];
  #next = 0;

  constructor(line: string) {
    this.#line = line;
    this.#words = line
      .trim()
      .split(/\s+/)
      .filter((word) => word !== "");
  }

  /** Words not yet taken. */
  get left(): number {
    return this.#words.length - this.#next;
  }

  surprise(position: string, found: string | undefined, expected: string): ParseError {
    return new ParseError(`line ${JSON.stringify(this.#line)}`, position, found ?? "", expected);
  }

  /** The next word, or undefined at the end. */
  optional(): string | undefined {
    const word = this.#words[this.#next];
    if (word !== undefined) this.#next += 1;
    return word;
  }

  word(position: string): string {
    const word = this.optional();
    if (word === undefined) throw this.surprise(position, undefined, "a word");
    return word;
  }

  literal(position: string, expected: string): void {
    const word = this.word(position);
    if (word !== expected) throw this.surprise(position, word, expected);
  }

  natural(position: string): bigint {
    return this.toNatural(position, this.word(position));
  }

  toNatural(position: string, text: string): bigint {
    if (!/^\d{1,20}$/.test(text)) throw this.surprise(position, text, "a number");
    return BigInt(text);
  }

  /** `used/total`. */
  ratio(position: string): readonly [bigint, bigint] {
    const text = this.word(position);
    const [, used, total] = /^(\d{1,20})\/(\d{1,20})$/.exec(text) ?? [];
    if (used === undefined || total === undefined) throw this.surprise(position, text, "used/total");
    return [BigInt(used), BigInt(total)];
  }

  device(position: string): DevNumber {
    const text = this.word(position);
    if (!isDevNumber(text)) throw this.surprise(position, text, "major:minor");
    return text;
  }

  oneOf<const T extends string>(position: string, choices: readonly T[]): T {
    const text = this.word(position);
    const choice = choices.find((each) => each === text);
    if (choice === undefined) throw this.surprise(position, text, choices.join(", "));
    return choice;
  }

  end(): void {
    const word = this.optional();
    if (word !== undefined) throw this.surprise("end", word, "nothing more");
  }
}

/** Reads `0 <length> <target>`: every thin and thin-pool table of dmthin is one segment from 0. */
export function singleTarget(words: Words, target: string): Sectors {
  words.literal("start", "0");
  const length = sectors(words.natural("length"));
  words.literal("target", target);
  return length;
}
