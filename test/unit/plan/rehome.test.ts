import { describe, expect, test } from "vitest";

import type { PoolUuid } from "../../../src/core/ids.ts";
import { planRehome, STAYS_RETAINED, type RehomeSight, type VolumeSight } from "../../../src/plan/rehome.ts";

const POOL = "0123456789abcdef0123456789abcdef" as PoolUuid;

const volume = (changes: Partial<VolumeSight> = {}): VolumeSight => ({
  name: "pv-1",
  uid: "old",
  handle: `v-${POOL}-00000000000000000001`,
  policy: "Delete",
  isRetained: changes.policy === "Retain" || changes.isMarked === true,
  isMarked: false,
  phase: "Bound",
  finalizers: ["kubernetes.io/pv-protection"],
  isLeaving: false,
  claim: { namespace: "shop", name: "data", uid: "claim" },
  home: "node-a",
  ...changes,
});
/** As it is noted: it was retained before. */
const noted = volume({ isMarked: true });
/** At its new place, and to get its policy back. */
const made = (changes: Partial<VolumeSight> = {}): VolumeSight =>
  volume({ uid: "new", home: "node-b", isMarked: true, ...changes });

const sight = (changes: Partial<RehomeSight>): RehomeSight => ({
  pool: POOL,
  node: "node-b",
  to: "node-b",
  label: "node-b",
  volumes: [],
  noted: [],
  ...changes,
});

const stepsOf = (changes: Partial<RehomeSight>): readonly string[] => {
  const [only] = planRehome(sight(changes)).volumes;
  return only?.steps.map(({ kind }) => kind) ?? [];
};

describe("a PersistentVolume of the pool", () => {
  test("is retained, noted, deleted, made again, forgotten, given its policy back", () => {
    expect(planRehome(sight({ volumes: [volume()] }))).toEqual({
      refused: [],
      volumes: [
        {
          name: "pv-1",
          claim: "shop/data",
          from: "node-a",
          policy: "Delete",
          steps: ["retain", "note", "remove", "create", "forget", "restore-policy"].map((kind) => ({ kind })),
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
  const TO_THE_END = ["remove", "create", "forget", "restore-policy"];

  test.each([
    ["after Retain: what its policy was is known", volume({ isMarked: true }), ["note", ...TO_THE_END]],
    ["when it is noted no more, and not yet given its policy back", made(), ["restore-policy"]],
    [
      "when the pool is home again, and nothing was done but Retain",
      volume({ isMarked: true, home: "node-b" }),
      ["restore-policy"],
    ],
  ])("%s", (_when, present, steps) => {
    expect(stepsOf({ volumes: [present] })).toEqual(steps);
  });

  test.each([
    ["when somebody took Retain away", [volume()], ["retain", ...TO_THE_END]],
    ["after the note", [noted], TO_THE_END],
    ["while finalizers hold it", [volume({ isMarked: true, isLeaving: true })], TO_THE_END],
    ["when it is gone", [], ["create", "forget", "restore-policy"]],
    ["when it was made again", [made()], ["forget", "restore-policy"]],
    [
      "when the pool is home again, and it was noted",
      [volume({ isMarked: true, home: "node-b" })],
      ["forget", "restore-policy"],
    ],
    [
      "when the pool is home again, and somebody has deleted it",
      [volume({ isMarked: true, home: "node-b", isLeaving: true })],
      TO_THE_END,
    ],
    [
      "when it was made for a node that is none any more",
      [made({ home: "node-c" })],
      ["forget", "note", ...TO_THE_END],
    ],
  ])("%s", (_when, volumes, steps) => {
    expect(stepsOf({ volumes, noted: [noted] })).toEqual(steps);
  });

  test("of one that was retained before nobody knows another policy", () => {
    const retained = volume({ policy: "Retain" });
    expect(stepsOf({ noted: [retained] })).toEqual(["create", "forget"]);
    expect(stepsOf({ noted: [retained], volumes: [made({ policy: "Retain", isMarked: false })] })).toEqual([
      "forget",
    ]);
  });

  test.each([
    ["that was not noted", {}],
    ["that was noted", { noted: [noted] }],
  ])("one %s, whose claim has gone, stays retained, and that is said", (_which, more) => {
    const released = made({ phase: "Released", policy: "Retain" });
    expect(planRehome(sight({ volumes: [released], ...more })).volumes).toMatchObject([
      { policy: "Retain", remark: STAYS_RETAINED },
    ]);
  });

  test.each([
    ["of another volume", made({ handle: `v-${POOL}-00000000000000000002` })],
    ["at no one place", (({ home: _home, ...nowhere }) => nowhere)(made())],
    ["for another claim", made({ claim: { namespace: "shop", name: "data", uid: "other" } })],
  ])("but not where one %s has its name", (_what, present) => {
    const plan = planRehome(sight({ volumes: [present], noted: [noted] }));
    expect([plan.volumes, plan.left]).toEqual([
      [],
      [{ name: "pv-1", problem: expect.stringMatching(/another one of its name/) as string }],
    ]);
  });

  test("and not where it is being deleted with its volume", () => {
    const going = volume({ phase: "Released" });
    expect(planRehome(sight({ volumes: [going], noted: [noted] }))).toMatchObject({
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
