/** The table for people. Pure. */
import type { Row, Unit } from "./row.ts";
import type { Summary } from "./statistics.ts";

const PLAIN: Readonly<Record<Unit, (value: number) => string>> = {
  x: (value) => value.toFixed(2),
  ms: (value) => `${value.toFixed(1)} ms`,
  s: (value) => `${value.toFixed(2)} s`,
  MiB: (value) => `${value.toFixed(0)} MiB`,
  processes: (value) => value.toFixed(value % 1 === 0 ? 0 : 2),
  percent: (value) => `${value.toFixed(0)} %`,
};

export const formatValue = (value: number, unit: Unit): string => PLAIN[unit](value);

const verdict = ({ ok, failure, target }: Row): string => {
  if (failure !== undefined) return "FAILED";
  if (target === null) return "reported";
  return ok === true ? "holds" : "missed";
};

/** `dmthin 31.0 ms, lvm 84.2 ms`: for orientation only, the ratio is the figure. */
export function sidesText(sides: Readonly<Record<string, Summary>> | undefined): string {
  return Object.entries(sides ?? {})
    .map(([name, { median }]) => `${name} ${median.toFixed(1)} ms`)
    .join(", ");
}

const COLUMNS = ["row", "what", "value", "middle half", "target", "", "medians", "where"] as const;

export function cellsOf(row: Row): readonly string[] {
  const { id, what, value, target, unit, spread, sides, where } = row;
  return [
    id,
    what,
    value === null ? "-" : formatValue(value, unit),
    spread === undefined ? "" : spread.map((each) => formatValue(each, unit)).join(" to "),
    target === null ? "" : `≤ ${formatValue(target, unit)}`,
    verdict(row),
    sidesText(sides),
    where,
  ];
}

/** One line a row, and below them what has to be said of some. */
export function formatTable(rows: readonly Row[]): string {
  const cells = [[...COLUMNS], ...rows.map(cellsOf)];
  const widths = COLUMNS.map((_column, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const notes = rows.flatMap(({ id, note, failure }) => [
    ...(note === undefined ? [] : [`${id}: ${note}`]),
    ...(failure === undefined ? [] : [`${id}: could not be measured: ${failure}`]),
  ]);
  return [...lines, ...(notes.length === 0 ? [] : ["", ...notes])].join("\n");
}

/** The same as a table of Markdown, for the results that are kept. */
export function formatMarkdown(rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(COLUMNS), line(COLUMNS.map(() => "---")), ...rows.map((row) => line(cellsOf(row)))].join("\n");
}
