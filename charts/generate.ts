/**
 * What is made from the chart and what the chart is made with; `--check` compares instead of writing. Without helm: the
 * alert rules in the chart, and the reference of its values. With `--helm PATH`: rendered manifests too.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
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

function render(helm: string, values: string): string {
  const text = execFileSync(
    helm,
    ["template", "dmthin", CHART, "--namespace", NAMESPACE, "--skip-tests", "--values", values],
    { cwd: ROOT, encoding: "utf8" },
  );
  return `# Rendered from ${CHART} with ${values} by \`make generate\`: not to be edited.\n${text.trimEnd()}\n`;
}

const { values } = parseArgs({ options: { check: { type: "boolean" }, helm: { type: "string" } } });
const { helm } = values;
const made: Readonly<Record<string, string>> = {
  [`${CHART}/files/alerts.yaml`]: read("deploy/monitoring/alerts.yaml"),
  "docs/reference/chart.md": reference(),
  ...(helm === undefined
    ? {}
    : Object.fromEntries(Object.entries(RENDERED).map(([path, from]) => [path, render(helm, from)]))),
};

function committed(path: string): string | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}

for (const [path, text] of Object.entries(made)) {
  if (values.check !== true) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
  } else if (text !== committed(path)) {
    console.error(`${path} is not what the chart yields: run \`make generate\` and commit the result.`);
    process.exitCode = 1;
  }
}
