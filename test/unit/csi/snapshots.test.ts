import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SnapshotRecord } from "../../../src/core/records.ts";
import { memoryPools } from "../../support/memory-pool.ts";
import { startBench, type ProtocolBench } from "../../support/protocol-bench.ts";
import { createVolumeRequest, idOf } from "../../support/requests.ts";

let bench: ProtocolBench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.stop());

async function makeVolume(name: string, pool = "fast"): Promise<string> {
  const { volume } = await bench.client.controller.createVolume(
    createVolumeRequest({ name, parameters: { pool } }),
  );
  return volume?.volume_id ?? "";
}

async function makeSnapshot(name: string, source: string): Promise<SnapshotRecord> {
  await bench.client.controller.createSnapshot({ name, source_volume_id: source });
  const record = bench.fast.snapshotByName(name) ?? bench.slow.snapshotByName(name);
  if (record === undefined) throw new Error("no snapshot was made");
  return record;
}

describe("a pool whose catalog may be an old copy", () => {
  test.each([
    ["lists no snapshots", () => bench.client.controller.listSnapshots({})],
    [
      "nor one that it does not know",
      () => bench.client.controller.listSnapshots({ snapshot_id: idOf("s", "a") }),
    ],
    [
      "nor those of a volume",
      () => bench.client.controller.listSnapshots({ source_volume_id: idOf("v", "a") }),
    ],
    ["lists no volumes", () => bench.client.controller.listVolumes({})],
    [
      "says of no volume that it is gone",
      () => bench.client.controller.controllerGetVolume({ volume_id: idOf("v", "a") }),
    ],
    ["nor of a snapshot", () => bench.client.controller.getSnapshot({ snapshot_id: idOf("s", "a") })],
  ])("%s", async (_what, call) => {
    bench.fast.condition = { kind: "read-only", reason: "the catalog is an older copy" };
    await expect(call()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: "pool fast is read-only: the catalog is an older copy",
    });
  });
});

describe("CreateSnapshot", () => {
  test("answers with the cut, the same again for a retry", async () => {
    const source = await makeVolume("data");
    const request = {
      name: "snap",
      source_volume_id: source,
      parameters: { "csi.storage.k8s.io/volumesnapshot/name": "s" },
    };
    const first = await bench.client.controller.createSnapshot(request);
    const record = bench.fast.snapshots()[0];
    expect(first.snapshot).toEqual({
      snapshot_id: record?.id,
      source_volume_id: source,
      size_bytes: String(2 ** 30),
      creation_time: { seconds: "1700000002", nanos: 5_000_000 },
      ready_to_use: true,
      group_snapshot_id: "",
    });
    await expect(bench.client.controller.createSnapshot(request)).resolves.toEqual(first);
  });

  test.each([
    ["no name", { source_volume_id: idOf("v", "a") }, status.INVALID_ARGUMENT],
    ["a name with a newline", { name: "a\nb", source_volume_id: idOf("v", "a") }, status.INVALID_ARGUMENT],
    ["no source", { name: "snap" }, status.INVALID_ARGUMENT],
    [
      "a parameter",
      { name: "snap", source_volume_id: idOf("v", "a"), parameters: { deep: "1" } },
      status.INVALID_ARGUMENT,
    ],
    ["a source dmthin never made", { name: "snap", source_volume_id: "testId" }, status.NOT_FOUND],
    ["a source that is gone", { name: "snap", source_volume_id: idOf("v", "a") }, status.NOT_FOUND],
    ["a source in an absent pool", { name: "snap", source_volume_id: idOf("v", "c") }, status.UNAVAILABLE],
  ])("with %s fails and cuts nothing", async (_what, request, code) => {
    await expect(bench.client.controller.createSnapshot(request)).rejects.toMatchObject({ code });
    expect(bench.fast.snapshots()).toEqual([]);
  });

  test("of another volume under a taken name is ALREADY_EXISTS, in the same pool and in another", async () => {
    await makeSnapshot("snap", await makeVolume("one"));
    for (const source of [await makeVolume("two"), await makeVolume("three", "slow")]) {
      await expect(
        bench.client.controller.createSnapshot({ name: "snap", source_volume_id: source }),
      ).rejects.toMatchObject({ code: status.ALREADY_EXISTS });
    }
    expect(bench.slow.snapshots()).toEqual([]);
  });
});

describe("DeleteSnapshot and GetSnapshot", () => {
  test("find what was made, until it is deleted", async () => {
    const { id } = await makeSnapshot("snap", await makeVolume("data"));
    const { snapshot } = await bench.client.controller.getSnapshot({ snapshot_id: id });
    expect(snapshot?.snapshot_id).toBe(id);
    await bench.client.controller.deleteSnapshot({ snapshot_id: id });
    await expect(bench.client.controller.deleteSnapshot({ snapshot_id: id })).resolves.toEqual({});
    await expect(bench.client.controller.getSnapshot({ snapshot_id: id })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  test("know nothing of a snapshot that is not cut yet", async () => {
    const record = await makeSnapshot("snap", await makeVolume("data"));
    bench.fast.putSnapshot({ ...record, state: "creating" });
    await expect(bench.client.controller.getSnapshot({ snapshot_id: record.id })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  test.each([
    ["no id", "", status.INVALID_ARGUMENT, status.INVALID_ARGUMENT],
    ["text dmthin never made", "reallyfakesnapshotid", status.OK, status.NOT_FOUND],
    ["a volume's id", idOf("v", "a"), status.OK, status.NOT_FOUND],
    ["an absent pool", idOf("s", "c"), status.UNAVAILABLE, status.UNAVAILABLE],
  ])("answer to %s", async (_what, snapshot_id, onDelete, onGet) => {
    const codeOf = (call: Promise<unknown>): Promise<unknown> =>
      call.then(
        () => status.OK,
        (error: unknown) => (error as { code: unknown }).code,
      );
    expect(await codeOf(bench.client.controller.deleteSnapshot({ snapshot_id }))).toBe(onDelete);
    expect(await codeOf(bench.client.controller.getSnapshot({ snapshot_id }))).toBe(onGet);
  });
});

describe("ListSnapshots", () => {
  const idsOf = async (request: object): Promise<readonly (string | undefined)[]> => {
    const { entries } = await bench.client.controller.listSnapshots(request);
    return entries.map(({ snapshot }) => snapshot?.snapshot_id);
  };

  test("lists all, or those of one volume, or the one with that id", async () => {
    const one = await makeVolume("one");
    const two = await makeVolume("two", "slow");
    const first = await makeSnapshot("first", one);
    const second = await makeSnapshot("second", one);
    const third = await makeSnapshot("third", two);
    expect(new Set(await idsOf({}))).toEqual(new Set([first.id, second.id, third.id]));
    expect(await idsOf({ source_volume_id: one })).toEqual([first.id, second.id]);
    expect(await idsOf({ snapshot_id: third.id })).toEqual([third.id]);
    expect(await idsOf({ snapshot_id: third.id, source_volume_id: two })).toEqual([third.id]);
    expect(await idsOf({ snapshot_id: third.id, source_volume_id: one })).toEqual([]);
  });

  test("still lists the snapshots of a deleted volume", async () => {
    const source = await makeVolume("one");
    const { id } = await makeSnapshot("first", source);
    await bench.client.controller.deleteVolume({ volume_id: source });
    expect(await idsOf({ source_volume_id: source })).toEqual([id]);
  });

  test("lists none that is not cut yet or half deleted", async () => {
    const record = await makeSnapshot("snap", await makeVolume("data"));
    for (const state of ["creating", "deleting"] as const) {
      bench.fast.putSnapshot({ ...record, state });
      expect(await idsOf({})).toEqual([]);
      expect(await idsOf({ snapshot_id: record.id })).toEqual([]);
    }
  });

  test.each([
    ["snapshot", { snapshot_id: "none-exist-id" }],
    ["source", { source_volume_id: "fake-vol-id" }],
    ["snapshot that is gone", { snapshot_id: idOf("s", "a") }],
    ["source that is gone", { source_volume_id: idOf("v", "a") }],
  ])("is empty for an unknown %s", async (_what, request) => {
    expect(await idsOf(request)).toEqual([]);
  });

  test("goes on with its token, and not with that of another list", async () => {
    const source = await makeVolume("data");
    const other = await makeVolume("other");
    for (const name of ["a", "b", "c"]) await makeSnapshot(name, source);
    const first = await bench.client.controller.listSnapshots({ max_entries: 2 });
    expect(first.entries).toHaveLength(2);
    expect(await idsOf({ starting_token: first.next_token })).toHaveLength(1);
    const volumes = await bench.client.controller.listVolumes({ max_entries: 1 });
    expect(volumes.next_token).not.toBe("");
    expect(other).not.toBe("");
    await expect(idsOf({ starting_token: volumes.next_token })).rejects.toMatchObject({
      code: status.ABORTED,
    });
  });

  test("fails rather than shrinks while a pool is missing", async () => {
    const source = await makeVolume("data");
    const { id } = await makeSnapshot("snap", source);
    bench.pools = memoryPools([bench.fast], ["slow"]);
    await expect(idsOf({})).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await expect(idsOf({ snapshot_id: idOf("s", "b") })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(await idsOf({ snapshot_id: id })).toEqual([id]);
    expect(await idsOf({ source_volume_id: source })).toEqual([id]);
  });
});

describe("group snapshots", () => {
  const members = async (): Promise<string[]> => [await makeVolume("one"), await makeVolume("two")];
  const create = (source_volume_ids: string[], name = "group") =>
    bench.client.groupController.createVolumeGroupSnapshot({ name, source_volume_ids });

  test("are one capability", async () => {
    const { capabilities } = await bench.client.groupController.groupControllerGetCapabilities({});
    expect(capabilities).toEqual([{ type: "rpc", rpc: { type: "CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT" } }]);
  });

  test("have all members, are found again, and are deleted with all members named", async () => {
    const sources = await members();
    const { group_snapshot: made } = await create(sources);
    const group_snapshot_id = made?.group_snapshot_id ?? "";
    expect(made?.snapshots.map((each) => [each.source_volume_id, each.group_snapshot_id])).toEqual(
      sources.map((source) => [source, group_snapshot_id]),
    );
    expect(made?.ready_to_use).toBe(true);
    await expect(create(sources)).resolves.toEqual({ group_snapshot: made });
    const snapshot_ids = (made?.snapshots ?? []).map((each) => each.snapshot_id);
    const request = { group_snapshot_id, snapshot_ids: snapshot_ids.toReversed() };
    await expect(bench.client.groupController.getVolumeGroupSnapshot(request)).resolves.toEqual({
      group_snapshot: made,
    });
    await bench.client.groupController.deleteVolumeGroupSnapshot(request);
    expect(bench.fast.snapshots()).toEqual([]);
    await expect(bench.client.groupController.deleteVolumeGroupSnapshot(request)).resolves.toEqual({});
  });

  test.each([
    ["none of them", (): string[] => []],
    ["one of them", (ids: string[]): string[] => ids.slice(1)],
    ["another one too", (ids: string[]): string[] => [...ids, idOf("s", "a")]],
    ["another one instead", (ids: string[]): string[] => [...ids.slice(1), idOf("s", "a")]],
  ])("are neither shown nor deleted to who names %s", async (_what, change) => {
    const { group_snapshot: made } = await create(await members());
    const group_snapshot_id = made?.group_snapshot_id ?? "";
    const snapshot_ids = change((made?.snapshots ?? []).map((each) => each.snapshot_id));
    const request = { group_snapshot_id, snapshot_ids };
    const refused = { code: status.INVALID_ARGUMENT };
    await expect(bench.client.groupController.getVolumeGroupSnapshot(request)).rejects.toMatchObject(refused);
    await expect(bench.client.groupController.deleteVolumeGroupSnapshot(request)).rejects.toMatchObject(
      refused,
    );
    expect(bench.fast.snapshots()).toHaveLength(2);
  });

  test("across pools are FAILED_PRECONDITION", async () => {
    await expect(create([await makeVolume("one"), await makeVolume("two", "slow")])).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: "source_volume_ids: volumes of different pools cannot be cut together: fast, slow",
    });
    expect(bench.fast.snapshots()).toEqual([]);
  });

  test("under a name taken in another pool are ALREADY_EXISTS", async () => {
    await create(await members());
    await expect(create([await makeVolume("three", "slow")])).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
    });
  });

  test.each([
    ["no name", [idOf("v", "a")], "", status.INVALID_ARGUMENT],
    ["no volume", [], "group", status.INVALID_ARGUMENT],
    ["an empty id", [""], "group", status.INVALID_ARGUMENT],
    ["a volume twice", [idOf("v", "a"), idOf("v", "a")], "group", status.INVALID_ARGUMENT],
    ["a volume dmthin never made", ["fake-vol-id"], "group", status.NOT_FOUND],
    ["a volume that is gone", [idOf("v", "a")], "group", status.NOT_FOUND],
    ["a volume in an absent pool", [idOf("v", "c")], "group", status.UNAVAILABLE],
  ])("of %s fail", async (_what, sources, name, code) => {
    await expect(create(sources, name)).rejects.toMatchObject({ code });
  });

  test("that dmthin never made are deleted already, and not found", async () => {
    const request = { group_snapshot_id: "fake-vol-id" };
    await expect(bench.client.groupController.deleteVolumeGroupSnapshot(request)).resolves.toEqual({});
    await expect(bench.client.groupController.getVolumeGroupSnapshot(request)).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    for (const call of ["deleteVolumeGroupSnapshot", "getVolumeGroupSnapshot"] as const) {
      await expect(bench.client.groupController[call]({})).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
      });
      await expect(
        bench.client.groupController[call]({ group_snapshot_id: idOf("g", "c") }),
      ).rejects.toMatchObject({ code: status.UNAVAILABLE });
    }
  });
});
