/** Reads one row of the catalog column by column; what this version never writes is a ParseError, naming the column. */
import type { SQLOutputValue } from "node:sqlite";
import { ParseError } from "../core/errors.ts";
import { parseId, thinId } from "../core/ids.ts";
import type { GroupId, SnapshotId, ThinId, VolumeId } from "../core/ids.ts";
import { bytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";

/** A row as SQLite hands it out, integers as bigint. */
export type StoredRow = Readonly<Record<string, SQLOutputValue>>;

/** The words of a union type as a list; does not compile while one is missing. */
export function wordsOf<T extends string>(words: { readonly [Word in T]: Word }): readonly T[] {
  return Object.values<T>(words);
}

export class Fields {
  readonly #table: string;
  readonly #row: StoredRow;

  constructor(table: string, row: StoredRow) {
    this.#table = table;
    this.#row = row;
  }

  /** True where the column holds no value. */
  absent(column: string): boolean {
    return this.#row[column] === null;
  }

  text(column: string): string {
    const value = this.#row[column];
    return typeof value === "string" ? value : this.#fail(column, "text");
  }

  integer(column: string): bigint {
    const value = this.#row[column];
    return typeof value === "bigint" ? value : this.#fail(column, "an integer");
  }

  size(column: string): Bytes {
    const value = this.integer(column);
    return value >= 0n ? bytes(value) : this.#fail(column, "a size in bytes");
  }

  thin(column: string): ThinId {
    const value = Number(this.integer(column));
    try {
      return thinId(value);
    } catch {
      return this.#fail(column, "a thin id");
    }
  }

  word<T extends string>(column: string, words: readonly T[]): T {
    const value = this.text(column);
    return words.find((word) => word === value) ?? this.#fail(column, `one of ${words.join(", ")}`);
  }

  /** A JSON array of strings. */
  list(column: string): readonly string[] {
    const value = jsonOf(this.text(column));
    if (!Array.isArray(value)) return this.#fail(column, "a list of texts");
    return value.map((entry: unknown) =>
      typeof entry === "string" ? entry : this.#fail(column, "a list of texts"),
    );
  }

  words<T extends string>(column: string, words: readonly T[]): readonly T[] {
    const expected = `a list of ${words.join(", ")}`;
    return this.list(column).map(
      (text) => words.find((word) => word === text) ?? this.#fail(column, expected),
    );
  }

  volumeId(column: string): VolumeId {
    return volumeIdOf(this.text(column)) ?? this.#fail(column, "a volume id");
  }

  volumeIds(column: string): readonly VolumeId[] {
    return this.list(column).map((text) => volumeIdOf(text) ?? this.#fail(column, "a list of volume ids"));
  }

  snapshotId(column: string): SnapshotId {
    return snapshotIdOf(this.text(column)) ?? this.#fail(column, "a snapshot id");
  }

  snapshotIds(column: string): readonly SnapshotId[] {
    return this.list(column).map(
      (text) => snapshotIdOf(text) ?? this.#fail(column, "a list of snapshot ids"),
    );
  }

  groupId(column: string): GroupId {
    const parsed = parseId(this.text(column));
    return parsed?.kind === "group" ? parsed.id : this.#fail(column, "a group id");
  }

  /** Text that `is` proves to be of its brand. */
  branded<T extends string>(column: string, is: (text: string) => text is T, expected: string): T {
    const value = this.text(column);
    return is(value) ? value : this.#fail(column, expected);
  }

  #fail(column: string, expected: string): never {
    throw new ParseError(
      `catalog table ${this.#table}`,
      `column ${column}`,
      String(this.#row[column]),
      expected,
    );
  }
}

/** Undefined for text that is not JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function volumeIdOf(text: string): VolumeId | undefined {
  const parsed = parseId(text);
  return parsed?.kind === "volume" ? parsed.id : undefined;
}

function snapshotIdOf(text: string): SnapshotId | undefined {
  const parsed = parseId(text);
  return parsed?.kind === "snapshot" ? parsed.id : undefined;
}
