import { describe, expect, test } from "vitest";
import { objectKey, snapshotId, volumeId, isPoolUuid } from "../../../src/core/ids.ts";
import {
  clusterOrphans,
  ORPHAN_GRACE_MS,
  type ClusterObject,
  type ClusterView,
  type ListedObject,
} from "../../../src/plan/cluster-orphans.ts";

const NOW = Date.UTC(2026, 10, 1);
const OLD = new Date(NOW - ORPHAN_GRACE_MS).toISOString();
const YOUNG = new Date(NOW - ORPHAN_GRACE_MS + 1).toISOString();
const OURS = "uid-of-this-cluster";

const uuidOf = (digit: string) => {
  const uuid = digit.repeat(32);
  if (!isPoolUuid(uuid)) throw new RangeError(uuid);
  return uuid;
};
const keyOf = (index: number) => objectKey(index.toString(16).padStart(20, "0"));
const volume = (index: number, pool = "a"): string => volumeId(uuidOf(pool), keyOf(index));
const snapshot = (index: number): string => snapshotId(uuidOf("a"), keyOf(index));

const held = (id: string, changes: Partial<ListedObject> = {}): ListedObject => ({
  id,
  kind: id.startsWith("v") ? "volume" : "snapshot",
  createdAt: OLD,
  clusterUid: OURS,
  ...changes,
});

const known = (name: string, handle: string, changes: Partial<ClusterObject> = {}): ClusterObject => ({
  name,
  uid: `uid-${name}`,
  handle,
  createdAt: OLD,
  settled: true,
  ...changes,
});

function look(
  objects: readonly ListedObject[],
  volumes: readonly ClusterObject[],
  changes: Partial<ClusterView> = {},
) {
  const pools = [{ uuid: uuidOf("a"), name: "fast", node: "node-a", objects }];
  const view = { clusterUid: OURS, pools, unlisted: [], volumes, contents: [], now: NOW, ...changes };
  const { orphans, unjudged } = clusterOrphans(view);
  return {
    orphans: orphans.map(({ kind, name, node }) => [kind, name, node]),
    unjudged: unjudged.map(({ name, why }) => `${name}: ${why}`),
  };
}

const AGREED = { orphans: [], unjudged: [] };

test("what both know is no orphan", () => {
  const contents = [known("content", snapshot(2))];
  expect(look([held(volume(1)), held(snapshot(2))], [known("pv", volume(1))], { contents })).toEqual(AGREED);
});

describe("a volume that no PersistentVolume has", () => {
  test("is one", () => {
    expect(look([held(volume(1)), held(volume(2))], [known("pv", volume(2))])).toEqual({
      orphans: [["volume", volume(1), "node-a"]],
      unjudged: [],
    });
  });

  test.each([
    ["is young", { createdAt: YOUNG }],
    ["is of another cluster", { clusterUid: "uid-of-another" }],
  ])("is none where it %s", (_what, changes) => {
    expect(look([held(volume(1), changes)], [])).toEqual(AGREED);
  });

  test("is not judged where it does not say whose it is", () => {
    expect(look([held(volume(1), { clusterUid: "" }), held(volume(2), { clusterUid: "" })], [])).toEqual({
      orphans: [],
      unjudged: [
        "pool fast of node node-a: 2 volumes that no PersistentVolume has do not say which cluster made them",
      ],
    });
  });

  test("is none where a retained PersistentVolume has it, that nobody claims any more", () => {
    expect(look([held(volume(1))], [known("pv", volume(1))])).toEqual(AGREED);
  });

  test("is none where its PersistentVolume is being deleted", () => {
    expect(look([held(volume(1))], [known("pv", volume(1), { settled: false })])).toEqual(AGREED);
  });
});

describe("a PersistentVolume whose volume is on no node", () => {
  test("is one where its pool was listed", () => {
    expect(look([], [known("pv", volume(1))])).toEqual({
      orphans: [["persistentvolume", "pv", "node-a"]],
      unjudged: [],
    });
  });

  test("is one where no node can have such a volume", () => {
    expect(look([], [known("pv", "vol-123")]).orphans).toEqual([["persistentvolume", "pv", ""]]);
  });

  test("is not judged where its pool was not listed", () => {
    expect(look([], [known("pv-1", volume(1, "b")), known("pv-2", volume(2, "b"))])).toEqual({
      orphans: [],
      unjudged: [`pool ${uuidOf("b")}: 2 persistentvolumes are of it, and it could not be listed`],
    });
  });

  test.each([
    ["is young", { createdAt: YOUNG }],
    ["is being deleted", { settled: false }],
  ])("is none where it %s", (_what, changes) => {
    expect(look([], [known("pv", volume(1), changes)])).toEqual(AGREED);
  });
});

describe("snapshots and their contents", () => {
  test("are compared likewise", () => {
    const contents = [known("content", snapshot(2))];
    expect(look([held(snapshot(1))], [], { contents }).orphans).toEqual([
      ["snapshot", snapshot(1), "node-a"],
      ["volumesnapshotcontent", "content", "node-a"],
    ]);
  });

  test("are no orphans while a content waits for a snapshot that may be this one", () => {
    const { handle: _, ...waits } = known("content", "");
    expect(look([held(snapshot(1))], [], { contents: [waits] })).toEqual(AGREED);
  });

  test("are not judged where the cluster does not have the kind", () => {
    expect(look([held(snapshot(1))], [], { contents: undefined })).toEqual({
      orphans: [],
      unjudged: ["snapshots: the cluster has no VolumeSnapshotContents"],
    });
  });
});

test("what could not be listed is said", () => {
  const unlisted = [{ name: "node node-b", why: "it is away: it is silent" }];
  expect(look([], [], { unlisted }).unjudged).toEqual(["node node-b: it is away: it is silent"]);
});
