import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NoRoomError } from "../../../src/core/errors.ts";
import { TOPOLOGY_KEY } from "../../../src/core/ids.ts";
import { lockKey } from "../../../src/core/lock-keys.ts";
import { bytes, GIB } from "../../../src/core/units.ts";
import type { CreateVolumeRequest } from "../../../src/generated/csi.ts";
import {
  rosterOf,
  startNode,
  startRouter,
  until,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "../../support/fleet-bench.ts";
import { MemoryPool, memoryPools } from "../../support/memory-pool.ts";
import { createVolumeRequest, idOf } from "../../support/requests.ts";

let a: SimulatedNode;
let b: SimulatedNode;
let router: RouterBench;
beforeEach(async () => {
  [a, b] = await Promise.all([startNode("node-a", "a"), startNode("node-b", "b")]);
  router = await startRouter(rosterOf([a, b]));
  await untilConnected(router);
});
afterEach(async () => {
  await router.stop();
  await Promise.all([a.stop(), b.stop()]);
});

const topology = (name: string) => ({ segments: { [TOPOLOGY_KEY]: name } });
/** As csi-provisioner sends it for a pod on that node: every node may have it, this one comes first. */
const preferring = (name: string, changes: CreateVolumeRequest = {}): CreateVolumeRequest =>
  createVolumeRequest({
    accessibility_requirements: {
      requisite: [topology("node-a"), topology("node-b")],
      preferred: [topology(name), topology(name === "node-a" ? "node-b" : "node-a")],
    },
    ...changes,
  });
const create = async (request: CreateVolumeRequest): Promise<string> => {
  const { volume } = await router.client.controller.createVolume(request);
  return volume?.volume_id ?? "";
};
const namesOf = ({ pool }: SimulatedNode) => pool.volumes().map(({ name }) => name);
const away = async (node: SimulatedNode): Promise<void> => {
  await node.stop();
  await until(() => router.fleet.nodes.some(({ name, view }) => name === node.name && view === undefined));
};

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

describe("one name is one volume", () => {
  test("a retry that prefers another node gets the volume that there is", async () => {
    const first = await create(preferring("node-a"));
    expect(await create(preferring("node-b"))).toBe(first);
    expect(namesOf(b)).toEqual([]);
  });

  test("also where the answer was cut off, and there is more room elsewhere by now", async () => {
    b.pool.room = bytes(40n * GIB);
    b.feed.poke();
    const { promise: made, resolve } = Promise.withResolvers<void>();
    a.pool.beforeAnswer = async () => {
      resolve();
      a.wire.cut();
      await until(() => router.fleet.nodes[0]?.view === undefined);
    };
    const cut = create(createVolumeRequest());
    await expect(cut).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await made;
    a.pool.beforeAnswer = async () => {};
    a.pool.room = bytes(1n * GIB);
    a.feed.poke();
    await untilConnected(router);
    await until(() =>
      router.fleet.nodes.some(({ view }) => view?.pools[0]?.capacity.maximumVolume === 1n * GIB),
    );
    const id = await create(createVolumeRequest());
    expect(id).toBe(a.pool.volumeByName("pvc-1")?.id);
    expect(namesOf(b)).toEqual([]);
  });

  test("a retry finds nothing to do while the node that may have it is away", async () => {
    a.pool.beforeAnswer = async () => {
      a.wire.freeze();
    };
    const cut = router.client.controller.createVolume(preferring("node-a"), { deadlineMs: 300 });
    await expect(cut).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await away(a);
    await expect(create(preferring("node-b"))).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(namesOf(b)).toEqual([]);
  });

  test("without a preference nothing is placed while any node is away", async () => {
    await away(a);
    await expect(create(createVolumeRequest())).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("may exist on node node-a") as unknown,
    });
    expect(namesOf(b)).toEqual([]);
  });

  test("a node that is away holds up no volume that is for another", async () => {
    await away(a);
    await create(preferring("node-b"));
    expect(namesOf(b)).toEqual(["pvc-1"]);
  });

  test("a name that a node is just giving is taken", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const scope = { title: "t", fingerprint: "f", exclusive: [lockKey.volumeName("pvc-1")] };
    const running = a.operations.run(scope, () => promise);
    const id = await create(preferring("node-b"));
    resolve();
    await running;
    expect(id).toBe(a.pool.volumeByName("pvc-1")?.id);
    expect(namesOf(b)).toEqual([]);
  });

  test("a node with a pool that is not open may have any name", async () => {
    a.pools = memoryPools([a.pool], ["broken"]);
    await expect(create(createVolumeRequest())).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect([namesOf(a), namesOf(b)]).toEqual([[], []]);
  });

  test("two calls of one name at once are one volume", async () => {
    const both = await Promise.allSettled([
      create(createVolumeRequest()),
      create(createVolumeRequest({ accessibility_requirements: { requisite: [topology("node-b")] } })),
    ]);
    const refused = both.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    expect(refused).toMatchObject([{ code: status.ABORTED }]);
    expect([...namesOf(a), ...namesOf(b)]).toEqual(["pvc-1"]);
  });

  test("a snapshot's name that is in use elsewhere is ALREADY_EXISTS", async () => {
    const one = await create(preferring("node-a"));
    const other = await create(preferring("node-b", { name: "pvc-2" }));
    await router.client.controller.createSnapshot({ name: "s", source_volume_id: one });
    await expect(
      router.client.controller.createSnapshot({ name: "s", source_volume_id: other }),
    ).rejects.toMatchObject({ code: status.ALREADY_EXISTS });
    expect(b.pool.snapshots()).toEqual([]);
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
    b.pools = memoryPools([b.pool, a.pool]);
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
