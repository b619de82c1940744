import { describe, expect, test } from "vitest";

import { TOPOLOGY_KEY, type PoolUuid } from "../../../src/core/ids.ts";
import {
  claimState,
  movedVolume,
  openOn,
  parseNote,
  noteObject,
  parseVolume,
  restoration,
  retention,
  sightOf,
} from "../../../src/kube/rehome-objects.ts";

const POOL = "0123456789abcdef0123456789abcdef" as PoolUuid;
const only = { key: TOPOLOGY_KEY, operator: "In", values: ["node-a"] };

const object = (terms: readonly unknown[]) => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: {
    name: "pv-1",
    uid: "u",
    resourceVersion: "1",
    unknownToUs: true,
    managedFields: [{ manager: "x" }],
  },
  spec: {
    csi: {
      driver: "csi.dmthin.io",
      volumeHandle: `v-${POOL}-00000000000000000001`,
      fieldOfTomorrow: { a: 1 },
    },
    persistentVolumeReclaimPolicy: "Delete",
    nodeAffinity: { required: { nodeSelectorTerms: terms } },
  },
  status: { phase: "Bound" },
});

describe("where a PersistentVolume is", () => {
  test.each([
    ["one node", [{ matchExpressions: [only] }], "node-a"],
    ["the same twice", [{ matchExpressions: [only] }, { matchExpressions: [only] }], "node-a"],
    ["two nodes", [{ matchExpressions: [{ ...only, values: ["node-a", "node-b"] }] }], undefined],
    [
      "one or the other",
      [{ matchExpressions: [only] }, { matchExpressions: [{ ...only, values: ["b"] }] }],
      undefined,
    ],
    ["not that node", [{ matchExpressions: [{ ...only, operator: "NotIn" }] }], undefined],
    ["another label as well", [{ matchExpressions: [only, { ...only, key: "zone" }] }], undefined],
    ["a field as well", [{ matchExpressions: [only], matchFields: [{}] }], undefined],
    ["nowhere", [], undefined],
  ])("%s", (_what, terms, home) => {
    expect(sightOf(parseVolume(object(terms))).home).toBe(home);
  });
});

test("one that is made again keeps fields that are unknown here", () => {
  const moved = movedVolume(parseVolume(object([{ matchExpressions: [only] }])), "node-b");
  expect(moved).toMatchObject({
    metadata: { name: "pv-1" },
    spec: {
      csi: { fieldOfTomorrow: { a: 1 } },
      persistentVolumeReclaimPolicy: "Retain",
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ ...only, values: ["node-b"] }] }] },
      },
    },
  });
  expect(moved).not.toHaveProperty("status");
  expect(moved).not.toHaveProperty("metadata.uid");
});

/** A PersistentVolume with its claim, and those changes to its parts. */
const bound = ({
  annotations = {},
  policy = "Delete",
  claim = "c",
  phase = "Bound",
}: {
  readonly annotations?: object;
  readonly policy?: string;
  readonly claim?: string;
  readonly phase?: string;
} = {}) => {
  const { metadata, spec } = object([{ matchExpressions: [only] }]);
  const claimRef = claim === "" ? {} : { claimRef: { namespace: "shop", name: "data", uid: claim } };
  return parseVolume({
    metadata: { ...metadata, annotations },
    spec: { ...spec, ...claimRef, persistentVolumeReclaimPolicy: policy },
    status: { phase },
  });
};
const MARK = retention(bound(), "t1").metadata.annotations;
const [KEY = ""] = Object.keys(MARK);

test("one that is retained in order to be moved says what its policy was, until it has it back", () => {
  const before = bound({ annotations: { own: "kept" } });
  const change = retention(before, "t1");
  expect(change.spec.persistentVolumeReclaimPolicy).toBe("Retain");
  const retained = bound({ annotations: { own: "kept", ...change.metadata.annotations }, policy: "Retain" });
  expect(sightOf(before)).toMatchObject({ policy: "Delete", isRetained: false });
  expect(sightOf(before)).not.toHaveProperty("mark");
  const mark = { policy: "Delete", claim: "c", turn: "t1" };
  expect(sightOf(retained)).toEqual({ ...sightOf(before), isRetained: true, mark });
  expect(movedVolume(retained, "node-b")).toMatchObject({
    metadata: { annotations: { own: "kept", ...MARK } },
    spec: { persistentVolumeReclaimPolicy: "Retain" },
  });
  expect(restoration("Delete")).toEqual({
    metadata: { annotations: { [KEY]: null } },
    spec: { persistentVolumeReclaimPolicy: "Delete" },
  });
});

test("whoever takes the next turn keeps the policy that it had", () => {
  const retained = bound({ annotations: MARK, policy: "Retain" });
  const { annotations } = retention(retained, "t2").metadata;
  expect(sightOf(bound({ annotations, policy: "Retain" }))).toMatchObject({
    policy: "Delete",
    mark: { policy: "Delete", turn: "t2" },
  });
});

test.each([
  ["that has its claim", {}, "Delete"],
  ["that nobody calls anything yet", { phase: "" }, "Delete"],
  ["whose claim is gone", { phase: "Released" }, "Retain"],
  ["that could not be deleted", { phase: "Failed" }, "Retain"],
  ["that another claim has now", { claim: "d" }, "Retain"],
  ["that no claim has now", { claim: "", phase: "Available" }, "Retain"],
])("a marked one %s is to be %s", (_what, changes, policy) => {
  const volume = bound({ annotations: MARK, policy: "Retain", ...changes });
  expect(sightOf(volume)).toMatchObject({ policy, isRetained: true });
});

test.each(["Delete/c", "[]", "{}", JSON.stringify({ policy: "Recycle", claim: "c", turn: "t1" })])(
  "an annotation %s that somebody else wrote is no policy",
  (text) => {
    expect(sightOf(bound({ annotations: { [KEY]: text }, policy: "Retain" })).policy).toBe("Retain");
  },
);

test("one that never had a claim gets its policy back as well", () => {
  const { annotations } = retention(bound({ claim: "", phase: "Available" }), "t1").metadata;
  const free = bound({ annotations, policy: "Retain", claim: "", phase: "Available" });
  expect(sightOf(free).policy).toBe("Delete");
});

test("a note holds the whole of it, under the name of the turn", () => {
  const volume = parseVolume(object([{ matchExpressions: [only] }]));
  const note = noteObject(volume, POOL, "t1");
  expect(parseNote(note)).toEqual({ name: "dmthin-rehome-t1", object: volume, before: sightOf(volume) });
});

test.each([
  ["that one", { metadata: { uid: "c" }, status: { phase: "Bound" } }, true, false],
  ["called Lost", { metadata: { uid: "c" }, status: { phase: "Lost" } }, true, true],
  ["about to go", { metadata: { uid: "c", deletionTimestamp: "now" } }, false, false],
  ["another one", { metadata: { uid: "d" }, status: { phase: "Lost" } }, false, false],
])("a claim that is %s", (_what, claim, isThere, isLost) => {
  expect(claimState(claim, "c")).toEqual({ isThere, isLost });
});

test.each([
  ["rw", "node-a"],
  ["failed", "node-a"],
  ["not-open", undefined],
  ["unknown", undefined],
])("a ThinPool of mode %s says that the pool is open on %s", (mode, node) => {
  expect(openOn({ spec: { node: "node-a" }, status: { uuid: POOL, mode } }, POOL)).toBe(node);
  expect(openOn({ spec: { node: "node-a" }, status: { uuid: "other", mode } }, POOL)).toBeUndefined();
});
