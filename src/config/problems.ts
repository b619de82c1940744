/** zod's issues → one line each: `pools[1].metadataSize: must be …`. */
import type { z } from "zod";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

export function problemsOf(issues: readonly Issue[]): string[] {
  return issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => line([...issue.path, key], issue.message))
      : [line(issue.path, wording(issue))],
  );
}

/** `pools[1].name`; the file as a whole is `configuration`. */
export function formatPath(path: Path): string {
  const text = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return text === "" ? "configuration" : text.replace(/^\./, "");
}

const line = (path: Path, message: string): string => `${formatPath(path)}: ${message}`;

function wording(issue: Issue): string {
  if (issue.code === "invalid_type") {
    // zod puts what it received only into its own message.
    return issue.message.endsWith("received undefined")
      ? "is required"
      : `must be ${WORDS[issue.expected] ?? issue.expected}`;
  }
  if (issue.code === "invalid_value") {
    return issue.message.endsWith("received undefined")
      ? "is required"
      : `must be one of ${issue.values.map(String).join(", ")}`;
  }
  return issue.message;
}

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
};
