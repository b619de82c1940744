/** YAML text → plain value. Whatever YAML itself finds wrong, twice-given keys included, is a problem with its line. */
import { LineCounter, parseDocument } from "yaml";

export type ParsedYaml =
  | { readonly kind: "valid"; readonly value: unknown }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/** An empty file is an empty mapping, so that what is missing is reported by name. */
export function parseYaml(text: string): ParsedYaml {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const flaws = [...document.errors, ...document.warnings];
  if (flaws.length > 0) {
    return {
      kind: "invalid",
      problems: flaws.map((flaw) => `line ${lineCounter.linePos(flaw.pos[0]).line}: ${flaw.message}`),
    };
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { kind: "valid", value: value ?? {} };
  } catch (error) {
    // An alias without its anchor, or aliases that multiply.
    return { kind: "invalid", problems: [error instanceof Error ? error.message : String(error)] };
  }
}
