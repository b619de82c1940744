/** From a controller's answer to what `dmthin orphans --cluster --clean` prints, and its exit code. Pure. */
import { z } from "zod";
import { CLEANING_OUTCOMES } from "../core/cluster-orphans.ts";
import { formatJson } from "../core/json.ts";
import { formatBytes } from "../core/units.ts";
import { EXIT } from "./answer.ts";
import type { Said } from "./answer.ts";
import { parseAnswer } from "./cluster-orphans-text.ts";
import type { Paint } from "./paint.ts";
import { cell, formatTable, oneLine, type Cell } from "./table.ts";

const text = z.string();
const schema = z.object({
  apply: z.boolean(),
  items: z.array(
    z.object({
      id: text,
      outcome: z.enum(CLEANING_OUTCOMES),
      object: z
        .object({
          kind: z.enum(["volume", "snapshot"]),
          name: text,
          node: text,
          pool: text,
          size: text.regex(/^\d{1,20}$/).transform(BigInt),
          createdAt: text,
          orphanSince: text,
        })
        .exactOptional(),
      why: text.exactOptional(),
    }),
  ),
  left: z.int().positive().exactOptional(),
});

export type ReadCleaning = Readonly<z.infer<typeof schema>>;
type Item = ReadCleaning["items"][number];

/** Throws ParseError. */
export const parseCleaning = (json: string): ReadCleaning => parseAnswer(schema, json);

/** Exit code 4: some were refused, or not judged; 2: some failed, or nobody knows. */
export function cleaningAnswer(answer: ReadCleaning, json: boolean, paint: Paint): Said {
  const { items, left } = answer;
  const has = (outcome: Item["outcome"]): boolean => items.some((item) => item.outcome === outcome);
  return {
    exitCode: has("failed") ? EXIT.unknown : has("refused") || left !== undefined ? EXIT.attention : EXIT.ok,
    output: json ? formatJson(answer) : textOf(answer, paint),
  };
}

function textOf({ apply, items, left }: ReadCleaning, paint: Paint): string {
  if (items.length === 0) return "nothing is known to be an orphan\n";
  const rows = items.flatMap((item) => (item.object === undefined ? [] : [rowOf(item, item.object)]));
  const table = formatTable(
    ["", "KIND", "ID", "NAME", "NODE", "POOL", "SIZE", "CREATED", "ORPHAN SINCE"],
    rows,
    paint,
  );
  const complaints = items.flatMap(({ id, outcome, why }) =>
    why === undefined ? [] : [`${outcome}: ${oneLine(id)}: ${oneLine(why)}\n`],
  );
  const more =
    left === undefined
      ? ""
      : `${left} orphans more were not judged: name their ids, as \`dmthin orphans --cluster\` lists them.\n`;
  return [rows.length === 0 ? "" : table, ...complaints, more, ending(apply, items)].join("");
}

const WORDS = {
  deletable: "would be deleted",
  deleted: "deleted",
  refused: "refused",
  failed: "failed",
} as const;

const rowOf = ({ id, outcome }: Item, object: NonNullable<Item["object"]>): readonly Cell[] => [
  cell(WORDS[outcome]),
  cell(object.kind),
  cell(id),
  cell(object.name),
  cell(object.node),
  cell(object.pool),
  cell(formatBytes(object.size)),
  cell(object.createdAt),
  cell(object.orphanSince),
];

function ending(apply: boolean, items: readonly Item[]): string {
  const deletable = items.filter(({ outcome }) => outcome === "deletable");
  const { length } = deletable;
  if (apply) return "";
  if (length === 0) return "Nothing was changed.\n";
  // A backup tool keeps the id of a snapshot and deletes its objects.
  const backups = deletable.some(({ object }) => object?.kind === "snapshot")
    ? "A snapshot may be a backup that a tool such as Velero knows by its id: ask first.\n"
    : "";
  return `${backups}Nothing was changed. With their ids and --apply, these ${length} are destroyed with all they hold, and nobody can bring them back.\n`;
}
