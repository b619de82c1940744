/** Documents, as far as tests read them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");
/** By its path in the repository. */
export const documentText = (path: string): string => readFileSync(join(ROOT, path), "utf8");

export interface CodeBlock {
  /** The word behind the fence; empty where there is none. */
  readonly language: string;
  /** Without the fence's own indentation. */
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
  /** What an HTML comment on the line before says. */
  readonly comment?: string;
}

const FENCE = /^(\s*(?:\d+\. )?)```([\w-]*)$/;
const COMMENT = /^\s*(?:\d+\. )?<!-- (.*) -->$/;

/** Throws where a fence is not closed. */
export function codeBlocks(text: string): readonly CodeBlock[] {
  const lines = text.split("\n");
  const found: CodeBlock[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const [, indent, language] = FENCE.exec(lines[at] ?? "") ?? [];
    if (indent === undefined || language === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === "```");
    if (end === -1) throw new Error(`the fence of line ${at + 1} is not closed`);
    const comment = COMMENT.exec(lines[at - 1] ?? "")?.[1];
    found.push({
      language,
      text: lines
        .slice(at + 1, end)
        .map((line) => line.slice(Math.min(indent.length, line.length - line.trimStart().length)))
        .join("\n"),
      line: at + 1,
      ...(comment === undefined ? {} : { comment }),
    });
    at = end;
  }
  return found;
}

/** As GitHub makes them of the headings, without counting twins. */
export function anchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

export interface TableRow {
  /** The heading of the second level above it. */
  readonly section: string;
  readonly cells: readonly string[];
}

/** Of the tables whose first column is `item`, without title and rule. */
export function tableRows(text: string): readonly TableRow[] {
  return text.split(/^## /m).flatMap((part) => {
    const [section = "", ...lines] = part.split("\n");
    const rows = lines.filter((line) => line.startsWith("| ") && !line.startsWith("| item |"));
    return rows.map((row) => ({ section, cells: row.slice(2, -2).split(" | ") }));
  });
}
