/** Tables and lists of facts for people, as text. Pure. */
import type { Paint, Tone } from "./paint.ts";

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

export const cell = (text: string, tone?: Tone): Cell => (tone === undefined ? { text } : { text, tone });

/** Columns as wide as they need to be, two blanks apart. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
): string {
  const all = [headings.map((text) => cell(text, "heading")), ...rows];
  const widths = headings.map((_heading, column) => Math.max(...all.map((row) => widthOf(row[column]))));
  return all.map((row) => `${line(row, widths, paint)}\n`).join("");
}

/** `Name:  value`, one a line. */
export function formatFacts(facts: readonly (readonly [name: string, value: Cell])[], paint: Paint): string {
  const width = Math.max(...facts.map(([name]) => name.length)) + 1;
  return facts
    .map(([name, value]) => `${paint("heading", `${name}:`.padEnd(width))}  ${painted(value, paint)}\n`)
    .join("");
}

/** What was written by others may hold anything: nothing of it moves the cursor. */
export const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();

function line(row: readonly Cell[], widths: readonly number[], paint: Paint): string {
  const last = row.length - 1;
  return row
    .map((each, column) => {
      const blanks = column === last ? 0 : (widths[column] ?? 0) - widthOf(each);
      return `${painted(each, paint)}${" ".repeat(blanks)}`;
    })
    .join("  ");
}

const widthOf = (each: Cell | undefined): number => (each === undefined ? 0 : oneLine(each.text).length);

function painted({ text, tone }: Cell, paint: Paint): string {
  return tone === undefined ? oneLine(text) : paint(tone, oneLine(text));
}
