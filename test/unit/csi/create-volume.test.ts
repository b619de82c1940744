import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CreateVolumeRequest } from "../../../src/generated/csi.ts";
import { memoryPools } from "../../support/memory-pool.ts";
import { startBench, type ProtocolBench } from "../../support/protocol-bench.ts";
import { blockCapability, createVolumeRequest, idOf, mountCapability } from "../../support/requests.ts";

let bench: ProtocolBench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.stop());

const create = (changes?: CreateVolumeRequest) =>
  bench.client.controller.createVolume(createVolumeRequest(changes));
const nothingMade = (): void => {
  expect(bench.fast.volumes()).toEqual([]);
  expect(bench.slow.volumes()).toEqual([]);
};

describe("a name", () => {
  test.each([
    ["of 128 bytes", "n".repeat(128)],
    ["of 64 two-byte letters", "ü".repeat(64)],
    ["with blanks and quotes", `a "b" 'c' $(d)`],
  ])("%s is taken as it is", async (_what, name) => {
    await create({ name });
    expect(bench.fast.volumeByName(name)?.name).toBe(name);
  });
});

describe("what the pool is asked for", () => {
  test("is the request without what is not said", async () => {
    await create({ name: "pvc-1", capacity_range: null });
    expect(bench.fast.intents).toEqual([
      { name: "pvc-1", range: {}, source: { kind: "empty" }, access: ["mount"], mkfsOptions: [] },
    ]);
  });

  test("is everything that is said", async () => {
    await create({
      capacity_range: { required_bytes: "4096", limit_bytes: "8192" },
      volume_capabilities: [mountCapability("xfs", ["noatime"]), blockCapability],
      parameters: {
        pool: "slow",
        mkfsOptions: "-m reflink=0",
        "csi.storage.k8s.io/fstype": "xfs",
        "csi.storage.k8s.io/pvc/name": "data",
      },
    });
    expect(bench.slow.intents).toEqual([
      {
        name: "pvc-1",
        range: { required: 4096n, limit: 8192n },
        source: { kind: "empty" },
        access: ["mount", "block"],
        fsType: "xfs",
        mkfsOptions: ["-m", "reflink=0"],
      },
    ]);
  });

  test("leaves mkfs options out for a raw block volume", async () => {
    await create({ volume_capabilities: [blockCapability], parameters: { mkfsOptions: "-m reflink=0" } });
    expect(bench.fast.intents[0]).toMatchObject({ access: ["block"], mkfsOptions: [] });
  });

  test("has sizes beyond 2^53 exactly, which the pool refuses", async () => {
    await expect(create({ capacity_range: { required_bytes: "9007199254740993" } })).rejects.toMatchObject({
      code: status.OUT_OF_RANGE,
    });
    expect(bench.fast.intents[0]?.range.required).toBe(9007199254740993n);
    nothingMade();
  });
});

describe("the volume in the answer", () => {
  test("has size, place and nothing else of a new volume", async () => {
    const { volume } = await create({ capacity_range: { required_bytes: 5000 } });
    expect(volume).toEqual({
      volume_id: bench.fast.volumes()[0]?.id,
      capacity_bytes: "8192",
      volume_context: {},
      content_source: null,
      accessible_topology: [{ segments: { "topology.dmthin.io/node": "node-1" } }],
    });
  });

  test("is the same for a retry, and ALREADY_EXISTS for another size", async () => {
    const first = await create();
    await expect(create()).resolves.toEqual(first);
    await expect(create({ capacity_range: { required_bytes: 2 ** 31 } })).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
    });
  });
});

describe("the pool", () => {
  test("that has the name already is found though another one is the default now", async () => {
    await create({ parameters: { pool: "slow" } });
    const { volume } = await create();
    expect(volume?.volume_id).toBe(bench.slow.volumes()[0]?.id);
    expect(bench.fast.volumes()).toEqual([]);
  });

  test("of the StorageClass is not the one that has the name: ALREADY_EXISTS", async () => {
    await create();
    await expect(create({ parameters: { pool: "slow" } })).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
      details: `volume "pvc-1" exists in pool fast, not in slow`,
    });
    expect(bench.slow.volumes()).toEqual([]);
  });

  test("that this node does not have sends the caller to another node", async () => {
    await expect(create({ parameters: { pool: "huge" } })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: "this node has no pool huge (parameters.pool); it has: fast, slow",
    });
  });

  test("that is configured but not open may have the volume: UNAVAILABLE", async () => {
    bench.pools = memoryPools([bench.fast], ["slow"]);
    await expect(create({ parameters: { pool: "slow" } })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: "pool slow is not open: its disk is gone",
    });
  });

  test("must be named where none is the default", async () => {
    bench.pools = { ...memoryPools([bench.fast, bench.slow]), default: undefined };
    await expect(create()).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    bench.pools = { ...memoryPools([bench.fast], ["slow"]), default: undefined };
    await expect(create()).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  test("is not known during the start: UNAVAILABLE, and malformed requests are told so already", async () => {
    bench.pools = undefined;
    await expect(create()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await expect(create({ name: "" })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe("the place", () => {
  const at = (...nodes: string[]) => ({
    accessibility_requirements: {
      requisite: nodes.map((node) => ({ segments: { "topology.dmthin.io/node": node } })),
    },
  });

  test.each([
    ["this node", at("node-1")],
    ["this node among others", at("node-0", "node-1")],
    ["no node in particular", at()],
    [
      "this node, the key in another case",
      {
        accessibility_requirements: { requisite: [{ segments: { "Topology.dmthin.io/Node": "node-1" } }] },
      },
    ],
  ])("may be %s", async (_what, changes) => {
    await expect(create(changes)).resolves.toBeDefined();
  });

  test.each([
    ["another node", at("node-2")],
    [
      "a place of another driver",
      {
        accessibility_requirements: { requisite: [{ segments: { "topology.example.com/zone": "node-1" } }] },
      },
    ],
    [
      "this node and a zone",
      {
        accessibility_requirements: {
          requisite: [
            { segments: { "topology.dmthin.io/node": "node-1", "topology.example.com/zone": "a" } },
          ],
        },
      },
    ],
  ])("cannot be %s: RESOURCE_EXHAUSTED, nothing made", async (_what, changes) => {
    await expect(create(changes)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    nothingMade();
  });
});

describe("a copy", () => {
  test("of a snapshot is made beside it, and says so", async () => {
    const { volume } = await create({ parameters: { pool: "slow" } });
    const source = { source_volume_id: volume?.volume_id ?? "", name: "snap" };
    const { snapshot } = await bench.client.controller.createSnapshot(source);
    const snapshot_id = snapshot?.snapshot_id ?? "";
    const copy = await create({ name: "copy", volume_content_source: { snapshot: { snapshot_id } } });
    expect(copy.volume?.content_source).toEqual({ type: "snapshot", snapshot: { snapshot_id } });
    expect(bench.slow.intents.at(-1)?.source).toEqual({ kind: "snapshot", id: snapshot_id });
  });

  test("of a volume is made beside it, and says so", async () => {
    const { volume } = await create();
    const volume_id = volume?.volume_id ?? "";
    const copy = await create({ name: "copy", volume_content_source: { volume: { volume_id } } });
    expect(copy.volume?.content_source).toEqual({ type: "volume", volume: { volume_id } });
  });

  test("into another pool is refused", async () => {
    const { volume } = await create();
    await expect(
      create({
        name: "copy",
        parameters: { pool: "slow" },
        volume_content_source: { volume: { volume_id: volume?.volume_id ?? "" } },
      }),
    ).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(bench.slow.volumes()).toEqual([]);
  });

  test.each([
    ["a snapshot dmthin never made", { snapshot: { snapshot_id: "non-existing-snapshot-id" } }],
    ["a volume dmthin never made", { volume: { volume_id: "fake-vol-id" } }],
    ["a snapshot that is gone", { snapshot: { snapshot_id: idOf("s", "a") } }],
    ["a volume that is gone", { volume: { volume_id: idOf("v", "a") } }],
    ["a volume's id given as a snapshot's", { snapshot: { snapshot_id: idOf("v", "a") } }],
  ])("of %s is NOT_FOUND", async (_what, volume_content_source) => {
    await expect(create({ volume_content_source })).rejects.toMatchObject({ code: status.NOT_FOUND });
    nothingMade();
  });

  test("of a snapshot whose pool is not open here is UNAVAILABLE", async () => {
    const volume_content_source = { snapshot: { snapshot_id: idOf("s", "c") } };
    await expect(create({ volume_content_source })).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});

test("nothing secret and no parameter reaches the log, also when a request fails", async () => {
  const secrets = { passphrase: "hunter2" };
  await create({ secrets, parameters: { "csi.storage.k8s.io/pvc/name": "hunter3" } });
  await create({ secrets, name: "" }).catch(() => undefined);
  await create({ secrets, parameters: { pool: "slow" } }).catch(() => undefined);
  expect(bench.lines).toHaveLength(3);
  expect(JSON.stringify(bench.lines)).not.toMatch(/hunter|passphrase|pvc\/name/);
});
