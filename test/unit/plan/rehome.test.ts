import { describe, expect, test } from "vitest";

import type { PoolUuid } from "../../../src/core/ids.ts";
import { planRehome, type RehomeNote, type RehomeSight, type VolumeSight } from "../../../src/plan/rehome.ts";

const POOL = "0123456789abcdef0123456789abcdef" as PoolUuid;

const volume = (changes: Partial<VolumeSight> = {}): VolumeSight => ({
  name: "pv-1",
  uid: "old",
  handle: `v-${POOL}-00000000000000000001`,
  policy: "Delete",
  isRetained: changes.policy === "Retain",
  phase: "Bound",
  finalizers: ["kubernetes.io/pv-protection"],
  isLeaving: false,
  claim: { namespace: "shop", name: "data", uid: "claim" },
  home: "node-a",
  ...changes,
});
const note = (changes: Partial<RehomeNote> = {}): RehomeNote => ({
  before: volume(),
  to: "node-b",
  ...changes,
});
const made = (changes: Partial<VolumeSight> = {}): VolumeSight =>
  volume({ uid: "new", home: "node-b", policy: "Retain", ...changes });

const sight = (changes: Partial<RehomeSight>): RehomeSight => ({
  pool: POOL,
  node: "node-b",
  to: "node-b",
  label: "node-b",
  volumes: [],
  notes: [],
  ...changes,
});

const stepsOf = (changes: Partial<RehomeSight>): readonly string[] => {
  const [only] = planRehome(sight(changes)).volumes;
  return only?.steps.map(({ kind }) => kind) ?? [];
};

describe("a PersistentVolume of the pool", () => {
  test("is retained, noted, deleted, made again, given its policy back, forgotten", () => {
    expect(planRehome(sight({ volumes: [volume()] }))).toEqual({
      refused: [],
      volumes: [
        {
          name: "pv-1",
          claim: "shop/data",
          from: "node-a",
          policy: "Delete",
          steps: ["retain", "note", "remove", "create", "restore-policy", "forget"].map((kind) => ({ kind })),
        },
      ],
      done: [],
      left: [],
    });
  });

  test("that is retained anyway stays so", () => {
    expect(stepsOf({ volumes: [volume({ policy: "Retain" })] })).toEqual([
      "note",
      "remove",
      "create",
      "forget",
    ]);
  });

  test.each(["Released", "Failed"])("whose claim is gone and that is %s goes with its volume", (phase) => {
    expect(planRehome(sight({ volumes: [volume({ phase })] }))).toMatchObject({
      volumes: [],
      left: [{ name: "pv-1", problem: "its claim is gone, and it is being deleted with its volume" }],
    });
    expect(stepsOf({ volumes: [volume({ phase, policy: "Retain" })] })).toHaveLength(4);
  });

  test("that is there already is left alone", () => {
    expect(planRehome(sight({ volumes: [volume({ home: "node-b" })] })).done).toEqual(["pv-1"]);
  });
});

describe("what was cut short is ended", () => {
  test("after Retain: what its policy was is known", () => {
    expect(stepsOf({ volumes: [volume({ isRetained: true })] })).toEqual([
      "note",
      "remove",
      "create",
      "restore-policy",
      "forget",
    ]);
  });

  test.each([
    [
      "when somebody took Retain away",
      { volumes: [volume()] },
      ["retain", "remove", "create", "restore-policy", "forget"],
    ],
    [
      "after the note",
      { volumes: [volume({ isRetained: true })] },
      ["remove", "create", "restore-policy", "forget"],
    ],
    [
      "while finalizers hold it",
      { volumes: [volume({ isRetained: true, isLeaving: true })] },
      ["remove", "create", "restore-policy", "forget"],
    ],
    ["when it is gone", { volumes: [] }, ["create", "restore-policy", "forget"]],
    ["when it was made again", { volumes: [made()] }, ["restore-policy", "forget"]],
    ["when it has its policy", { volumes: [made({ policy: "Delete" })] }, ["restore-policy", "forget"]],
    ["when its claim has gone meanwhile", { volumes: [made({ phase: "Released" })] }, ["forget"]],
  ])("%s", (_when, changes, steps) => {
    expect(stepsOf({ ...changes, notes: [note()] })).toEqual(steps);
  });

  test.each([
    ["of another volume", made({ handle: `v-${POOL}-00000000000000000002` })],
    ["on another node", made({ home: "node-c" })],
    ["for another claim", made({ claim: { namespace: "shop", name: "data", uid: "other" } })],
  ])("but not where one %s has its name", (_what, present) => {
    const plan = planRehome(sight({ volumes: [present], notes: [note()] }));
    expect([plan.volumes, plan.left]).toEqual([
      [],
      [{ name: "pv-1", problem: expect.stringMatching(/another one of its name/) as string }],
    ]);
  });

  test("and not where it is being deleted with its volume", () => {
    const going = volume({ phase: "Released" });
    expect(planRehome(sight({ volumes: [going], notes: [note()] }))).toMatchObject({
      volumes: [],
      left: [{ name: "pv-1", problem: expect.stringMatching(/its claim is gone/) as string }],
    });
  });

  test("and not to another node", () => {
    expect(planRehome(sight({ notes: [note({ to: "node-c" })] })).left).toEqual([
      { name: "pv-1", problem: "it is on its way to node-c: end that first (--to node-c)" },
    ]);
  });
});

describe("it is refused", () => {
  test("for a node that has not the label, or another", () => {
    const { label: _label, ...without } = sight({ volumes: [volume()] });
    for (const each of [without, sight({ label: "node-x" })])
      expect(planRehome(each).refused).toEqual([expect.stringMatching(/^node node-b has no label/)]);
  });

  test("where the pool is open on another node, and only there", () => {
    expect(planRehome(sight({ reportedBy: ["node-a"] })).refused).toEqual([
      `pool ${POOL} is open on node-a, and not on node-b`,
    ]);
    for (const reportedBy of [[], ["node-b"], ["node-a", "node-b"]])
      expect(planRehome(sight({ reportedBy })).refused).toEqual([]);
  });
});
