import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ObjectState, VolumeRecord } from "../../../src/core/records.ts";
import type { CreateVolumeRequest } from "../../../src/generated/csi.ts";
import { memoryPools } from "../../support/memory-pool.ts";
import { startBench, type ProtocolBench } from "../../support/protocol-bench.ts";
import { blockCapability, createVolumeRequest, idOf, mountCapability } from "../../support/requests.ts";

let bench: ProtocolBench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.stop());

async function make(changes?: CreateVolumeRequest): Promise<VolumeRecord> {
  const { volume } = await bench.client.controller.createVolume(createVolumeRequest(changes));
  const record = [...bench.fast.volumes(), ...bench.slow.volumes()].find(
    ({ id }) => id === volume?.volume_id,
  );
  if (record === undefined) throw new Error("no volume was made");
  return record;
}

const inState = (record: VolumeRecord, state: ObjectState): void =>
  bench.fast.putVolume({ ...record, state });

test("the controller's capabilities are those of the issue, in CSI's own order", async () => {
  const { capabilities } = await bench.client.controller.controllerGetCapabilities({});
  expect(capabilities.map(({ rpc }) => rpc?.type)).toEqual([
    "CREATE_DELETE_VOLUME",
    "LIST_VOLUMES",
    "GET_CAPACITY",
    "CREATE_DELETE_SNAPSHOT",
    "LIST_SNAPSHOTS",
    "GET_SNAPSHOT",
    "CLONE_VOLUME",
    "EXPAND_VOLUME",
    "GET_VOLUME",
    "SINGLE_NODE_MULTI_WRITER",
  ]);
});

describe("DeleteVolume", () => {
  const remove = (volume_id: string) => bench.client.controller.deleteVolume({ volume_id });

  test("deletes, and again", async () => {
    const { id } = await make();
    await remove(id);
    expect(bench.fast.volumes()).toEqual([]);
    await expect(remove(id)).resolves.toEqual({});
  });

  test.each([
    ["text dmthin never made", "fake-vol-id"],
    ["a path", "../../etc"],
    ["a snapshot's id", idOf("s", "a")],
    ["an id in capitals", idOf("v", "A")],
  ])("of %s is done", async (_what, id) => {
    await expect(remove(id)).resolves.toEqual({});
  });

  test("of a volume whose pool is not open is UNAVAILABLE, never done", async () => {
    await expect(remove(idOf("v", "c"))).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  test.each([
    ["no id", ""],
    ["an id of 129 bytes", "v".repeat(129)],
  ])("of %s is INVALID_ARGUMENT", async (_what, id) => {
    await expect(remove(id)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe("ControllerExpandVolume", () => {
  test("records the size and leaves the rest to the node", async () => {
    const { id } = await make();
    const range = { required_bytes: 2 ** 31 };
    await expect(
      bench.client.controller.controllerExpandVolume({ volume_id: id, capacity_range: range }),
    ).resolves.toEqual({ capacity_bytes: String(2 ** 31), node_expansion_required: true });
    expect(bench.fast.volume(id)?.size).toBe(2n ** 31n);
  });

  test.each([
    ["no id", { capacity_range: { required_bytes: 4096 } }, status.INVALID_ARGUMENT],
    ["no range", { volume_id: idOf("v", "a") }, status.INVALID_ARGUMENT],
    ["an empty range", { volume_id: idOf("v", "a"), capacity_range: {} }, status.INVALID_ARGUMENT],
    [
      "a volume that is gone",
      { volume_id: idOf("v", "a"), capacity_range: { required_bytes: 1 } },
      status.NOT_FOUND,
    ],
    ["text dmthin never made", { volume_id: "x", capacity_range: { required_bytes: 1 } }, status.NOT_FOUND],
    [
      "an absent pool",
      { volume_id: idOf("v", "c"), capacity_range: { required_bytes: 1 } },
      status.UNAVAILABLE,
    ],
  ])("of %s fails", async (_what, request, code) => {
    await expect(bench.client.controller.controllerExpandVolume(request)).rejects.toMatchObject({ code });
  });
});

describe("ControllerGetVolume", () => {
  test("shows the volume", async () => {
    const { id } = await make();
    const { volume, status: state } = await bench.client.controller.controllerGetVolume({ volume_id: id });
    expect(volume?.volume_id).toBe(id);
    expect(state).toEqual({ published_node_ids: [], volume_condition: null });
  });

  test.each(["creating", "deleting"] as const)("finds none that is %s", async (state) => {
    const record = await make();
    inState(record, state);
    await expect(bench.client.controller.controllerGetVolume({ volume_id: record.id })).rejects.toMatchObject(
      {
        code: status.NOT_FOUND,
      },
    );
  });
});

describe("ListVolumes", () => {
  test("lists the ready volumes of all pools, page by page", async () => {
    const one = await make({ name: "one" });
    const half = await make({ name: "half" });
    const two = await make({ name: "two" });
    const three = await make({ name: "three", parameters: { pool: "slow" } });
    inState(half, "creating");
    const first = await bench.client.controller.listVolumes({ max_entries: 2 });
    const second = await bench.client.controller.listVolumes({ starting_token: first.next_token });
    const ids = [...first.entries, ...second.entries].map(({ volume }) => volume?.volume_id);
    expect(first.entries).toHaveLength(2);
    expect(second.next_token).toBe("");
    expect(new Set(ids)).toEqual(new Set([one.id, two.id, three.id]));
    expect(ids).toHaveLength(3);
  });

  test("fails rather than shrinks while a pool is missing", async () => {
    bench.pools = memoryPools([bench.fast], ["slow"]);
    await expect(bench.client.controller.listVolumes({})).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: "the list would not be complete; not open: slow (its disk is gone)",
    });
  });

  test.each([
    ["a token that is not ours", { starting_token: "invalid-token" }, status.ABORTED],
    ["a negative number of entries", { max_entries: -1 }, status.INVALID_ARGUMENT],
  ])("refuses %s", async (_what, request, code) => {
    await expect(bench.client.controller.listVolumes(request)).rejects.toMatchObject({ code });
  });
});

describe("GetCapacity", () => {
  const some = {
    available_capacity: String(100 * 2 ** 30),
    maximum_volume_size: { value: String(50 * 2 ** 30) },
  };
  const none = { available_capacity: "0", maximum_volume_size: { value: "0" } };
  const here = (node: string) => ({ accessible_topology: { segments: { "topology.dmthin.io/node": node } } });

  test.each([
    ["the default pool", {}, some],
    ["a named pool", { parameters: { pool: "slow" } }, some],
    ["this node", here("node-1"), some],
    ["another node", here("node-2"), none],
    ["a pool of other nodes", { parameters: { pool: "huge" } }, none],
    [
      "what no volume can be",
      { volume_capabilities: [{ access_mode: { mode: "MULTI_NODE_MULTI_WRITER" as const }, block: {} }] },
      none,
    ],
  ])("of %s", async (_what, request, expected) => {
    await expect(bench.client.controller.getCapacity(request)).resolves.toMatchObject(expected);
  });

  test("of an absent pool is 0, not an error", async () => {
    bench.pools = memoryPools([bench.slow], ["fast"], undefined);
    bench.pools = { ...bench.pools, default: undefined };
    await expect(bench.client.controller.getCapacity({})).resolves.toMatchObject(none);
    await expect(
      bench.client.controller.getCapacity({ parameters: { pool: "fast" } }),
    ).resolves.toMatchObject(none);
  });

  test("with a key nobody knows is INVALID_ARGUMENT, as CreateVolume would be", async () => {
    await expect(bench.client.controller.getCapacity({ parameters: { size: "1" } })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });
});

describe("ValidateVolumeCapabilities", () => {
  const validate = (volume_id: string, request: object = {}) =>
    bench.client.controller.validateVolumeCapabilities({
      volume_id,
      volume_capabilities: [mountCapability()],
      ...request,
    });

  test("confirms what the volume can be, with what was asked", async () => {
    const { id } = await make();
    const volume_context = { "storage.kubernetes.io/csiProvisionerIdentity": "1-csi.dmthin.io" };
    const { confirmed, message } = await validate(id, { volume_context, parameters: { pool: "fast" } });
    expect(message).toBe("");
    expect(confirmed).toMatchObject({
      volume_context,
      parameters: { pool: "fast" },
      volume_capabilities: [{ access_type: "mount", access_mode: { mode: "SINGLE_NODE_WRITER" } }],
    });
  });

  test.each([
    [
      "several nodes",
      {
        volume_capabilities: [
          mountCapability(),
          { access_mode: { mode: "MULTI_NODE_MULTI_WRITER" }, mount: {} },
        ],
      },
      /MULTI_NODE_MULTI_WRITER is not supported/,
    ],
    [
      "raw block of a mounted volume",
      { volume_capabilities: [blockCapability] },
      /was created for access type mount, not block/,
    ],
    [
      "another filesystem",
      { volume_capabilities: [mountCapability("xfs")] },
      /holds ext4, xfs was asked for/,
    ],
    ["a filesystem nobody knows", { volume_capabilities: [mountCapability("ntfs")] }, /"ntfs" is not one of/],
    [
      "a mount flag outside the set",
      { volume_capabilities: [mountCapability("", ["loop"])] },
      /"loop" is not among/,
    ],
    ["another pool", { parameters: { pool: "slow" } }, /the volume is in pool fast, not slow/],
    ["a parameter nobody knows", { parameters: { colour: "red" } }, /"colour" is not a parameter/],
    ["mutable parameters", { mutable_parameters: { iops: "1" } }, /mutable_parameters: are not supported/],
  ])("does not confirm %s, and says why", async (_what, request, message) => {
    const { id } = await make({ volume_capabilities: [mountCapability("ext4")] });
    const answer = await validate(id, request);
    expect(answer.confirmed).toBeNull();
    expect(answer.message).toMatch(message);
  });

  test.each([
    ["no id", "", {}, status.INVALID_ARGUMENT],
    ["no capability", idOf("v", "a"), { volume_capabilities: [] }, status.INVALID_ARGUMENT],
    ["half a capability", idOf("v", "a"), { volume_capabilities: [{}] }, status.INVALID_ARGUMENT],
    ["text dmthin never made", "fake-vol-id-1", {}, status.NOT_FOUND],
    ["an absent pool", idOf("v", "c"), {}, status.UNAVAILABLE],
  ])("of %s fails", async (_what, id, request, code) => {
    await expect(validate(id, request)).rejects.toMatchObject({ code });
  });
});

test.each([
  ["ControllerPublishVolume", () => bench.client.controller.controllerPublishVolume({})],
  ["ControllerUnpublishVolume", () => bench.client.controller.controllerUnpublishVolume({})],
  ["ControllerModifyVolume", () => bench.client.controller.controllerModifyVolume({})],
])("%s is UNIMPLEMENTED", async (_method, call) => {
  await expect(call()).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
});
