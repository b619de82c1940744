/** What `dmthin orphans` says, and with which exit code. */
import { expect, test } from "vitest";
import { orphansAnswer, parseOrphanList } from "../../../src/commands/orphans-text.ts";
import { plain } from "../../../src/commands/paint.ts";
import { ParseError } from "../../../src/core/errors.ts";
import { formatJson } from "../../../src/core/json.ts";
import type { Orphan, OrphanList } from "../../../src/core/orphans.ts";

const ORPHAN: Orphan = {
  kind: "device",
  name: "dmthin-old-pool",
  pool: "f".repeat(32),
  why: "pool f is not configured",
  usedBy: [],
  guide: "orphans",
};
const UNJUDGED = { kind: "pool", name: "slow", why: "it is\nnot open" } as const;

const said = (list: Partial<OrphanList>, json = false) =>
  orphansAnswer(parseOrphanList(formatJson({ orphans: [], unjudged: [], ...list })), json, plain);

test("nothing", () => {
  expect(said({})).toEqual({ exitCode: 0, output: "nothing belongs to no record\n" });
});

test("what is there, who uses it, and which guide helps", () => {
  const used = {
    ...ORPHAN,
    kind: "mount",
    name: "/m",
    usedBy: ["/a", "/b", "/c"],
    guide: "read-only pools",
  } as const;
  expect(said({ orphans: [ORPHAN, used] })).toEqual({
    exitCode: 4,
    output: [
      "KIND    NAME             USED BY        GUIDE            WHY",
      "device  dmthin-old-pool  -              orphans          pool f is not configured",
      "mount   /m               /a and 2 more  read-only pools  pool f is not configured",
      "",
      "Nothing was changed. What to do with each: the guide that it names.",
      "",
    ].join("\n"),
  });
});

test("what cannot be told is said on standard error, and is no nothing", () => {
  expect(said({ unjudged: [UNJUDGED] })).toEqual({
    exitCode: 2,
    output: "nothing is known to belong to no record\n",
    complaint: "it cannot be said of all:\n- pool slow: it is not open",
  });
  expect(said({ orphans: [ORPHAN], unjudged: [UNJUDGED] })).toMatchObject({
    exitCode: 4,
    complaint: "it cannot be said of all:\n- pool slow: it is not open",
  });
});

test("as JSON all of it", () => {
  const list = { orphans: [ORPHAN], unjudged: [UNJUDGED] };
  expect(JSON.parse(said(list, true).output)).toEqual(list);
  expect(JSON.parse(said({}, true).output)).toEqual({ orphans: [], unjudged: [] });
});

test("what is no list is refused, with the place", () => {
  expect(() => parseOrphanList("no")).toThrow(ParseError);
  expect(() => parseOrphanList(formatJson({ orphans: [{ ...ORPHAN, kind: "new" }], unjudged: [] }))).toThrow(
    /orphans.0.kind/,
  );
});
