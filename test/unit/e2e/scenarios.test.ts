import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { select } from "../../e2e/suite/framework/scenario.ts";
import { SCENARIOS } from "../../e2e/suite/scenarios/index.ts";

const README = readFileSync(new URL("../../e2e/README.md", import.meta.url), "utf8");

test("there are thirty scenarios at least, each with a name of its own that a namespace can have", () => {
  const ids = SCENARIOS.map(({ id }) => id);
  expect(ids.length).toBeGreaterThanOrEqual(30);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9-]{2,45}[a-z0-9]$/);
});

test("the table of the README has each scenario with its title, what it needs, and whether it is in the smoke share", () => {
  const table = README.split("## Scenarios")[1] ?? "";
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const expected = SCENARIOS.map(
    ({ id, title, needs = [], smoke }) =>
      `| \`${id}\` | ${title} | ${needs.join(", ")} | ${smoke === true ? "yes" : ""} |`,
  );
  expect(rows).toEqual(expected);
});

test("a share can be chosen by parts of names; a name that nothing has is an error", () => {
  const ids = (smoke: boolean, ...only: readonly string[]) =>
    select(SCENARIOS, { smoke, only }).map(({ id }) => id);
  expect(ids(false)).toEqual(SCENARIOS.map(({ id }) => id));
  expect(ids(false, "claim-x", "fs-gr")).toEqual(["fs-group", "claim-xfs"]);
  expect(ids(true)).toContain("power-cut");
  expect(ids(true)).not.toContain("fifty-claims-at-once");
  expect(() => ids(false, "no-such")).toThrow("no-such");
});
