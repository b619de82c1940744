import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { lockKey } from "../../../src/core/lock-keys.ts";
import { bytes, GIB } from "../../../src/core/units.ts";
import type { CreateVolumeRequest } from "../../../src/generated/csi.ts";
import type { PoolSet } from "../../../src/pool/engine.ts";
import {
  rosterOf,
  until,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "../../support/fleet-bench.ts";
import { MemoryPool, memoryPools } from "../../support/memory-pool.ts";
import { createVolumeRequest } from "../../support/requests.ts";
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

const warnings = () =>
  router.lines.flatMap(({ facts, message }) =>
    message === "a node that was not asked for has the name" ? [facts] : [],
  );
const oldCopy = (): MemoryPool => {
  const pool = new MemoryPool("old", "c");
  pool.condition = { kind: "read-only", reason: "a copy of before" };
  return pool;
};
const unusable = (pool: MemoryPool): PoolSet => {
  pool.condition = { kind: "unusable", reason: "a write to its catalog failed" };
  return memoryPools([pool]);
};
const readOnly = (pool: MemoryPool): PoolSet => {
  pool.condition = { kind: "read-only", reason: "a copy of before" };
  return memoryPools([pool]);
};

describe("one name is one volume", () => {
  test("a retry that prefers another node gets the volume that there is", async () => {
    const first = await create(preferring("node-a"));
    expect(await create(preferring("node-b"))).toBe(first);
    expect(namesOf(b)).toEqual([]);
    // It was among those allowed, and not the one to be.
    expect(warnings()).toEqual([{ name: "pvc-1", node: "node-a" }]);
  });

  test("also a retry that does not allow its node any more", async () => {
    const first = await create(preferring("node-a"));
    const moved = { requisite: [topology("node-b")], preferred: [topology("node-b")] };
    expect(await create(createVolumeRequest({ accessibility_requirements: moved }))).toBe(first);
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

  test.each<[string, (pool: MemoryPool) => PoolSet, CreateVolumeRequest]>([
    ["not open", (pool) => memoryPools([pool], ["broken"]), { parameters: { pool: "broken" } }],
    ["an old copy", (pool) => readOnly(pool), {}],
    ["an old copy, by its name", (pool) => readOnly(pool), { parameters: { pool: "fast" } }],
    ["unusable", (pool) => unusable(pool), {}],
    ["unusable, by its name", (pool) => unusable(pool), { parameters: { pool: "fast" } }],
    ["the default and not open", (pool) => ({ ...memoryPools([pool], ["broken"]), default: undefined }), {}],
  ])("a name may be in a pool that is %s", async (_what, spoiled, changes) => {
    const set = spoiled(a.pool);
    a.pools = set;
    await until(() => router.fleet.nodes[0]?.view?.absent.length === set.absent.length);
    await expect(create(createVolumeRequest(changes))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("may exist on node node-a") as unknown,
    });
    await expect(create(preferring("node-a", changes))).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect([namesOf(a), namesOf(b)]).toEqual([[], []]);
  });

  test.each<[string, (pool: MemoryPool) => PoolSet, CreateVolumeRequest]>([
    ["not open", (pool) => memoryPools([pool], ["broken"]), {}],
    [
      "not open, and that is named",
      (pool) => memoryPools([pool], ["broken"]),
      { parameters: { pool: "fast" } },
    ],
    ["an old copy", (pool) => memoryPools([pool, oldCopy()]), {}],
    [
      "the default and not open",
      (pool) => ({ ...memoryPools([pool], ["broken"]), default: undefined }),
      { parameters: { pool: "fast" } },
    ],
  ])("a node's other pool that is %s holds up no volume", async (_what, spoiled, changes) => {
    a.pools = spoiled(a.pool);
    await create(preferring("node-a", changes));
    expect([namesOf(a), namesOf(b)]).toEqual([["pvc-1"], []]);
  });

  test("a name waits ten minutes for the node that may have it and has left", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    a.pool.beforeAnswer = async () => {
      resolve();
      a.wire.freeze();
    };
    const cut = router.client.controller.createVolume(preferring("node-a"), { deadlineMs: 300 });
    await expect(cut).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await asked;
    router.fleet.follow(rosterOf([b]));
    const again = () => create(preferring("node-b"));
    await expect(again()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining("may exist on node node-a") as unknown,
    });
    expect(namesOf(b)).toEqual([]);
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 600_000);
    await again().finally(() => clock.mockRestore());
    expect(namesOf(b)).toEqual(["pvc-1"]);
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
