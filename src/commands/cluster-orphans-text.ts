/** From a controller's list to what `dmthin orphans --cluster` prints, and its exit code. Pure. */
import { z } from "zod";
import { CLUSTER_ORPHAN_KINDS } from "../core/cluster-orphans.ts";
import { ParseError } from "../core/errors.ts";
import { formatJson } from "../core/json.ts";
import { EXIT } from "./answer.ts";
import type { Said } from "./answer.ts";
import type { Paint } from "./paint.ts";
import { cell, formatTable, oneLine } from "./table.ts";

const text = z.string();
const schema = z.object({
  orphans: z.array(
    z.object({
      kind: z.enum(CLUSTER_ORPHAN_KINDS),
      name: text,
      node: text,
      pool: text,
      createdAt: text,
      uid: text.exactOptional(),
      why: text,
    }),
  ),
  unjudged: z.array(z.object({ name: text, why: text })),
});

export type ReadClusterOrphans = Readonly<z.infer<typeof schema>>;

/** Throws ParseError. */
export const parseClusterOrphans = (json: string): ReadClusterOrphans => parseAnswer(schema, json);

/** Throws ParseError. */
export function parseAnswer<Schema extends z.ZodType>(expected: Schema, json: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ParseError("answer of the controller", "text", json.slice(0, 80), "JSON");
  }
  const parsed = expected.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.path.join(".") ?? "";
  throw new ParseError("answer of the controller", at, issue?.message ?? "", "what this version knows");
}

export function clusterOrphansAnswer(list: ReadClusterOrphans, json: boolean, paint: Paint): Said {
  const { orphans, unjudged } = list;
  const lines = unjudged.map(({ name, why }) => `\n- ${oneLine(name)}: ${oneLine(why)}`);
  return {
    exitCode: orphans.length > 0 ? EXIT.attention : unjudged.length > 0 ? EXIT.unknown : EXIT.ok,
    output: json ? formatJson(list) : textOf(list, paint),
    ...(lines.length === 0 ? {} : { complaint: `it cannot be said of all:${lines.join("")}` }),
  };
}

function textOf({ orphans, unjudged }: ReadClusterOrphans, paint: Paint): string {
  if (orphans.length === 0)
    return unjudged.length > 0 ? "nothing is known to be an orphan\n" : "nodes and cluster agree\n";
  const rows = orphans.map(({ kind, name, node, pool, createdAt, why }) => [
    cell(kind),
    cell(name),
    node === "" ? cell("-", "faint") : cell(node),
    pool === "" ? cell("-", "faint") : cell(pool),
    cell(createdAt),
    cell(why),
  ]);
  const table = formatTable(["KIND", "NAME", "NODE", "POOL", "CREATED", "WHY"], rows, paint);
  return `${table}\nNothing was changed. What to do with each: docs/guides/orphans.md.\n`;
}
