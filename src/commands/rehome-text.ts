/** What `dmthin pool rehome` says. Pure. */
import { formatJson } from "../core/json.ts";
import type { RehomePlan, RehomeStep, VolumePlan } from "../plan/rehome.ts";
import { cell, formatTable } from "./table.ts";
import { plain } from "./paint.ts";

const WORDS: Readonly<Record<RehomeStep["kind"], string>> = {
  note: "note down",
  retain: "policy Retain",
  remove: "delete",
  create: "create",
  "restore-policy": "policy back",
  forget: "forget the note",
};

export function planText(
  plan: RehomePlan,
  { node, apply }: { readonly node: string; readonly apply: boolean },
): string {
  const { volumes, done, left, refused } = plan;
  const table = formatTable(
    ["PERSISTENTVOLUME", "CLAIM", "FROM", "POLICY", "STEPS"],
    volumes.map((volume) => rowOf(volume).map((text) => cell(text))),
    plain,
  );
  return [
    volumes.length === 0 ? "" : table,
    ...volumes.flatMap(({ name, remark }) => (remark === undefined ? [] : [`${name}: ${remark}\n`])),
    done.length === 0 ? "" : `on ${node} already: ${done.length}\n`,
    ...left.map(({ name, problem }) => `left as it is: ${name}: ${problem}\n`),
    ...refused.map((reason) => `refused: ${reason}\n`),
    volumes.length > 0 && !apply && refused.length === 0 ? "nothing was changed: --apply does it\n" : "",
  ].join("");
}

const rowOf = ({ name, claim, from, policy, steps }: VolumePlan): readonly string[] => [
  name,
  claim ?? "-",
  from,
  policy,
  steps.map(({ kind }) => WORDS[kind]).join(", "),
];

export const planJson = (plan: RehomePlan, facts: object): string => formatJson({ ...facts, ...plan });
