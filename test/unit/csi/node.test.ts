import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bytes } from "../../../src/core/units.ts";
import type { VolumeCapability } from "../../../src/generated/csi.ts";
import { makeVolume, startBench, type ProtocolBench } from "../../support/protocol-bench.ts";
import { blockCapability, idOf, mountCapability } from "../../support/requests.ts";

let bench: ProtocolBench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.stop());

const inMode = (mode: "SINGLE_NODE_READER_ONLY" | "SINGLE_NODE_MULTI_WRITER"): VolumeCapability => ({
  access_mode: { mode },
  mount: {},
});

test("the node's capabilities are those of the issue", async () => {
  const { capabilities } = await bench.client.node.nodeGetCapabilities({});
  expect(capabilities.map(({ rpc }) => rpc?.type)).toEqual([
    "STAGE_UNSTAGE_VOLUME",
    "GET_VOLUME_STATS",
    "EXPAND_VOLUME",
    "SINGLE_NODE_MULTI_WRITER",
  ]);
});

test("the node tells who and where it is, also while its pools are being opened", async () => {
  bench.pools = undefined;
  await expect(bench.client.node.nodeGetInfo({})).resolves.toEqual({
    node_id: "node-1",
    max_volumes_per_node: "20",
    accessible_topology: { segments: { "topology.dmthin.io/node": "node-1" } },
  });
});

describe("what is asked of the mounts", () => {
  test("to stage a filesystem", async () => {
    const id = await makeVolume(bench);
    await bench.client.node.nodeStageVolume({
      volume_id: id,
      staging_target_path: "/staging",
      volume_capability: mountCapability("xfs", ["noatime"]),
    });
    expect(bench.mounts.asked).toEqual([
      {
        what: "stage",
        pool: "fast",
        intent: {
          id,
          path: "/staging",
          access: { kind: "mount", fsType: "xfs", flags: ["noatime"] },
          readOnly: false,
        },
      },
    ]);
  });

  test("to stage a raw block volume, for readers", async () => {
    const id = await makeVolume(bench, blockCapability);
    await bench.client.node.nodeStageVolume({
      volume_id: id,
      staging_target_path: "/staging",
      volume_capability: { access_mode: { mode: "SINGLE_NODE_READER_ONLY" }, block: {} },
    });
    expect(bench.mounts.asked[0]?.intent).toEqual({
      id,
      path: "/staging",
      access: { kind: "block" },
      readOnly: true,
    });
  });

  test.each([
    ["a writer", inMode("SINGLE_NODE_MULTI_WRITER"), false, false],
    ["a pod that only reads", inMode("SINGLE_NODE_MULTI_WRITER"), true, true],
    ["a volume of readers", inMode("SINGLE_NODE_READER_ONLY"), false, true],
  ])("to publish to %s", async (_what, volume_capability, readonly, readOnly) => {
    const id = await makeVolume(bench);
    await bench.client.node.nodePublishVolume({
      volume_id: id,
      staging_target_path: "/staging",
      target_path: "/target",
      volume_capability,
      readonly,
    });
    expect(bench.mounts.asked).toEqual([
      {
        what: "publish",
        pool: "fast",
        intent: {
          id,
          stagingPath: "/staging",
          targetPath: "/target",
          access: { kind: "mount", flags: [] },
          readOnly,
          accessMode: volume_capability.access_mode?.mode,
        },
      },
    ]);
  });

  test("to unpublish and unstage, also of a volume that is gone", async () => {
    const volume_id = idOf("v", "a");
    await bench.client.node.nodeUnpublishVolume({ volume_id, target_path: "/target" });
    await bench.client.node.nodeUnstageVolume({ volume_id, staging_target_path: "/staging" });
    expect(bench.mounts.asked).toEqual([
      { what: "unpublish", pool: "fast", intent: { id: volume_id, path: "/target" } },
      { what: "unstage", pool: "fast", intent: { id: volume_id, path: "/staging" } },
    ]);
  });

  test("to unpublish and unstage without a pool: its pool is missing, or the driver is starting", async () => {
    const end = async (volume_id: string): Promise<void> => {
      await bench.client.node.nodeUnpublishVolume({ volume_id, target_path: "/target" });
      await bench.client.node.nodeUnstageVolume({ volume_id, staging_target_path: "/staging" });
    };
    await end(idOf("v", "c"));
    bench.pools = undefined;
    await end(idOf("v", "a"));
    expect(bench.mounts.asked.map(({ what, pool }) => [what, pool])).toEqual([
      ["unpublish", undefined],
      ["unstage", undefined],
      ["unpublish", undefined],
      ["unstage", undefined],
    ]);
  });

  test("to expand, with and without a size", async () => {
    const id = await makeVolume(bench);
    const request = { volume_id: id, volume_path: "/target" };
    const answer = await bench.client.node.nodeExpandVolume(request);
    await bench.client.node.nodeExpandVolume({ ...request, capacity_range: { required_bytes: 4096 } });
    expect(answer.capacity_bytes).toBe(String(2 ** 30));
    expect(bench.mounts.asked.map(({ intent }) => intent)).toEqual([
      { id, path: "/target" },
      { id, path: "/target", range: { required: 4096n } },
    ]);
  });
});

describe("NodeGetVolumeStats", () => {
  const amounts = { total: 100n, used: 60n, available: 40n };
  const inBytes = { total: bytes(100), used: bytes(60), available: bytes(40) };
  const bytesUsed = { unit: "BYTES", total: "100", used: "60", available: "40" };

  test.each([
    [
      "a filesystem",
      { kind: "filesystem" as const, bytes: inBytes, inodes: amounts },
      [bytesUsed, { ...bytesUsed, unit: "INODES" }],
    ],
    ["a filesystem without inodes", { kind: "filesystem" as const, bytes: inBytes }, [bytesUsed]],
    [
      "a raw volume",
      { kind: "block" as const, total: bytes(100) },
      [{ unit: "BYTES", total: "100", used: "0", available: "0" }],
    ],
  ])("of %s", async (_what, usage, expected) => {
    bench.mounts.usageAnswer = usage;
    const request = { volume_id: await makeVolume(bench), volume_path: "/target" };
    await expect(bench.client.node.nodeGetVolumeStats(request)).resolves.toMatchObject({ usage: expected });
  });
});
