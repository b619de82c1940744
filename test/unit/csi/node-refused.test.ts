import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeVolume, startBench, type ProtocolBench } from "../../support/protocol-bench.ts";
import { blockCapability, idOf, mountCapability } from "../../support/requests.ts";

let bench: ProtocolBench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.stop());

describe("a request that cannot be met never reaches the mounts:", () => {
  const { nodeStageVolume, nodePublishVolume } = {
    nodeStageVolume: (request: object) =>
      bench.client.node.nodeStageVolume({
        volume_id: idOf("v", "a"),
        staging_target_path: "/staging",
        volume_capability: mountCapability(),
        ...request,
      }),
    nodePublishVolume: (request: object) =>
      bench.client.node.nodePublishVolume({
        volume_id: idOf("v", "a"),
        staging_target_path: "/staging",
        target_path: "/target",
        volume_capability: mountCapability(),
        ...request,
      }),
  };
  const multiNode = { volume_capability: { access_mode: { mode: "MULTI_NODE_MULTI_WRITER" }, mount: {} } };

  test.each([
    ["stage without id", () => nodeStageVolume({ volume_id: "" }), status.INVALID_ARGUMENT],
    ["stage without path", () => nodeStageVolume({ staging_target_path: "" }), status.INVALID_ARGUMENT],
    ["stage without capability", () => nodeStageVolume({ volume_capability: null }), status.INVALID_ARGUMENT],
    [
      "stage with half a capability",
      () => nodeStageVolume({ volume_capability: { mount: {} } }),
      status.INVALID_ARGUMENT,
    ],
    ["stage for several nodes", () => nodeStageVolume(multiNode), status.FAILED_PRECONDITION],
    [
      "stage as ntfs",
      () => nodeStageVolume({ volume_capability: mountCapability("ntfs") }),
      status.INVALID_ARGUMENT,
    ],
    [
      "stage with a flag outside the set",
      () => nodeStageVolume({ volume_capability: mountCapability("", ["suid,loop"]) }),
      status.INVALID_ARGUMENT,
    ],
    [
      "stage with a NUL in the path",
      () => nodeStageVolume({ staging_target_path: "/a\u0000b" }),
      status.INVALID_ARGUMENT,
    ],
    ["stage of a volume that is gone", () => nodeStageVolume({}), status.NOT_FOUND],
    ["stage of text dmthin never made", () => nodeStageVolume({ volume_id: "fake" }), status.NOT_FOUND],
    ["stage from an absent pool", () => nodeStageVolume({ volume_id: idOf("v", "c") }), status.UNAVAILABLE],
    ["publish without id", () => nodePublishVolume({ volume_id: "" }), status.INVALID_ARGUMENT],
    ["publish without target", () => nodePublishVolume({ target_path: "" }), status.INVALID_ARGUMENT],
    [
      "publish without capability, nor staging path",
      () => nodePublishVolume({ volume_capability: null, staging_target_path: "" }),
      status.INVALID_ARGUMENT,
    ],
    [
      "publish without staging path",
      () => nodePublishVolume({ staging_target_path: "" }),
      status.FAILED_PRECONDITION,
    ],
    ["publish for several nodes", () => nodePublishVolume(multiNode), status.FAILED_PRECONDITION],
    ["publish of a volume that is gone", () => nodePublishVolume({}), status.NOT_FOUND],
    [
      "unpublish without id",
      () => bench.client.node.nodeUnpublishVolume({ target_path: "/t" }),
      status.INVALID_ARGUMENT,
    ],
    [
      "unpublish without target",
      () => bench.client.node.nodeUnpublishVolume({ volume_id: "x" }),
      status.INVALID_ARGUMENT,
    ],
    [
      "unpublish of text dmthin never made",
      () => bench.client.node.nodeUnpublishVolume({ volume_id: "x", target_path: "/t" }),
      status.NOT_FOUND,
    ],
    [
      "unstage without id",
      () => bench.client.node.nodeUnstageVolume({ staging_target_path: "/s" }),
      status.INVALID_ARGUMENT,
    ],
    [
      "unstage without path",
      () => bench.client.node.nodeUnstageVolume({ volume_id: "x" }),
      status.INVALID_ARGUMENT,
    ],
    [
      "unstage of text dmthin never made",
      () => bench.client.node.nodeUnstageVolume({ volume_id: "x", staging_target_path: "/s" }),
      status.NOT_FOUND,
    ],
    [
      "stats without id",
      () => bench.client.node.nodeGetVolumeStats({ volume_path: "some/path" }),
      status.INVALID_ARGUMENT,
    ],
    [
      "stats without path",
      () => bench.client.node.nodeGetVolumeStats({ volume_id: "x" }),
      status.INVALID_ARGUMENT,
    ],
    [
      "stats of an unknown volume at a relative path",
      () => bench.client.node.nodeGetVolumeStats({ volume_id: "x", volume_path: "some/path" }),
      status.NOT_FOUND,
    ],
    [
      "expand without id",
      () => bench.client.node.nodeExpandVolume({ volume_path: "/t" }),
      status.INVALID_ARGUMENT,
    ],
    [
      "expand without path",
      () => bench.client.node.nodeExpandVolume({ volume_id: "x" }),
      status.INVALID_ARGUMENT,
    ],
    [
      "expand of an unknown volume at a relative path",
      () => bench.client.node.nodeExpandVolume({ volume_id: "x", volume_path: "some/path" }),
      status.NOT_FOUND,
    ],
    [
      "expand to a negative size",
      () =>
        bench.client.node.nodeExpandVolume({
          volume_id: "x",
          volume_path: "/t",
          capacity_range: { required_bytes: -1 },
        }),
      status.INVALID_ARGUMENT,
    ],
  ])("%s", async (_what, call, code) => {
    await expect(call()).rejects.toMatchObject({ code });
    expect(bench.mounts.asked).toEqual([]);
  });

  test.each([
    ["a raw volume as a filesystem", blockCapability, mountCapability()],
    ["a filesystem as a raw volume", mountCapability(), blockCapability],
    ["ext4 as xfs", mountCapability("ext4"), mountCapability("xfs")],
  ])("stage and publish %s", async (_what, made, volume_capability) => {
    const volume_id = await makeVolume(bench, made);
    const refused = { code: status.FAILED_PRECONDITION };
    await expect(nodeStageVolume({ volume_id, volume_capability })).rejects.toMatchObject(refused);
    await expect(nodePublishVolume({ volume_id, volume_capability })).rejects.toMatchObject(refused);
    expect(bench.mounts.asked).toEqual([]);
  });
});
