import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CreateVolumeRequest } from "../../../src/generated/csi.ts";
import { startBench, type ProtocolBench } from "../../support/protocol-bench.ts";
import { createVolumeRequest, mountCapability } from "../../support/requests.ts";

let bench: ProtocolBench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.stop());

const multiNode = (
  mode: "MULTI_NODE_READER_ONLY" | "MULTI_NODE_SINGLE_WRITER" | "MULTI_NODE_MULTI_WRITER",
) => ({
  volume_capabilities: [{ access_mode: { mode }, mount: {} }],
});
const flags = (...list: string[]) => ({ volume_capabilities: [mountCapability("ext4", list)] });

describe("a malformed request is INVALID_ARGUMENT, named, and makes nothing:", () => {
  const cases: readonly [string, CreateVolumeRequest, RegExp][] = [
    ["no name", { name: "" }, /^name: is required/],
    ["a name of 129 bytes", { name: "n".repeat(129) }, /^name: .* longer than 128 bytes/],
    ["a name of 65 two-byte letters", { name: "ü".repeat(65) }, /^name: .* longer than 128 bytes/],
    ["a name with ../", { name: "../../etc/passwd" }, /^name: .* reads as a path/],
    ["a name that is ..", { name: ".." }, /^name: .* reads as a path/],
    ["a name with a newline", { name: "a\nb" }, /^name: "a\\nb" has control characters/],
    ["a name with a tab", { name: "a\tb" }, /^name: .* control characters/],
    ["a name with a NUL", { name: "a\u0000b" }, /^name: .* control characters/],
    ["a name with an escape", { name: "a\u001B[31mb" }, /^name: .* control characters/],
    ["a name with a C1 control", { name: "a\u0085b" }, /^name: .* control characters/],
    [
      "a negative size",
      { capacity_range: { required_bytes: -1 } },
      /^capacity_range.required_bytes: -1 is negative/,
    ],
    [
      "a negative limit",
      { capacity_range: { limit_bytes: -1 } },
      /^capacity_range.limit_bytes: -1 is negative/,
    ],
    ["sizes of 0", { capacity_range: { required_bytes: 0, limit_bytes: 0 } }, /^capacity_range: has neither/],
    [
      "a limit below the size",
      { capacity_range: { required_bytes: 8192, limit_bytes: 4096 } },
      /^capacity_range.limit_bytes: 4096 is less than required_bytes, 8192/,
    ],
    ["no capability", { volume_capabilities: [] }, /^volume_capabilities: is required/],
    [
      "a capability without access type",
      { volume_capabilities: [{ access_mode: { mode: "SINGLE_NODE_WRITER" } }] },
      /^volume_capabilities\[0\]: needs an access type/,
    ],
    [
      "a capability without access mode",
      { volume_capabilities: [mountCapability(), { mount: {} }] },
      /^volume_capabilities\[1\]\.access_mode: is required/,
    ],
    [
      "the access mode UNKNOWN",
      { volume_capabilities: [{ access_mode: { mode: "UNKNOWN" }, block: {} }] },
      /^volume_capabilities\[0\]\.access_mode: is required/,
    ],
    [
      "many readers",
      multiNode("MULTI_NODE_READER_ONLY"),
      /MULTI_NODE_READER_ONLY is not supported: .* on one node/,
    ],
    [
      "one writer, many readers",
      multiNode("MULTI_NODE_SINGLE_WRITER"),
      /MULTI_NODE_SINGLE_WRITER is not supported/,
    ],
    ["many writers", multiNode("MULTI_NODE_MULTI_WRITER"), /MULTI_NODE_MULTI_WRITER is not supported/],
    [
      "a filesystem dmthin does not make",
      { volume_capabilities: [mountCapability("ntfs")] },
      /"ntfs" is not one of ext4/,
    ],
    [
      "two filesystems at once",
      { volume_capabilities: [mountCapability("xfs"), mountCapability("ext4")] },
      /^volume_capabilities: ask for different filesystems/,
    ],
    ["a mount flag outside the closed set", flags("loop"), /mount_flags: "loop" is not among the flags/],
    [
      "a mount flag that names a device",
      flags("journal_path=/dev/sda"),
      /mount_flags: .* is not among the flags/,
    ],
    [
      "a volume_mount_group",
      {
        volume_capabilities: [
          { access_mode: { mode: "SINGLE_NODE_WRITER" }, mount: { volume_mount_group: "1000" } },
        ],
      },
      /volume_mount_group: is not supported/,
    ],
    [
      "a key nobody knows",
      { parameters: { fsType: "xfs" } },
      /^parameters: "fsType" is not a parameter; .*pool, mkfsOptions/,
    ],
    ["a key in another case", { parameters: { Pool: "fast" } }, /^parameters: "Pool" is not a parameter/],
    [
      "a key named __proto__",
      { parameters: Object.fromEntries([["__proto__", "x"]]) },
      /"__proto__" is not a parameter/,
    ],
    ["a key named constructor", { parameters: { constructor: "x" } }, /"constructor" is not a parameter/],
    ["encryption", { parameters: { encryption: "luks" } }, /^parameters.encryption: is not built yet/],
    [
      "encryption that is off",
      { parameters: { encryption: "" } },
      /^parameters.encryption: is not built yet/,
    ],
    [
      "copyAcrossNodes",
      { parameters: { copyAcrossNodes: "true" } },
      /^parameters.copyAcrossNodes: is not built yet/,
    ],
    [
      "a pool's name that is a path",
      { parameters: { pool: "../fast" } },
      /^parameters.pool: .* cannot be the name/,
    ],
    [
      "an mkfs option outside the closed set",
      { parameters: { mkfsOptions: "-E discard" } },
      /^parameters.mkfsOptions: "-E"/,
    ],
    [
      "an mkfs option that is a device",
      { parameters: { mkfsOptions: "/dev/sda" } },
      /^parameters.mkfsOptions: /,
    ],
    [
      "parameters of more than 4 KiB",
      { parameters: { "csi.storage.k8s.io/x": "x".repeat(4100) } },
      /^parameters: is \d+ bytes/,
    ],
    ["mutable parameters", { mutable_parameters: { iops: "3" } }, /^mutable_parameters: is not supported/],
    ["a source that names nothing", { volume_content_source: {} }, /^volume_content_source: names neither/],
    ["a source without an id", { volume_content_source: { snapshot: {} } }, /snapshot_id: is required/],
  ];

  test.each(cases)("%s", async (_what, changes, message) => {
    await expect(bench.client.controller.createVolume(createVolumeRequest(changes))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(message) as unknown,
    });
    expect([...bench.fast.volumes(), ...bench.slow.volumes()]).toEqual([]);
    expect(bench.fast.intents).toEqual([]);
  });
});
