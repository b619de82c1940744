import { expect, test } from "vitest";
import { cleaningAnswer, parseCleaning } from "../../../src/commands/cleaning-text.ts";
import { plain } from "../../../src/commands/paint.ts";
import type { CleaningAnswer, CleaningItem } from "../../../src/core/cluster-orphans.ts";
import { formatJson } from "../../../src/core/json.ts";

const say = (answer: CleaningAnswer, json = false) =>
  cleaningAnswer(parseCleaning(formatJson(answer)), json, plain);

const object = {
  kind: "volume",
  name: "pvc-1",
  node: "worker-1",
  pool: "fast",
  size: 1_073_741_824n,
  createdAt: "2026-11-01T00:00:00.000Z",
  orphanSince: "2026-11-02T00:00:00.000Z",
} as const;
const deletable: CleaningItem = { id: "v-1", outcome: "deletable", object };
const refused: CleaningItem = { id: "v-2", outcome: "refused", why: "it is staged\n" };
const failed: CleaningItem = { id: "v-3", outcome: "failed", object, why: "no answer" };
const tidy = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().replaceAll(/ {2,}/g, " | "));

test("what would be destroyed is named, with all that tells what it is", () => {
  const { output, exitCode } = say({ apply: false, items: [deletable, refused] });
  expect(tidy(output)).toEqual([
    "KIND | ID | NAME | NODE | POOL | SIZE | CREATED | ORPHAN SINCE",
    "would be deleted | volume | v-1 | pvc-1 | worker-1 | fast | 1 GiB | 2026-11-01T00:00:00.000Z | 2026-11-02T00:00:00.000Z",
    "refused: v-2: it is staged",
    "Nothing was changed. With their ids and --apply, these 1 are destroyed with all they hold, and nobody can bring them back.",
  ]);
  expect(exitCode).toBe(4);
});

test("of a snapshot it is said that it may be a backup", () => {
  const snapshot: CleaningItem = { ...deletable, object: { ...object, kind: "snapshot" } };
  const warned = (item: CleaningItem) => say({ apply: false, items: [item] }).output.includes("a backup");
  expect([snapshot, deletable].map(warned)).toEqual([true, false]);
});

test.each([
  [0, [deletable]],
  [0, []],
  [4, [refused, deletable]],
  [2, [failed, refused]],
])("exit code %i", (code, items) => {
  expect(say({ apply: false, items }).exitCode).toBe(code);
});

test("what was deleted is no warning any more", () => {
  const { output, exitCode } = say({ apply: true, items: [{ ...deletable, outcome: "deleted" }] });
  expect([exitCode, tidy(output).length]).toEqual([0, 2]);
  expect(output).toMatch(/^deleted +volume +v-1 /m);
  expect(say({ apply: true, items: [failed] }).output).toMatch(/^failed: v-3: no answer$/m);
});

test("what was not judged is counted, and is not well", () => {
  const answer = { apply: false, items: [deletable], left: 7 };
  const { output, exitCode } = say(answer);
  expect(output).toMatch(/^7 orphans more were not judged: name their ids/m);
  expect(exitCode).toBe(4);
  expect(JSON.parse(say(answer, true).output)).toMatchObject({ left: 7 });
});

test("as JSON, sizes are decimal text", () => {
  expect(JSON.parse(say({ apply: true, items: [deletable] }, true).output)).toEqual({
    apply: true,
    items: [{ ...deletable, object: { ...object, size: "1073741824" } }],
  });
});

test.each(["", '{"apply":true}', '{"apply":true,"items":[{"id":"v","outcome":"gone"}]}'])(
  "%j is no answer",
  (json) => {
    expect(() => parseCleaning(json)).toThrow(/answer of the controller/);
  },
);
