import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { messageOf } from "../../../src/core/errors.ts";
import { TOPOLOGY_KEY } from "../../../src/core/ids.ts";
import type { ListVolumesRequest } from "../../../src/generated/csi.ts";
import { bytes, GIB } from "../../../src/core/units.ts";
import type { CreateVolumeIntent } from "../../../src/plan/volume.ts";
import {
  rosterOf,
  startNode,
  startRouter,
  until,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "../../support/fleet-bench.ts";
import { loopOptions } from "../../support/loop-options.ts";
import { MemoryPool, memoryPools } from "../../support/memory-pool.ts";

// Real sockets, and other tests beside them.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const intentOf = (name: string): CreateVolumeIntent => ({
  name,
  range: {},
  source: { kind: "empty" },
  access: ["mount"],
  mkfsOptions: [],
});

/** Pools a and c are on the first node, b on the second, d, empty, on the third: the order of pools goes to and fro. */
let nodes: SimulatedNode[];
let router: RouterBench;
let ids: string[];
beforeEach(async () => {
  nodes = await Promise.all(["a", "b", "d"].map((pool) => startNode(`node-${pool}`, pool)));
  const [first] = nodes;
  const slow = new MemoryPool("slow", "c");
  if (first !== undefined) first.pools = memoryPools([first.pool, slow]);
  router = await startRouter(rosterOf(nodes));
  await untilConnected(router);
  await until(() => router.fleet.nodes[0]?.view?.pools.length === 2);
  ids = [];
  for (const [pool, count] of [
    [first?.pool, 4],
    [slow, 3],
    [nodes[1]?.pool, 5],
  ] as const) {
    for (let index = 0; index < count; index += 1) {
      const { record } = (await pool?.createVolume(intentOf(`volume-${index}`))) ?? {};
      ids.push(record?.id ?? "");
    }
  }
});
afterEach(async () => {
  await router.stop();
  await Promise.all(nodes.map((node) => node.stop()));
});

const page = async (request: ListVolumesRequest) => {
  const { entries, next_token: next } = await router.client.controller.listVolumes(request);
  return { ids: entries.map(({ volume }) => volume?.volume_id ?? ""), next };
};
const pages = async (size: number) => {
  const seen: string[] = [];
  for (let token = ""; ;) {
    const { ids: some, next } = await page({ max_entries: size, starting_token: token });
    expect(some.length).toBeLessThanOrEqual(size);
    seen.push(...some);
    if (next === "") return seen;
    token = next;
  }
};

describe("a list of all nodes", () => {
  test("has everything once, whatever the size of the pages, in the order of pools", async () => {
    const { ids: all, next } = await page({});
    expect([all.toSorted(), next]).toEqual([ids.toSorted(), ""]);
    expect(all).toEqual(all.toSorted());
    for (const size of [1, 3, 4, 5, 11, 12]) expect(await pages(size)).toEqual(all);
  });

  test("goes on where it was though its pool is on another node by then", async () => {
    const { ids: all } = await page({});
    const { ids: begun, next } = await page({ max_entries: 2 });
    const [a, b] = nodes;
    if (a === undefined || b === undefined) throw new Error("no nodes");
    const moved = a.pool;
    a.pools = memoryPools([...(a.pools?.pools ?? [])].slice(1) as MemoryPool[]);
    // A node has each name once: the pool has there the name that its configuration says.
    b.pools = memoryPools([b.pool, Object.assign(moved, { name: loopOptions("moved").name })]);
    await until(
      () =>
        router.fleet.nodes[0]?.view?.pools.length === 1 && router.fleet.nodes[1]?.view?.pools.length === 2,
    );
    const { ids: rest } = await page({ starting_token: next });
    expect([...begun, ...rest]).toEqual(all);
  });

  test.each([
    ["a node is away", () => nodes[2]?.stop(), "node-d does not answer"],
    [
      "a node has a pool that is not open",
      async () => alsoHas(nodes[1], [], ["broken"]),
      "pool broken of node node-b is not open: its disk is gone",
    ],
    [
      "a node has no pool that is open",
      async () => hasOnly(nodes[1], ["broken"]),
      "pool broken of node node-b is not open: its disk is gone",
    ],
    [
      "two nodes say that they have one pool",
      async () => alsoHas(nodes[2], [new MemoryPool("copy", "a")]),
      "both",
    ],
  ])("fails rather than shrinks where %s", async (_what, spoil, reason) => {
    await spoil();
    const failure = () => page({}).then(() => "", messageOf);
    while (!(await failure()).includes(reason)) await sleep(10);
    await expect(page({})).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  test("does not take a token of another list", async () => {
    const { next } = await page({ max_entries: 1 });
    await expect(router.client.controller.listSnapshots({ starting_token: next })).rejects.toMatchObject({
      code: status.ABORTED,
    });
  });
});

function alsoHas(
  node: SimulatedNode | undefined,
  pools: readonly MemoryPool[],
  absent: readonly string[] = [],
): void {
  if (node !== undefined) node.pools = memoryPools([node.pool, ...pools], absent);
}

function hasOnly(node: SimulatedNode | undefined, absent: readonly string[]): void {
  if (node !== undefined) node.pools = memoryPools([], absent);
}

describe("snapshots", () => {
  test("are listed by id and by source from where they are, and all together", async () => {
    const [first = "", , , , , , last = ""] = ids;
    const made = [];
    for (const source of [first, last]) {
      const { snapshot } = await router.client.controller.createSnapshot({
        name: source,
        source_volume_id: source,
      });
      made.push(snapshot?.snapshot_id ?? "");
    }
    const list = async (request: object) => {
      const { entries } = await router.client.controller.listSnapshots(request);
      return entries.map(({ snapshot }) => snapshot?.snapshot_id ?? "");
    };
    expect(await list({ snapshot_id: made[1] })).toEqual([made[1]]);
    expect(await list({ source_volume_id: first })).toEqual([made[0]]);
    expect(await list({ snapshot_id: "strange" })).toEqual([]);
    expect((await list({})).toSorted()).toEqual(made.toSorted());
  });
});

describe("capacity", () => {
  const capacity = (node?: string) =>
    router.client.controller.getCapacity({
      parameters: { pool: "fast" },
      ...(node === undefined ? {} : { accessible_topology: { segments: { [TOPOLOGY_KEY]: node } } }),
    });

  test("is a node's own, and without a topology that of all", async () => {
    const [a] = nodes;
    if (a !== undefined) a.pool.room = bytes(70n * GIB);
    a?.feed.poke();
    await until(() => router.fleet.nodes[0]?.view?.pools[0]?.capacity.maximumVolume === 70n * GIB);
    const [one, all] = [await capacity("node-b"), await capacity()];
    expect(one).toMatchObject({
      available_capacity: String(100n * GIB),
      maximum_volume_size: { value: String(50n * GIB) },
      minimum_volume_size: { value: "4096" },
    });
    expect(all).toMatchObject({
      available_capacity: String(300n * GIB),
      maximum_volume_size: { value: String(70n * GIB) },
      minimum_volume_size: { value: "4096" },
    });
  });

  test("of a pool that is not open is nothing, and of the others on its node what it is", async () => {
    const [a] = nodes;
    if (a !== undefined) a.pools = memoryPools([a.pool], ["slow"]);
    await until(() => router.fleet.nodes[0]?.view?.absent.length === 1);
    const rooms = ["fast", "slow"].map(async (pool) => {
      const { available_capacity: room } = await router.client.controller.getCapacity({
        parameters: { pool },
        accessible_topology: { segments: { [TOPOLOGY_KEY]: "node-a" } },
      });
      return room;
    });
    expect(await Promise.all(rooms)).toEqual([String(100n * GIB), "0"]);
  });

  test("of a node that is away, or none of ours, is nothing and no error", async () => {
    await nodes[1]?.stop();
    await until(() => router.fleet.nodes[1]?.view === undefined);
    for (const node of ["node-b", "elsewhere"]) {
      expect(await capacity(node)).toMatchObject({
        available_capacity: "0",
        maximum_volume_size: { value: "0" },
      });
    }
  });
});
