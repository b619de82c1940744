/** Each reason for which an orphan is not deleted, beside the one case in which it is. */
import { describe, expect, test } from "vitest";
import { groupId, snapshotId, volumeId } from "../../../src/core/ids.ts";
import { cleaningJudge, type CleaningSight, type HeldObject } from "../../../src/plan/orphan-cleaning.ts";
import {
  UUID,
  keyOf,
  VOLUME,
  SNAPSHOT,
  OTHER,
  CLAIM,
  WANTED,
  seenAt,
  NOW,
  GRACE,
  EVERY,
  at,
  volume,
  snapshot,
  known,
  orphan,
  sight,
  memory,
} from "../../support/cleaning-sight.ts";

const whyNot = (id: string, seen: CleaningSight): string => {
  const verdict = cleaningJudge(seen)(id);
  return verdict.kind === "refuse" ? verdict.why : "it is deleted";
};

test("an orphan that nothing speaks for is deleted, and it is said what it is", () => {
  expect(cleaningJudge(sight([volume()]))(VOLUME)).toEqual({
    kind: "clean",
    object: {
      kind: "volume",
      name: `pvc-${CLAIM}`,
      node: "node-a",
      pool: "fast",
      size: 4096n,
      createdAt: at(2 * GRACE),
      orphanSince: at(1000 + GRACE),
    },
  });
  expect(cleaningJudge(sight([snapshot()]))(SNAPSHOT).kind).toBe("clean");
});

describe("a volume is refused", () => {
  test.each<[string, HeldObject, Partial<CleaningSight>, RegExp]>([
    [
      "where a PersistentVolume has it, retained or not",
      volume(),
      { volumes: [known("pv", VOLUME, "Released, Retain")] },
      /^PersistentVolume pv has it \(Released, Retain\); it is no orphan/,
    ],
    [
      "where one that was made by hand has it",
      volume(),
      { volumes: [known("by-hand", VOLUME)] },
      /^PersistentVolume by-hand has it; /,
    ],
    [
      "where a PersistentVolume has no handle yet",
      volume(),
      { volumes: [known("pv", undefined)] },
      /^PersistentVolume pv has no handle yet/,
    ],
    [
      "where its pool could not be listed",
      volume(),
      { pools: [], list: { orphans: [], unjudged: [{ name: "node node-a", why: "it is away: silent" }] } },
      /^its pool a{32} could not be listed as a whole: node node-a: it is away: silent$/,
    ],
    ["of another cluster", volume({ clusterUid: "theirs" }), {}, /^another cluster made it .*theirs/],
    ["of no cluster that is known", volume({ clusterUid: "" }), {}, /^it does not say which cluster made it/],
    ["that is staged", volume({ staged: true }), {}, /^it is staged on node node-a; end the pods/],
    [
      "whose claim is there",
      volume(),
      { claims: { byUid: new Map([[CLAIM, "apps/data"]]), byVolume: new Map() } },
      /^claim apps\/data, for which it was made, is still there/,
    ],
    [
      "that a claim of a backup waits for by name",
      volume(),
      { claims: { byUid: new Map(), byVolume: new Map([[volume().name, "apps/data"]]) } },
      /^claim apps\/data waits for PersistentVolume/,
    ],
    ["whose name says no claim", volume({ name: "data" }), {}, /^its name "data" does not say/],
    ["that is young", volume({ createdAt: at(GRACE - 1) }), {}, /^it was made at .*; wait until /],
    ["made at no time", volume({ createdAt: "?" }), {}, /^it was made at \?; wait until a time that nobody/],
    [
      "that two lists do not agree about",
      volume(),
      { list: { orphans: [], unjudged: [] } },
      /^two lists of its node/,
    ],
    ["before any look", volume(), { memory: undefined }, /^no controller has looked for orphans yet/],
    [
      "where looks have stopped",
      volume(),
      { memory: memory(3 * EVERY + 1, GRACE) },
      /^no controller has .* since/,
    ],
    ["that no look has found", volume(), { memory: memory(1000) }, /^no look has found it there yet/],
    [
      "that was an orphan on another node till now",
      volume(),
      { memory: { lookedAt: NOW - 1000, since: new Map([[seenAt(VOLUME, "node-b"), NOW - 1000 - GRACE]]) } },
      /^no look has found it there yet/,
    ],
    [
      "within its grace period",
      volume(),
      { memory: memory(1000, GRACE - 1) },
      /^it is an orphan since .*; the grace period ends with the first look after/,
    ],
    [
      "whose grace period no look has ended",
      volume(),
      { memory: memory(1000, GRACE + 999) },
      /^it is an orphan since .*; the grace period ends with the first look after/,
    ],
    [
      "of a node that does not say what depends on it",
      (({ source: _source, ...rest }) => rest)(volume()),
      {},
      /^the driver of node node-a is older/,
    ],
  ])("%s", (_what, object, changes, why) => {
    expect(whyNot(VOLUME, sight([object], changes))).toMatch(why);
  });

  test("that has snapshots, which are named", () => {
    const cuts = [4, 5, 6, 7].map((index) =>
      snapshot({ id: snapshotId(UUID, keyOf(index)), source: VOLUME }),
    );
    expect(whyNot(VOLUME, sight([volume(), ...cuts]))).toMatch(/^it has snapshots: s-.* and 1 more; delete/);
  });

  test("that is not in its pool", () => {
    expect(whyNot(VOLUME, sight([]))).toMatch(/^its pool fast of node node-a does not have it/);
  });
});

describe("a snapshot is refused", () => {
  test.each<[string, readonly HeldObject[], Partial<CleaningSight>, RegExp]>([
    [
      "where a VolumeSnapshotContent has it",
      [snapshot()],
      { contents: [known("content", SNAPSHOT)] },
      /^VolumeSnapshotContent content has it/,
    ],
    [
      "where one may be about to get it",
      [snapshot()],
      { contents: [known("content", undefined)] },
      /^VolumeSnapshotContent content has no handle yet/,
    ],
    [
      "where a VolumeSnapshotContent names it beside another",
      [snapshot()],
      { contents: [{ ...known("content", OTHER), otherHandle: SNAPSHOT }] },
      /^VolumeSnapshotContent content has it/,
    ],
    [
      "whose VolumeSnapshot is there, and has no content",
      [snapshot()],
      { snapshots: { byUid: new Map([[WANTED, "apps/nightly"]]), byContent: new Map() } },
      /^VolumeSnapshot apps\/nightly, for which it was made, is still there/,
    ],
    [
      "that a VolumeSnapshot of a backup waits for by the name of its content",
      [snapshot()],
      { snapshots: { byUid: new Map(), byContent: new Map([[`snapcontent-${WANTED}`, "apps/nightly"]]) } },
      /^VolumeSnapshot apps\/nightly waits for VolumeSnapshotContent snapcontent-/,
    ],
    [
      "whose name says no VolumeSnapshot",
      [snapshot({ name: "nightly" })],
      {},
      /^its name "nightly" does not say for which VolumeSnapshot/,
    ],
    [
      "where the cluster has no VolumeSnapshots",
      [snapshot()],
      { snapshots: undefined },
      /^the cluster has no VolumeSnapshots/,
    ],
    ["where the cluster has no contents", [snapshot()], { contents: undefined }, /^the cluster has no Vol/],
    [
      "where volumes were made from it",
      [snapshot(), volume({ source: SNAPSHOT })],
      {},
      new RegExp(`^volumes were made from it: ${VOLUME}; delete those first$`),
    ],
    ["that is one of a group", [snapshot({ group: "g-1" })], {}, /^it is part of group snapshot g-1/],
  ])("%s", (_what, objects, changes, why) => {
    expect(whyNot(SNAPSHOT, sight(objects, changes))).toMatch(why);
  });

  test("though it is of the volume that another one is of, it is not", () => {
    expect(whyNot(SNAPSHOT, sight([snapshot(), snapshot({ id: OTHER })]))).toBe("it is deleted");
  });
});

test.each([
  [groupId(UUID, keyOf(1)), /^it is a group snapshot/],
  ["pvc-1", /^it is no id of a volume or snapshot of dmthin; a PersistentVolume/],
])("%s is refused", (id, why) => {
  expect(whyNot(id, sight([volume()]))).toMatch(why);
});

test("very many are judged in the time of few", () => {
  const count = 20_000;
  const ids = Array.from({ length: count }, (_each, index) => volumeId(UUID, keyOf(index)));
  const seen = sight(
    ids.map((id) => volume({ id })),
    {
      volumes: ids.map((_id, index) => known(`pv-${index}`, volumeId(UUID, keyOf(count + index)))),
      list: { orphans: ids.map((id) => orphan(id)), unjudged: [] },
    },
  );
  const judge = cleaningJudge(seen);
  const begin = performance.now();
  expect(ids.filter((id) => judge(id).kind === "refuse")).toHaveLength(count - 1);
  // Looking each of them up in lists takes a minute.
  expect(performance.now() - begin).toBeLessThan(5000);
});
