import { expect, test } from "vitest";
import { clusterOrphansAnswer, parseClusterOrphans } from "../../../src/commands/cluster-orphans-text.ts";
import type { Paint } from "../../../src/commands/paint.ts";
import { formatJson } from "../../../src/core/json.ts";
import type { ClusterOrphanList } from "../../../src/core/cluster-orphans.ts";

const plain: Paint = (_style, text) => text;
const say = (list: ClusterOrphanList, json = false) =>
  clusterOrphansAnswer(parseClusterOrphans(formatJson(list)), json, plain);

const orphan = {
  kind: "volume",
  name: "v-1",
  node: "worker-1",
  pool: "fast",
  createdAt: "2026-11-01T00:00:00.000Z",
  why: "no PersistentVolume has it",
} as const;
const unjudged = { name: "node worker-2", why: "it is away: it is silent" };

test("where nodes and cluster agree, it says so", () => {
  expect(say({ orphans: [], unjudged: [] })).toEqual({ exitCode: 0, output: "nodes and cluster agree\n" });
});

test("what cannot be judged is a complaint, and no agreement", () => {
  expect(say({ orphans: [], unjudged: [unjudged] })).toEqual({
    exitCode: 2,
    output: "nothing is known to be an orphan\n",
    complaint: "it cannot be said of all:\n- node worker-2: it is away: it is silent",
  });
});

test("orphans are listed, also those of no node, and their number is no success", () => {
  const gone = { ...orphan, kind: "persistentvolume", name: "pv\u0007", node: "", pool: "" } as const;
  const { exitCode, output } = say({ orphans: [orphan, gone], unjudged: [] });
  expect(exitCode).toBe(4);
  expect(output.split("\n").map((line) => line.replaceAll(/ +/g, " ").trim())).toEqual([
    "KIND NAME NODE POOL CREATED WHY",
    "volume v-1 worker-1 fast 2026-11-01T00:00:00.000Z no PersistentVolume has it",
    expect.stringMatching(/^persistentvolume pv\P{Cc}* - - /u),
    "",
    "Nothing was changed. What to do with each: docs/guides/orphans.md.",
    "",
  ]);
});

test("as JSON it is what the controller said", () => {
  const list = { orphans: [{ ...orphan, uid: "u" }], unjudged: [unjudged] };
  expect(JSON.parse(say(list, true).output)).toEqual(list);
});

test.each(["", "{}", '{"orphans":[{"kind":"none"}],"unjudged":[]}'])("%j is no answer", (json) => {
  expect(() => parseClusterOrphans(json)).toThrow(/answer of the controller/);
});
