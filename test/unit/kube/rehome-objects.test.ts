import { describe, expect, test } from "vitest";

import { TOPOLOGY_KEY, type PoolUuid } from "../../../src/core/ids.ts";
import {
  movedVolume,
  openOn,
  parseNote,
  noteObject,
  parseVolume,
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

test("one that is retained in order to be moved says what its policy was, until it is made again", () => {
  const { metadata, spec, ...rest } = object([{ matchExpressions: [only] }]);
  const before = parseVolume({ metadata: { ...metadata, annotations: { own: "kept" } }, spec, ...rest });
  const change = retention(before);
  const retained = parseVolume({
    metadata: { ...metadata, annotations: { own: "kept", ...change.metadata.annotations } },
    spec: { ...spec, ...change.spec },
    ...rest,
  });
  expect(retained.spec.persistentVolumeReclaimPolicy).toBe("Retain");
  expect(sightOf(retained)).toEqual({ ...sightOf(before), isRetained: true });
  expect(sightOf(before)).toMatchObject({ policy: "Delete", isRetained: false });
  expect(movedVolume(retained, "node-b")).toMatchObject({ metadata: { annotations: { own: "kept" } } });
  const moved = parseVolume({
    ...movedVolume(retained, "node-b"),
    metadata: {
      ...(movedVolume(retained, "node-b") as typeof retained).metadata,
      uid: "n",
      resourceVersion: "2",
    },
  });
  expect(moved.metadata.annotations).toEqual({ own: "kept" });
  expect(sightOf(moved).policy).toBe("Retain");
});

test("an annotation that somebody else wrote is no policy", () => {
  const { metadata, spec, ...rest } = object([]);
  const annotations = { "dmthin.io/reclaim-policy-before-rehome": "Recycle" };
  const retained = { ...spec, persistentVolumeReclaimPolicy: "Retain" };
  const volume = parseVolume({ metadata: { ...metadata, annotations }, spec: retained, ...rest });
  expect(sightOf(volume).policy).toBe("Retain");
});

test("a note holds the whole of it", () => {
  const volume = parseVolume(object([{ matchExpressions: [only] }]));
  expect(parseNote(noteObject(volume, POOL, "node-b"))).toEqual({
    object: volume,
    before: sightOf(volume),
    to: "node-b",
  });
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
