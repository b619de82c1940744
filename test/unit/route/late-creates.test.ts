import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { lockKey } from "../../../src/core/lock-keys.ts";
import { loadNodeLink } from "../../../src/route/contract.ts";
import type { Name } from "../../../src/route/names.ts";
import { LEASE_MS } from "../../../src/route/name-leases.ts";
import {
  rosterOf,
  startRouter,
  until,
  untilConnected,
  type RouterBench,
  type SimulatedNode,
} from "../../support/fleet-bench.ts";
import type { Delayed } from "../../support/cut-wire.ts";
import { namesOf, preferring, startTwoNodes, type TwoNodes } from "../../support/two-nodes.ts";

// Real sockets, and other tests beside them.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let bench: TwoNodes;
let a: SimulatedNode;
let b: SimulatedNode;
let router: RouterBench;
/** As router, and with no memory in common. */
let other: RouterBench;
beforeEach(async () => {
  bench = await startTwoNodes();
  ({ a, b, router } = bench);
  other = await startRouter(rosterOf([a, b]));
  await untilConnected(other);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await other.stop();
  await bench.stop();
});

/** What a node is sent after its next answer about names stays under way. Nobody else may be calling it. */
function delayAfterQuestion(node: SimulatedNode): () => Delayed | undefined {
  let delayed: Delayed | undefined;
  const holds = node.operations.holds.bind(node.operations);
  vi.spyOn(node.operations, "holds").mockImplementation((key) => {
    delayed ??= node.wire.delay();
    return holds(key);
  });
  return () => delayed;
}
const createsAnsweredBy = (node: SimulatedNode): number => node.answered.get("CreateVolume") ?? 0;
/** A CreateVolume with its headers is longer than all else that a connection sends by itself. */
const CREATE_BYTES = 200;
const codesOf = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
  outcomes.map((each) => (each.status === "fulfilled" ? status.OK : (each.reason as { code: status }).code));
const later = (ms: number): void => {
  const now = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => now() + ms);
};

describe("a create that is under way", () => {
  let late: Delayed;
  /** What its sender was told. */
  let cut: readonly status[];
  beforeEach(async () => {
    const delayed = delayAfterQuestion(a);
    const first = Promise.allSettled([bench.create(preferring("node-a"))]);
    await until(() => (delayed()?.size() ?? 0) > CREATE_BYTES);
    const under = delayed();
    if (under === undefined) throw new Error("nothing is under way");
    late = under;
    a.wire.cut();
    cut = codesOf(await first);
    await untilConnected(router);
    await untilConnected(other);
  });
  const arrive = async (): Promise<void> => {
    late.arrive();
    await until(() => createsAnsweredBy(a) > 0);
  };

  test("does what it says when it arrives and nobody has asked again", async () => {
    expect(cut).toEqual([status.UNAVAILABLE]);
    await arrive();
    expect(namesOf(a)).toEqual(["pvc-1"]);
  });

  test("does nothing when it arrives after the volume was made elsewhere", async () => {
    await bench.create(preferring("node-b"));
    await arrive();
    expect([namesOf(a), namesOf(b)]).toEqual([[], ["pvc-1"]]);
  });

  test("nor where another controller has made it, which had to wait for that", async () => {
    const create = () => other.client.controller.createVolume(preferring("node-b"));
    await expect(create()).rejects.toMatchObject({
      code: status.ABORTED,
      details: expect.stringContaining("by another controller") as unknown,
    });
    later(LEASE_MS);
    await create();
    await arrive();
    expect([namesOf(a), namesOf(b)]).toEqual([[], ["pvc-1"]]);
  });

  test("finds the volume that the same node has made since", async () => {
    const id = await bench.create(preferring("node-a"));
    await arrive();
    expect(a.pool.volumes().map((each) => each.id)).toEqual([id]);
  });

  test("does nothing ten minutes later, when a name goes elsewhere whatever became of its node", async () => {
    later(600_000);
    await arrive();
    expect(namesOf(a)).toEqual([]);
  });
});

describe("a name that another controller has just asked for", () => {
  test("and that there is by now is answered at once", async () => {
    const id = await bench.create(preferring("node-a"));
    const { volume } = await other.client.controller.createVolume(preferring("node-b"));
    expect(volume?.volume_id).toBe(id);
  });

  test("of one node alone is given on no other", async () => {
    const source = await bench.create(preferring("node-a"));
    const waiting = { signal: new AbortController().signal, deadline: Date.now() + 10_000 };
    const { FindNames } = loadNodeLink();
    for (const kind of ["VOLUME", "SNAPSHOT", "GROUP_SNAPSHOT"] as const)
      await router.fleet.nodes[1]?.call(FindNames, { kind, names: ["n"], asker: "another" }, waiting);
    const { controller, groupController } = router.client;
    const copy = { volume_content_source: { volume: { volume_id: source } } };
    for (const create of [
      () => controller.createVolume(preferring("node-a", { name: "n" })),
      () => controller.createVolume(preferring("node-a", { name: "n", ...copy })),
      () => controller.createSnapshot({ name: "n", source_volume_id: source }),
      () => groupController.createVolumeGroupSnapshot({ name: "n", source_volume_ids: [source] }),
    ])
      await expect(create()).rejects.toMatchObject({ code: status.ABORTED });
    expect([namesOf(a), a.pool.snapshots()]).toEqual([["pvc-1"], []]);
  });
});

describe("a name that a node is just giving, and then does not give", () => {
  // So that each of the creates has CREATE_BYTES.
  const name = "n".repeat(128);
  const { volumeName, snapshotName, groupName } = lockKey;
  test.each<[string, string, (source: string) => Promise<unknown>]>([
    [
      "a volume",
      volumeName(name),
      () => other.client.controller.createVolume(preferring("node-b", { name })),
    ],
    [
      "a copy",
      volumeName(name),
      (source) =>
        other.client.controller.createVolume(
          preferring("node-b", { name, volume_content_source: { volume: { volume_id: source } } }),
        ),
    ],
    [
      "a snapshot",
      snapshotName(name),
      (source) => other.client.controller.createSnapshot({ name, source_volume_id: source }),
    ],
    [
      "a group snapshot",
      groupName(name),
      (source) =>
        other.client.groupController.createVolumeGroupSnapshot({ name, source_volume_ids: [source] }),
    ],
  ])("is not given to %s of who asked meanwhile", async (_what, key, create) => {
    const source = await bench.create(preferring("node-a"));
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const running = a.operations.run({ title: "t", fingerprint: "f", exclusive: [key] }, () => ended);
    const delayed = delayAfterQuestion(a);
    const late = Promise.allSettled([create(source)]);
    await until(() => (delayed()?.size() ?? 0) > CREATE_BYTES);
    end();
    await running;
    delayed()?.arrive();
    // Whose operation that was may be giving the name on another node by now.
    expect(codesOf(await late)).toEqual([status.ABORTED]);
    expect([namesOf(a), a.pool.snapshots()]).toEqual([["pvc-1"], []]);
  });
});

describe("one name at once for what is cut on two nodes", () => {
  let volumes: readonly [string, string];
  beforeEach(async () => {
    volumes = [
      await bench.create(preferring("node-a")),
      await bench.create(preferring("node-b", { name: "pvc-2" })),
    ];
  });
  const snapshot = (by: RouterBench, source: string) =>
    by.client.controller.createSnapshot({ name: "s", source_volume_id: source });
  const group = (by: RouterBench, source: string) =>
    by.client.groupController.createVolumeGroupSnapshot({ name: "s", source_volume_ids: [source] });
  const made = () => a.pool.snapshots().length + b.pool.snapshots().length;

  test.each<[Name["kind"], (by: RouterBench, source: string) => Promise<unknown>]>([
    ["SNAPSHOT", snapshot],
    ["GROUP_SNAPSHOT", group],
  ])("is one %s, and the other is ABORTED and then ALREADY_EXISTS", async (_kind, cut) => {
    const outcomes = await Promise.allSettled(volumes.map((source) => cut(router, source)));
    expect(codesOf(outcomes)).toEqual([status.OK, status.ABORTED]);
    expect(made()).toBe(1);
    await expect(cut(router, volumes[1])).rejects.toMatchObject({ code: status.ALREADY_EXISTS });
    await cut(router, volumes[0]);
    expect(made()).toBe(1);
  });

  test.each<[Name["kind"], (by: RouterBench, source: string) => Promise<unknown>]>([
    ["SNAPSHOT", snapshot],
    ["GROUP_SNAPSHOT", group],
  ])("is no two of %s by two controllers", async (_kind, cut) => {
    const outcomes = await Promise.allSettled([cut(router, volumes[0]), cut(other, volumes[1])]);
    expect(codesOf(outcomes)).toContain(status.ABORTED);
    expect(made()).toBeLessThan(2);
    later(LEASE_MS);
    await cut(router, volumes[0]);
    await expect(cut(other, volumes[1])).rejects.toMatchObject({ code: status.ALREADY_EXISTS });
    expect(made()).toBe(1);
  });
});
