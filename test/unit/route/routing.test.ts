import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { NoRoomError } from "../../../src/core/errors.ts";
import { bytes, GIB } from "../../../src/core/units.ts";
import type { CreateVolumeRequest } from "../../../src/generated/csi.ts";
import { until, type RouterBench, type SimulatedNode } from "../../support/fleet-bench.ts";
import { loopOptions } from "../../support/loop-options.ts";
import { MemoryPool, memoryPools } from "../../support/memory-pool.ts";
import { createVolumeRequest, idOf } from "../../support/requests.ts";
import { namesOf, preferring, startTwoNodes, topology, type TwoNodes } from "../../support/two-nodes.ts";

// Real sockets, and other tests beside them.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let bench: TwoNodes;
let a: SimulatedNode;
let b: SimulatedNode;
let router: RouterBench;
beforeEach(async () => {
  bench = await startTwoNodes();
  ({ a, b, router } = bench);
});
afterEach(() => bench.stop());
const create = (request: CreateVolumeRequest) => bench.create(request);
const away = (node: SimulatedNode) => bench.away(node);

describe("a new volume", () => {
  test("goes to the preferred node, which its topology names", async () => {
    const { volume } = await router.client.controller.createVolume(preferring("node-b"));
    expect(volume?.accessible_topology).toEqual([topology("node-b")]);
    expect([namesOf(a), namesOf(b)]).toEqual([[], ["pvc-1"]]);
  });

  test("that the preferred node has no room for goes to no other", async () => {
    b.pool.createVolume = () => Promise.reject(new NoRoomError("full"));
    await expect(create(preferring("node-b"))).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: "full",
    });
    expect(namesOf(a)).toEqual([]);
  });

  test("that nobody prefers goes where there is most room, and after a refusal to the next", async () => {
    a.pool.room = bytes(10n * GIB);
    a.feed.poke();
    await until(() =>
      router.fleet.nodes.some(({ view }) => view?.pools[0]?.capacity.maximumVolume === 10n * GIB),
    );
    await create(createVolumeRequest());
    expect(namesOf(b)).toEqual(["pvc-1"]);
    b.pool.createVolume = () => Promise.reject(new NoRoomError("full after all"));
    await create(createVolumeRequest({ name: "pvc-2" }));
    expect(namesOf(a)).toEqual(["pvc-2"]);
  });

  test("that fits nowhere is RESOURCE_EXHAUSTED and was asked of nobody", async () => {
    const request = createVolumeRequest({ capacity_range: { required_bytes: 2 ** 40 } });
    await expect(create(request)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect([a.pool.intents, b.pool.intents]).toEqual([[], []]);
  });

  test("of a node that is not of this driver is RESOURCE_EXHAUSTED", async () => {
    await expect(create(preferring("node-c"))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  test("is refused by the node that refuses it, in its words", async () => {
    const request = preferring("node-a", { parameters: { pool: "slow" } });
    await expect(create(request)).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: "this node has no pool slow (parameters.pool); it has: fast",
    });
  });

  test("of a snapshot is where the snapshot is, though another node is preferred", async () => {
    const source = await create(preferring("node-a"));
    const { snapshot } = await router.client.controller.createSnapshot({
      name: "s",
      source_volume_id: source,
    });
    const copy = createVolumeRequest({
      name: "copy",
      volume_content_source: { snapshot: { snapshot_id: snapshot?.snapshot_id ?? "" } },
      accessibility_requirements: {
        requisite: [topology("node-a"), topology("node-b")],
        preferred: [topology("node-b")],
      },
    });
    const { volume } = await router.client.controller.createVolume(copy);
    expect(volume?.accessible_topology).toEqual([topology("node-a")]);
  });
});

describe("an object", () => {
  test("is reached by its id, wherever it is, and by a method of any kind", async () => {
    const id = await create(preferring("node-b"));
    const { capacity_bytes: size } = await router.client.controller.controllerExpandVolume({
      volume_id: id,
      capacity_range: { required_bytes: 2 ** 31 },
    });
    expect(size).toBe(String(2 ** 31));
    const { volume } = await router.client.controller.controllerGetVolume({ volume_id: id });
    expect(volume?.capacity_bytes).toBe(size);
    await router.client.controller.deleteVolume({ volume_id: id });
    expect(namesOf(b)).toEqual([]);
  });

  test("that its node does not have is what the node says", async () => {
    await expect(
      router.client.controller.controllerGetVolume({ volume_id: idOf("v", "a") }),
    ).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: expect.stringContaining("does not exist") as unknown,
    });
  });

  test("whose id dmthin never made is as CSI says: gone, or NOT_FOUND", async () => {
    expect(await router.client.controller.deleteVolume({ volume_id: "strange" })).toEqual({});
    await expect(
      router.client.controller.controllerGetVolume({ volume_id: "strange" }),
    ).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(router.client.controller.deleteVolume({ volume_id: "" })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test("of a pool that nobody reports is unavailable, not gone", async () => {
    await expect(router.client.controller.deleteVolume({ volume_id: idOf("v", "c") })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });

  test("of a node that is away is unavailable, and the node is named", async () => {
    const id = await create(preferring("node-b"));
    await away(b);
    await expect(router.client.controller.deleteVolume({ volume_id: id })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("node-b") as unknown,
    });
  });

  test("of a pool that two nodes report is asked of neither", async () => {
    const id = await create(preferring("node-a"));
    b.pools = memoryPools([b.pool, new MemoryPool("copy", "a")]);
    await until(() => (router.fleet.nodes[1]?.view?.pools.length ?? 0) === 2);
    await expect(router.client.controller.deleteVolume({ volume_id: id })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("node-a and node-b") as unknown,
    });
    expect(namesOf(a)).toEqual(["pvc-1"]);
  });

  test("follows its pool to another node", async () => {
    const id = await create(preferring("node-a"));
    await away(a);
    // A node has each name once: the pool has there the name that its configuration says.
    b.pools = memoryPools([b.pool, Object.assign(a.pool, { name: loopOptions("moved").name })]);
    await until(() => (router.fleet.nodes[1]?.view?.pools.length ?? 0) === 2);
    const { volume } = await router.client.controller.controllerGetVolume({ volume_id: id });
    expect(volume?.accessible_topology).toEqual([topology("node-b")]);
  });
});

describe("a group snapshot", () => {
  test("of one pool is cut there, and deleted there", async () => {
    const ids = [await create(preferring("node-b")), await create(preferring("node-b", { name: "pvc-2" }))];
    const { group_snapshot: group } = await router.client.groupController.createVolumeGroupSnapshot({
      name: "g",
      source_volume_ids: ids,
    });
    expect(group?.snapshots).toHaveLength(2);
    await router.client.groupController.deleteVolumeGroupSnapshot({
      group_snapshot_id: group?.group_snapshot_id ?? "",
      snapshot_ids: group?.snapshots.map((each) => each.snapshot_id) ?? [],
    });
    expect(b.pool.snapshots()).toEqual([]);
  });

  test("of volumes on two nodes is FAILED_PRECONDITION", async () => {
    const ids = [await create(preferring("node-a")), await create(preferring("node-b", { name: "pvc-2" }))];
    await expect(
      router.client.groupController.createVolumeGroupSnapshot({ name: "g", source_volume_ids: ids }),
    ).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  });
});
