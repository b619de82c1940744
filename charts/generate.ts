/**
 * What is made from the chart and what the chart is made with; `--check` compares instead of writing. Without helm: the
 * alert rules in the chart, and the reference of its values. With `--helm PATH`: rendered manifests too; without it only
 * whether they are of the chart as it is now, by its hash in their head.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";

import { referenceOf, type ValuesSchema } from "./reference.ts";

const ROOT = join(import.meta.dirname, "..");
const CHART = "charts/dmthin";
const NAMESPACE = "dmthin-system";

/** Rendered file → the values it is rendered with. */
const RENDERED: Readonly<Record<string, string>> = {
  "deploy/dmthin.yaml": "deploy/values.yaml",
  "test/chart/rendered/everything.yaml": "test/chart/values/everything.yaml",
  "test/chart/rendered/least.yaml": "test/chart/values/least.yaml",
};

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

function reference(): string {
  const schema = JSON.parse(read(`${CHART}/values.schema.json`)) as ValuesSchema;
  return referenceOf(schema, parse(read(`${CHART}/values.yaml`)));
}

/** A rendered file says of what it was rendered, and what it was then: a stale one is seen without helm, and an edited one. */
function withHead(from: string, body: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(join(ROOT, CHART), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();
  for (const file of [...files, join(ROOT, from)]) {
    const text = readFileSync(file);
    hash.update(`${file.slice(ROOT.length)} ${text.length}\n`).update(text);
  }
  hash.update(body);
  return `# Rendered from ${CHART} with ${from} by \`make generate\`: not to be edited.\n# ${hash.digest("hex")}\n${body}`;
}

const bodyOf = (text: string): string => text.split("\n").slice(2).join("\n");

function render(program: string, from: string): string {
  const text = execFileSync(
    program,
    ["template", "dmthin", CHART, "--namespace", NAMESPACE, "--skip-tests", "--values", from],
    { cwd: ROOT, encoding: "utf8" },
  );
  return withHead(from, `${text.trimEnd()}\n`);
}

const { values } = parseArgs({ options: { check: { type: "boolean" }, helm: { type: "string" } } });
const { check = false, helm } = values;

function committed(path: string): string | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}

/** In this order: the chart has the rules, and is hashed with them. */
function settle(path: string, text: string, isSame = (found: string) => found === text): void {
  if (!check) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
  } else if (!isSame(committed(path) ?? "")) {
    console.error(`${path} is not what the chart yields: run \`make generate\` and commit the result.`);
    process.exitCode = 1;
  }
}

settle(`${CHART}/files/alerts.yaml`, read("deploy/monitoring/alerts.yaml"));
settle("docs/reference/chart.md", reference());
for (const [path, from] of Object.entries(RENDERED)) {
  if (helm !== undefined) settle(path, render(helm, from));
  else if (check) settle(path, "", (found) => found === withHead(from, bodyOf(found)));
}
