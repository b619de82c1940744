import { describe, expect, test } from "vitest";

import type { PoolUuid } from "../../../src/core/ids.ts";
import {
  planRehome,
  STAYS_RETAINED,
  type RehomeNote,
  type RehomeSight,
  type VolumeSight,
} from "../../../src/plan/rehome.ts";

const POOL = "0123456789abcdef0123456789abcdef" as PoolUuid;

const MARK = { policy: "Delete", claim: "claim", turn: "t1" };
const volume = (changes: Partial<VolumeSight> = {}): VolumeSight => ({
  name: "pv-1",
  uid: "old",
  revision: 9n,
  handle: `v-${POOL}-00000000000000000001`,
  policy: "Delete",
  isRetained: changes.policy === "Retain" || changes.mark !== undefined,
  phase: "Bound",
  finalizers: ["kubernetes.io/pv-protection"],
  isLeaving: false,
  claim: { namespace: "shop", name: "data", uid: "claim" },
  home: "node-a",
  ...changes,
});
const marked = (changes: Partial<VolumeSight> = {}): VolumeSight => volume({ mark: MARK, ...changes });
/** At its new place, and to get its policy back. */
const made = (changes: Partial<VolumeSight> = {}): VolumeSight =>
  marked({ uid: "new", home: "node-b", ...changes });
const OTHER = { namespace: "shop", name: "other", uid: "other" };
/** It was retained before. */
const note: RehomeNote = { name: "dmthin-rehome-t1", before: marked() };

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

const AFTERWARDS = ["create", "forget", "restore-policy"];
const AT_HOME = ["retain", "forget", "restore-policy"];
const WHOLE = ["retain", "note", "remove", ...AFTERWARDS];

describe("a PersistentVolume of the pool", () => {
  test("is retained, noted, deleted, made again, forgotten, given its policy back", () => {
    expect(planRehome(sight({ volumes: [volume()] }))).toEqual({
      refused: [],
      volumes: [
        {
          name: "pv-1",
          uid: "old",
          isLeaving: false,
          notes: [],
          claim: "shop/data",
          from: "node-a",
          policy: "Delete",
          steps: WHOLE.map((kind) => ({ kind })),
        },
      ],
      done: [],
      left: [],
    });
  });

  test.each(["Released", "Failed"])("whose claim is gone and that is %s goes with its volume", (phase) => {
    expect(planRehome(sight({ volumes: [volume({ phase })] }))).toMatchObject({
      volumes: [],
      left: [{ name: "pv-1", problem: "its claim is gone, and it is being deleted with its volume" }],
    });
    expect(stepsOf({ volumes: [volume({ phase, policy: "Retain" })] })).toEqual(WHOLE);
  });

  test("that is there already is left alone", () => {
    expect(planRehome(sight({ volumes: [volume({ home: "node-b" })] })).done).toEqual(["pv-1"]);
  });

  test("that somebody has deleted is left", () => {
    expect(planRehome(sight({ volumes: [marked({ isLeaving: true })] })).left).toMatchObject([
      { name: "pv-1", problem: "somebody has deleted it, and it is about to go" },
    ]);
  });
});

describe("what was cut short is ended", () => {
  test.each([
    ["after Retain: what its policy was is known", marked(), WHOLE],
    ["when it is not yet given its policy back", made(), AT_HOME],
    ["when the pool is home again, and nothing was done but Retain", marked({ home: "node-b" }), AT_HOME],
  ])("%s", (_when, present, steps) => {
    expect(stepsOf({ volumes: [present] })).toEqual(steps);
  });

  test.each([
    ["when somebody took Retain away", [volume()], WHOLE],
    ["when somebody took the mark away", [volume({ policy: "Retain" })], WHOLE],
    ["after the note, of which another one is made", [marked()], WHOLE],
    ["while finalizers hold it", [marked({ isLeaving: true })], WHOLE],
    ["while finalizers hold it, and somebody took Retain away", [volume({ isLeaving: true })], WHOLE],
    ["when it is gone", [], AFTERWARDS],
    ["when it was made again", [made()], AT_HOME],
    ["when it was made again, and another claim has it now", [made({ claim: OTHER })], AT_HOME],
    [
      "when it was made again, and nobody wants its policy back",
      [volume({ uid: "new", home: "node-b" })],
      ["forget"],
    ],
    ["when the pool is home again, and whoever is at it must stop", [marked({ home: "node-b" })], AT_HOME],
    [
      "when the pool is home again, and somebody has deleted it",
      [marked({ home: "node-b", isLeaving: true })],
      WHOLE,
    ],
    ["when it was made for a node that is none any more", [made({ home: "node-c" })], WHOLE],
  ])("%s", (_when, volumes, steps) => {
    const { volumes: plans } = planRehome(sight({ volumes, notes: [note] }));
    expect(plans).toMatchObject([{ notes: [note.name], steps: steps.map((kind) => ({ kind })) }]);
    expect(plans[0]?.uid).toBe(volumes[0]?.uid);
    expect(plans[0]?.turn).toBe(volumes.length === 0 ? "t1" : volumes[0]?.mark?.turn);
  });

  test("of two notes the one of what was there last counts, and both are forgotten", () => {
    const later = {
      name: "later",
      before: made({ revision: 10n, mark: { ...MARK, turn: "t2" } }),
    };
    for (const notes of [
      [note, later],
      [later, note],
    ])
      expect(planRehome(sight({ notes })).volumes).toMatchObject([
        { turn: "t2", notes: [note.name, "later"], steps: AFTERWARDS.map((kind) => ({ kind })) },
      ]);
  });

  test.each([
    ["that was not noted", []],
    ["that was noted", [note]],
  ])("one %s, whose claim has gone, stays retained, and that is said", (_which, notes) => {
    const released = made({ phase: "Released", policy: "Retain" });
    expect(planRehome(sight({ volumes: [released], notes })).volumes).toMatchObject([
      { policy: "Retain", remark: STAYS_RETAINED },
    ]);
  });

  test("but not where one of another volume has its name", () => {
    const present = made({ handle: `v-${POOL}-00000000000000000002` });
    const plan = planRehome(sight({ volumes: [present], notes: [note] }));
    expect([plan.volumes, plan.left]).toEqual([
      [],
      [{ name: "pv-1", problem: expect.stringMatching(/noted: ConfigMap dmthin-rehome-t1$/) as string }],
    ]);
  });

  test.each(["node-a", "node-b"])("and not where it is being deleted with its volume, on %s", (home) => {
    const going = volume({ phase: "Released", home });
    expect(planRehome(sight({ volumes: [going], notes: [note] }))).toMatchObject({
      volumes: [],
      left: [{ name: "pv-1", problem: expect.stringMatching(/its claim is gone/) as string }],
    });
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
