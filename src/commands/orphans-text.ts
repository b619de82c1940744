/** From the driver's list to what `dmthin orphans` prints, and its exit code. Pure. Codes: docs/reference/commands.md. */
import { z } from "zod";
import { ParseError } from "../core/errors.ts";
import { formatJson } from "../core/json.ts";
import { ORPHAN_GUIDES, ORPHAN_KINDS } from "../core/orphans.ts";
import { EXIT } from "./answer.ts";
import type { Said } from "./answer.ts";
import type { Paint } from "./paint.ts";
import { cell, formatTable, oneLine } from "./table.ts";

const text = z.string();
const schema = z.object({
  orphans: z.array(
    z.object({
      kind: z.enum(ORPHAN_KINDS),
      name: text,
      pool: text,
      why: text,
      usedBy: z.array(text),
      guide: z.enum(ORPHAN_GUIDES),
    }),
  ),
  unjudged: z.array(z.object({ kind: z.enum([...ORPHAN_KINDS, "pool"]), name: text, why: text })),
});

/** The list as a reader has it: names are text, whoever made them. */
export type ReadOrphanList = Readonly<z.infer<typeof schema>>;

/** Throws ParseError. */
export function parseOrphanList(json: string): ReadOrphanList {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ParseError("answer of the driver", "text", json.slice(0, 80), "JSON");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.path.join(".") ?? "";
  throw new ParseError("answer of the driver", at, issue?.message ?? "", "what this version knows");
}

export function orphansAnswer(list: ReadOrphanList, json: boolean, paint: Paint): Said {
  const { unjudged } = list;
  const lines = unjudged.map(({ kind, name, why }) => `\n- ${kind} ${oneLine(name)}: ${oneLine(why)}`);
  return {
    exitCode: codeOf(list),
    output: json ? formatJson(list) : textOf(list, paint),
    ...(lines.length === 0 ? {} : { complaint: `it cannot be said of all:${lines.join("")}` }),
  };
}

function codeOf({ orphans, unjudged }: ReadOrphanList): number {
  if (orphans.length > 0) return EXIT.attention;
  return unjudged.length > 0 ? EXIT.unknown : EXIT.ok;
}

function textOf({ orphans, unjudged }: ReadOrphanList, paint: Paint): string {
  if (orphans.length === 0)
    return unjudged.length > 0
      ? "nothing is known to belong to no record\n"
      : "nothing belongs to no record\n";
  const rows = orphans.map(({ kind, name, usedBy, why, guide }) => [
    cell(kind),
    cell(name),
    usedBy.length === 0 ? cell("-", "faint") : cell(shown(usedBy)),
    cell(guide),
    cell(why),
  ]);
  const table = formatTable(["KIND", "NAME", "USED BY", "GUIDE", "WHY"], rows, paint);
  return `${table}\nNothing was changed. What to do with each: the guide that it names.\n`;
}

const shown = ([first = "", ...rest]: readonly string[]): string =>
  rest.length === 0 ? first : `${first} and ${rest.length} more`;
