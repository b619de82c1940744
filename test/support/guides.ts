/** The commands of the guides, as a reader would type them, and what the guides say that they print. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { codeBlocks, documentText, ROOT } from "./markdown.ts";

export const GUIDES: readonly string[] = ["docs/guides", "docs/tutorial"].flatMap((directory) =>
  readdirSync(join(ROOT, directory))
    .filter((name) => name.endsWith(".md"))
    .toSorted()
    .map((name) => `${directory}/${name}`),
);

/** A block is left out for one of these, and nothing else. */
export const NOT_RUN = [
  "starts the test kernel",
  "builds an image, or sends one away",
  "needs a cluster of one's own",
] as const;

export interface ShellBlock {
  readonly guide: string;
  readonly line: number;
  readonly text: string;
  readonly run: { readonly exitCode: number } | { readonly leftOutFor: (typeof NOT_RUN)[number] };
}

/** Throws on a comment before a block that is not of `NOT_RUN`, nor the exit code of a block that is run. */
export function shellBlocks(guide: string, document = documentText(guide)): readonly ShellBlock[] {
  return codeBlocks(document)
    .filter(({ language }) => language === "sh")
    .map(({ text, line, comment }) => {
      if (comment === undefined) return { guide, line, text, run: { exitCode: 0 } };
      const code = /^run: exit code (\d+)$/.exec(comment)?.[1];
      if (code !== undefined) return { guide, line, text, run: { exitCode: Number(code) } };
      const leftOutFor = NOT_RUN.find((reason) => comment === `not run: ${reason}`);
      if (leftOutFor !== undefined) return { guide, line, text, run: { leftOutFor } };
      throw new Error(`${guide}:${line - 1}: "${comment}" is no reason why a block is not run`);
    });
}

export const isRun = ({ run }: ShellBlock): boolean => "exitCode" in run;

const tidy = (line: string): string => line.trim().replaceAll(/\s+/g, " ");

/** Whole lines of comment are output of the command above them; `…` is anything. */
export function expectedOutput(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => (line.startsWith("# ") ? [tidy(line.slice(2))] : []));
}

/** Those of the expected lines that do not come, each after the one before it. */
export function missingLines(expected: readonly string[], output: string): readonly string[] {
  const lines = output.split("\n").map(tidy);
  let from = 0;
  return expected.filter((wanted) => {
    const pattern = new RegExp(
      `^${wanted
        .split("…")
        .map((part) => RegExp.escape(part))
        .join(".*")}$`,
    );
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line));
    if (at !== -1) from = at + 1;
    return at === -1;
  });
}

/** Blocks of YAML in order, which the guides show as configuration. */
export const yamlBlocks = (guide: string): readonly string[] =>
  codeBlocks(documentText(guide))
    .filter(({ language }) => language === "yaml")
    .map(({ text }) => text);
