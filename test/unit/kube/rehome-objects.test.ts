import { describe, expect, test } from "vitest";

import { TOPOLOGY_KEY, type PoolUuid } from "../../../src/core/ids.ts";
import {
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
const MARK = retention(bound()).metadata.annotations;

test("one that is retained in order to be moved says what its policy was, until it has it back", () => {
  const before = bound({ annotations: { own: "kept" } });
  const change = retention(before);
  expect(change.spec.persistentVolumeReclaimPolicy).toBe("Retain");
  const retained = bound({ annotations: { own: "kept", ...change.metadata.annotations }, policy: "Retain" });
  expect(sightOf(before)).toMatchObject({ policy: "Delete", isRetained: false, isMarked: false });
  expect(sightOf(retained)).toEqual({ ...sightOf(before), isRetained: true, isMarked: true });
  expect(movedVolume(retained, "node-b")).toMatchObject({
    metadata: { annotations: { own: "kept", ...MARK } },
    spec: { persistentVolumeReclaimPolicy: "Retain" },
  });
  const [mark] = Object.keys(MARK);
  expect(restoration("Delete")).toEqual({
    metadata: { annotations: { [mark ?? ""]: null } },
    spec: { persistentVolumeReclaimPolicy: "Delete" },
  });
});

test.each([
  ["that has its claim", {}, "Delete"],
  ["that nobody calls anything yet", { phase: "" }, "Delete"],
  ["whose claim is gone", { phase: "Released" }, "Retain"],
  ["that could not be deleted", { phase: "Failed" }, "Retain"],
  ["that another claim has now", { claim: "d" }, "Retain"],
  ["that no claim has now", { claim: "", phase: "Available" }, "Retain"],
  ["with a mark of somebody else", { annotations: { [Object.keys(MARK)[0] ?? ""]: "Recycle/c" } }, "Retain"],
])("a marked one %s is to be %s", (_what, changes, policy) => {
  const volume = bound({ annotations: MARK, policy: "Retain", ...changes });
  expect(sightOf(volume)).toMatchObject({ policy, isMarked: true, isRetained: true });
});

test("one that never had a claim gets its policy back as well", () => {
  const free = bound({ claim: "", phase: "Available" });
  const { annotations } = retention(free).metadata;
  expect(sightOf(bound({ annotations, policy: "Retain", claim: "", phase: "Available" })).policy).toBe(
    "Delete",
  );
});

test("a note holds the whole of it", () => {
  const volume = parseVolume(object([{ matchExpressions: [only] }]));
  expect(parseNote(noteObject(volume, POOL))).toEqual({ object: volume, before: sightOf(volume) });
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
