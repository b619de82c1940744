/** What VolumeSnapshots and their contents keep. */
import { ApiException, type CustomObjectsApi } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import type { Api } from "../../../src/kube/api.ts";
import { snapshotContents } from "../../../src/kube/snapshot-contents.ts";
import { wantedSnapshots } from "../../../src/kube/volume-snapshots.ts";

/** Answers with these pages of each list. */
function apiWith(...pages: readonly (readonly object[])[]): Pick<Api, "custom"> {
  const listClusterCustomObject = async ({ _continue = "0" }: { _continue?: string }): Promise<object> => {
    const next = Number(_continue) + 1;
    return { items: pages[next - 1], metadata: { continue: next < pages.length ? String(next) : "" } };
  };
  return { custom: { listClusterCustomObject } as unknown as CustomObjectsApi };
}
function apiThatFails(code: number): Pick<Api, "custom"> {
  const listClusterCustomObject = () => Promise.reject(new ApiException(code, "", "", {}));
  return { custom: { listClusterCustomObject } as unknown as CustomObjectsApi };
}

const content = (name: string, source: object, status?: object) => ({
  metadata: { name, uid: `uid-${name}`, creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: { driver: "csi.dmthin.io", source },
  ...(status === undefined ? {} : { status }),
});

describe("a content keeps", () => {
  test.each<[string, object, object | undefined, string | undefined, string | undefined]>([
    ["what was made for it", { volumeHandle: "v-1" }, { snapshotHandle: "s-1" }, "s-1", undefined],
    ["what was there before it", { snapshotHandle: "s-1" }, undefined, "s-1", undefined],
    ["one that both name", { snapshotHandle: "s-1" }, { snapshotHandle: "s-1" }, "s-1", undefined],
    ["two that differ", { snapshotHandle: "s-1" }, { snapshotHandle: "s-2" }, "s-2", "s-1"],
    [
      "what its source names, beside nothing",
      { snapshotHandle: "s-1" },
      { snapshotHandle: "" },
      "s-1",
      undefined,
    ],
    ["nothing yet", { volumeHandle: "v-1" }, {}, undefined, undefined],
    ["nothing yet, in empty words", { snapshotHandle: "" }, { snapshotHandle: "" }, undefined, undefined],
  ])("%s", async (_what, source, status, handle, otherHandle) => {
    const [found] = (await snapshotContents(apiWith([content("c", source, status)]))) ?? [];
    expect([found?.handle, found?.otherHandle]).toEqual([handle, otherHandle]);
  });

  test("nothing of another driver", async () => {
    const other = content("c", { snapshotHandle: "s-1" });
    other.spec.driver = "other.example";
    expect(await snapshotContents(apiWith([other]))).toEqual([]);
  });
});

const snapshot = (name: string, source: object, status?: object) => ({
  metadata: { name, namespace: "apps", uid: `uid-${name}` },
  spec: { source },
  ...(status === undefined ? {} : { status }),
});

test("a VolumeSnapshot is known by its uid and by its contents, on every page", async () => {
  const api = apiWith(
    [snapshot("new", { persistentVolumeClaimName: "data" })],
    [
      snapshot("bound", { persistentVolumeClaimName: "data" }, { boundVolumeSnapshotContentName: "c-1" }),
      snapshot("restored", { volumeSnapshotContentName: "c-2" }),
    ],
  );
  const { byUid, byContent } = (await wantedSnapshots(api)) ?? {};
  expect(Object.fromEntries(byUid ?? [])).toEqual({
    "uid-new": "apps/new",
    "uid-bound": "apps/bound",
    "uid-restored": "apps/restored",
  });
  expect(Object.fromEntries(byContent ?? [])).toEqual({ "c-1": "apps/bound", "c-2": "apps/restored" });
});

test("a kind that is not there is not a list that failed", async () => {
  expect(await wantedSnapshots(apiThatFails(404))).toBeUndefined();
  expect(await snapshotContents(apiThatFails(404))).toBeUndefined();
  await expect(wantedSnapshots(apiThatFails(403))).rejects.toThrow(
    "VolumeSnapshots cannot be listed: it answered 403",
  );
  await expect(snapshotContents(apiThatFails(500))).rejects.toThrow(
    "VolumeSnapshotContents cannot be listed",
  );
});
