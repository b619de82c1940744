import { describe, expect, test } from "vitest";

import { CATALOGUE, select } from "../../../bench/model/catalogue.ts";
import { failed, judged } from "../../../bench/model/row.ts";
import { formatMarkdown, formatTable } from "../../../bench/model/table.ts";

const ids = (text: string): readonly string[] => select(text).flatMap(({ rows }) => rows.map(({ id }) => id));

describe("the catalogue", () => {
  test("has every row that was promised", () => {
    const promised =
      "create-lvm mutation-floor snapshot-lvm restore-lvm delete-lvm grow-lvm stage-floor parallel-create flat-10k start-10k rss probe processes datapath";
    expect(ids("")).toEqual(expect.arrayContaining(promised.split(" ")));
  });

  test("names no row twice", () => {
    expect(new Set(ids("")).size).toBe(ids("").length);
  });

  test("gives the rows whose id contains a text, and no other row of their measurement", () => {
    expect(ids("create")).toEqual(["create-lvm", "mutation-floor-create", "parallel-create", "create-curve"]);
    expect(ids("probe")).toEqual(["probe"]);
    expect(ids("no such row")).toEqual([]);
    expect(select("")).toEqual(CATALOGUE);
  });
});

const facts = { id: "create-lvm", what: "a create", unit: "x", target: 0.5 } as const;

describe("a row", () => {
  test.each([
    [0.5, true],
    [0.51, false],
  ])("of %d is held against its target", (value, ok) => {
    expect(judged(facts, "here", { value })).toMatchObject({ id: "create-lvm", value, target: 0.5, ok });
  });

  test("without a target is only reported", () => {
    const { target: _none, ...reported } = facts;
    expect(judged(reported, "here", { value: 3 })).toMatchObject({ value: 3, target: null, ok: null });
  });

  test("that could not be measured has no value and holds nothing", () => {
    const row = failed(facts, "here", "no disk");
    expect(row).toMatchObject({ value: null, target: 0.5, ok: null, failure: "no disk" });
  });
});

describe("the table", () => {
  const side = { n: 3, median: 12.34, q1: 1, q3: 2, min: 1, max: 2 };
  const rows = [
    judged(facts, "UML, 1 CPU", { value: 0.25, spread: [0.2, 0.3], sides: { dmthin: side }, note: "a note" }),
    judged({ ...facts, id: "late" }, "here", { value: 0.9 }),
    judged({ id: "free", what: "only told", unit: "MiB" }, "here", { value: 95.4 }),
    failed({ ...facts, id: "broken" }, "here", "no disk"),
  ];

  test("has a line for each row, with verdict, target and where, and what has to be said below", () => {
    const lines = formatTable(rows)
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect(lines[1]).toEqual([
      "create-lvm",
      "a create",
      "0.25",
      "0.20 to 0.30",
      "≤ 0.50",
      "holds",
      "dmthin 12.3 ms",
      "UML, 1 CPU",
    ]);
    expect(lines[2]).toEqual(["late", "a create", "0.90", "≤ 0.50", "missed", "here"]);
    expect(lines[3]).toEqual(["free", "only told", "95 MiB", "reported", "here"]);
    expect(lines[4]).toEqual(["broken", "a create", "-", "≤ 0.50", "FAILED", "here"]);
    expect(lines.slice(5).flat()).toEqual([
      "",
      "create-lvm: a note",
      "broken: could not be measured: no disk",
    ]);
  });

  test("says the same in Markdown", () => {
    const lines = formatMarkdown(rows).split("\n");
    expect(lines).toHaveLength(6);
    expect(lines[3]).toBe("| late | a create | 0.90 |  | ≤ 0.50 | missed |  | here |");
  });
});
