import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";

import { paintFor, plain } from "../../../src/commands/paint.ts";
import { cell, formatFacts, formatTable } from "../../../src/commands/table.ts";

const ROWS = [
  [cell("fast"), cell("ready", "good"), cell("1 GiB")],
  [cell("a-long-name"), cell("no", "bad"), cell("2 GiB")],
];
const TABLE = "POOL         STATE  SIZE\nfast         ready  1 GiB\na-long-name  no     2 GiB\n";
const colours = paintFor({ isTTY: true }, {});

describe("a table", () => {
  test("has columns as wide as their widest cell, and no blank at the end of a line", () => {
    expect(formatTable(["POOL", "STATE", "SIZE"], ROWS, plain)).toBe(TABLE);
  });

  test("looks the same in colours", () => {
    const coloured = formatTable(["POOL", "STATE", "SIZE"], ROWS, colours);
    expect(coloured).not.toBe(TABLE);
    expect(stripVTControlCharacters(coloured)).toBe(TABLE);
  });

  test("without rows is its headings", () => {
    expect(formatTable(["POOL", "STATE"], [], plain)).toBe("POOL  STATE\n");
  });

  test("lets nothing that others wrote move the cursor", () => {
    const rows = [[cell("a\u001B[2Jb\nc"), cell("x")]];
    expect(formatTable(["A", "B"], rows, plain)).toBe("A         B\na [2Jb c  x\n");
  });
});

test("facts are aligned behind the longest name", () => {
  const facts = [
    ["Pool", cell("fast")],
    ["Block size", cell("64 KiB")],
  ] as const;
  expect(formatFacts(facts, plain)).toBe("Pool:        fast\nBlock size:  64 KiB\n");
});

describe("colours are", () => {
  test.each([
    ["there on a terminal", { isTTY: true }, {}, true],
    ["not there in a pipe", {}, {}, false],
    ["not there where NO_COLOR says so", { isTTY: true }, { NO_COLOR: "1" }, false],
    ["not there on a terminal that has none", { isTTY: true }, { TERM: "dumb" }, false],
  ])("%s", (_what, stream, environment, coloured) => {
    expect(paintFor(stream, environment)("bad", "x") !== "x").toBe(coloured);
  });
});
