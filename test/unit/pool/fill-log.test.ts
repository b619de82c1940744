import { expect, test } from "vitest";

import { bytes } from "../../../src/core/units.ts";
import type { Level, Use } from "../../../src/plan/fill.ts";
import { FillLog } from "../../../src/pool/fill-log.ts";

const use = (level: Level, calm = level === 0): Use => ({ used: bytes(1), total: bytes(2), level, calm });

const linesFor = (...uses: readonly Use[]): readonly string[] => {
  const lines: string[] = [];
  const log = new FillLog("fast", (level, message) =>
    lines.push(`${level} ${message.split(/ \(/)[0] ?? ""}`),
  );
  for (const data of uses) log.note({ data, metadata: use(0) });
  return lines;
};

test("each level is told once on the way up, however often it is looked at", () => {
  const levels = [0, 80, 80, 90, 80, 90, 95, 95, 100, 100] as const;
  expect(linesFor(...levels.map((level) => use(level)))).toEqual([
    "warn pool fast: its data is 80 % full",
    "warn pool fast: its data is 90 % full",
    "warn pool fast: its data is 95 % full",
    "error pool fast: its data is full",
  ]);
});

test("the end is told: room again, and calm; then it begins anew", () => {
  expect(linesFor(use(100), use(90), use(0, false), use(80), use(0), use(0), use(80))).toEqual([
    "error pool fast: its data is full",
    "info pool fast: its data has room again",
    "info pool fast: its data is no longer nearly full",
    "warn pool fast: its data is 80 % full",
  ]);
});

test("a pool that hovers at a level says it once", () => {
  expect(linesFor(use(80), use(0, false), use(80), use(0, false), use(80))).toHaveLength(1);
});

test("metadata and data are told apart", () => {
  const lines: string[] = [];
  const log = new FillLog("fast", (_level, message) => lines.push(message));
  log.note({ data: use(80), metadata: use(95) });
  expect(lines).toEqual([
    "pool fast: its data is 80 % full (1 B of 2 B): grow the pool, or delete volumes or snapshots",
    "pool fast: its metadata is 95 % full (1 B of 2 B): set metadataSize higher, or delete snapshots",
  ]);
});
