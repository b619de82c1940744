import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { bytes, GIB } from "../../../src/core/units.ts";
import { until, untilConnected, type RouterBench, type SimulatedNode } from "../../support/fleet-bench.ts";
import { createVolumeRequest } from "../../support/requests.ts";
import { namesOf, preferring, startTwoNodes, type TwoNodes } from "../../support/two-nodes.ts";

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

const NAMES = Array.from({ length: 100 }, (_, index) => `pvc-${String(index).padStart(2, "0")}`);
const placed = () => [...namesOf(a), ...namesOf(b)].toSorted();
const questions = () => [a, b].map(({ answered }) => answered.get("FindNames") ?? 0);

test("a hundred volumes at once are a few questions to each node", async () => {
  const ids = await Promise.all(
    NAMES.map((name, index) => bench.create(preferring(index % 2 === 0 ? "node-a" : "node-b", { name }))),
  );
  expect(new Set(ids).size).toBe(NAMES.length);
  expect([namesOf(a).length, namesOf(b).length]).toEqual([50, 50]);
  for (const count of questions()) expect(count).toBeLessThan(20);
});

test("a hundred names are a volume each, though answers were cut off and the room has moved when they are retried", async () => {
  b.pool.room = bytes(40n * GIB);
  b.feed.poke();
  await until(() => router.fleet.nodes[1]?.view?.pools[0]?.capacity.maximumVolume === 40n * GIB);
  const { promise: made, resolve } = Promise.withResolvers<void>();
  a.pool.beforeAnswer = async () => {
    // Some were answered; of the others nobody is told what became of them.
    if (a.pool.volumes().length < 30) return;
    a.wire.cut();
    resolve();
    await until(() => router.fleet.nodes[0]?.view === undefined);
  };
  const first = NAMES.map((name) => bench.create(createVolumeRequest({ name })));
  const outcomes = await Promise.allSettled(first);
  await made;
  const codes = outcomes.flatMap((each) =>
    each.status === "rejected" ? [(each.reason as { code: status }).code] : [],
  );
  expect(codes.length).toBeGreaterThan(0);
  expect(new Set(codes)).toEqual(new Set([status.UNAVAILABLE]));
  a.pool.beforeAnswer = async () => {};
  a.pool.room = bytes(1n * GIB);
  a.feed.poke();
  await untilConnected(router);
  await until(() => router.fleet.nodes[0]?.view?.pools[0]?.capacity.maximumVolume === 1n * GIB);
  const before = new Map([...a.pool.volumes(), ...b.pool.volumes()].map(({ name, id }) => [name, id]));
  const ids = await Promise.all(NAMES.map((name) => bench.create(createVolumeRequest({ name }))));
  expect(placed()).toEqual(NAMES);
  // Those that there were are those that were answered.
  for (const [index, name] of NAMES.entries()) expect(ids[index]).toBe(before.get(name) ?? ids[index]);
  for (const [index, each] of outcomes.entries())
    if (each.status === "fulfilled") expect(ids[index]).toBe(each.value);
});

test("callers that leave, or have no time, cost nobody else a volume", async () => {
  const calls = NAMES.map((name, index) =>
    router.client.controller.createVolume(
      preferring("node-a", { name }),
      index % 3 === 0 ? { deadlineMs: 1 + (index % 7) } : {},
    ),
  );
  const outcomes = await Promise.allSettled(calls);
  const refused = outcomes.flatMap((each, index) => (each.status === "rejected" ? [index] : []));
  expect(refused.filter((index) => index % 3 !== 0)).toEqual([]);
  expect(refused).not.toEqual([]);
  const late = refused.map((index) => NAMES[index] ?? "");
  // As csi-provisioner: again, until nothing of that name is under way.
  for (const name of late)
    await vi.waitFor(() => bench.create(preferring("node-b", { name })), { timeout: 10_000 });
  expect(placed()).toEqual(NAMES);
});
