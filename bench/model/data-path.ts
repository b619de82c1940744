/** The table of the data path. Pure. */

export const STATES = ["fresh", "overwritten", "after snapshot"] as const;
export type State = (typeof STATES)[number];

/** How much of dm-linear's speed a thin has, in one case. */
export interface DataPoint {
  readonly blockKib: number;
  readonly zeroing: boolean;
  readonly load: string;
  readonly state: State;
  /** Thin / linear, of the medians. */
  readonly share: number;
  readonly thinMibS: number;
  readonly linearMibS: number;
}

const caseOf = ({ load, state, zeroing }: DataPoint): string =>
  `${load}, ${state}${zeroing ? "" : ", zeroing off"}`;

/** Cases down, block sizes across, each cell a percentage of dm-linear. Markdown; reads as it stands, too. */
export function formatDataPath(points: readonly DataPoint[]): string {
  const blocks = [...new Set(points.map(({ blockKib }) => blockKib))].toSorted((one, other) => one - other);
  const cases = [...new Set(points.map(caseOf))];
  const width = Math.max(...cases.map(({ length }) => length));
  const line = (head: string, cells: readonly string[]): string =>
    `| ${head.padEnd(width)} | ${cells.map((cell) => cell.padStart(8)).join(" | ")} |`;
  const rows = cases.map((each) =>
    line(
      each,
      blocks.map((block) => {
        const found = points.find((point) => point.blockKib === block && caseOf(point) === each);
        return found === undefined ? "" : `${(found.share * 100).toFixed(0)} %`;
      }),
    ),
  );
  const heads = blocks.map((block) => (block < 1024 ? `${block} KiB` : `${block / 1024} MiB`));
  return [
    line("thin / dm-linear", heads),
    line(
      "---",
      blocks.map(() => "---:"),
    ),
    ...rows,
  ].join("\n");
}
