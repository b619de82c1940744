import { describe, expect, test } from "vitest";
import { loadCsi } from "../../../src/csi/proto.ts";

const { Controller, GroupController, Identity, Node, SnapshotMetadata } = loadCsi();

describe("what the services are", () => {
  test.each([
    ["Identity", Identity, 3],
    ["Controller", Controller, 15],
    ["GroupController", GroupController, 4],
    ["Node", Node, 8],
    ["SnapshotMetadata", SnapshotMetadata, 2],
  ])("%s has its methods under the path of package csi.v1", (name, service, count) => {
    const methods = Object.entries(service);
    expect(methods).toHaveLength(count);
    expect(methods.map(([, method]) => method.path)).toEqual(
      methods.map(([rpc]) => `/csi.v1.${name}/${rpc}`),
    );
  });

  test("only SnapshotMetadata answers with a stream, and nothing takes one", () => {
    const services = { Identity, Controller, GroupController, Node, SnapshotMetadata };
    const methods = Object.values(services).flatMap((service) => Object.values(service));
    const streaming = methods.filter((method) => method.responseStream).map((method) => method.path);
    expect(streaming).toEqual(Object.values(SnapshotMetadata).map((method) => method.path));
    expect(methods.some((method) => method.requestStream)).toBe(false);
  });
});

describe("what a message looks like after the wire", () => {
  const { CreateVolume, GetCapacity, CreateSnapshot } = Controller;
  type CreateVolumeRequest = Parameters<typeof CreateVolume.requestSerialize>[0];
  const received = (request: CreateVolumeRequest) =>
    CreateVolume.requestDeserialize(CreateVolume.requestSerialize(request));

  test.each(["9007199254740993", "9223372036854775807", "-1", "0"])(
    "the int64 %s is kept exactly",
    (bytes) => {
      expect(received({ capacity_range: { required_bytes: bytes } }).capacity_range).toEqual({
        required_bytes: bytes,
        limit_bytes: "0",
      });
    },
  );

  test("an unset field is null for a message, empty for everything else", () => {
    expect(received({})).toEqual({
      name: "",
      capacity_range: null,
      volume_capabilities: [],
      parameters: {},
      secrets: {},
      volume_content_source: null,
      accessibility_requirements: null,
      mutable_parameters: {},
    });
  });

  test("a wrapper is an object with a value, or null", () => {
    const wire = GetCapacity.responseSerialize({ available_capacity: 7, maximum_volume_size: { value: 0 } });
    expect(GetCapacity.responseDeserialize(wire)).toEqual({
      available_capacity: "7",
      maximum_volume_size: { value: "0" },
      minimum_volume_size: null,
    });
    expect(Identity.Probe.responseDeserialize(Identity.Probe.responseSerialize({}))).toEqual({ ready: null });
  });

  test("a timestamp is seconds as a string and nanoseconds as a number", () => {
    const wire = CreateSnapshot.responseSerialize({
      snapshot: { creation_time: { seconds: 1_700_000_000, nanos: 5 } },
    });
    expect(CreateSnapshot.responseDeserialize(wire).snapshot?.creation_time).toEqual({
      seconds: "1700000000",
      nanos: 5,
    });
  });

  test("a oneof names its member, and the other members are absent", () => {
    const [mount, block, neither] = received({
      volume_capabilities: [
        { mount: { fs_type: "xfs" }, access_mode: { mode: "SINGLE_NODE_WRITER" } },
        { block: {} },
        {},
      ],
    }).volume_capabilities;
    expect(mount).toEqual({
      access_type: "mount",
      mount: { fs_type: "xfs", mount_flags: [], volume_mount_group: "" },
      access_mode: { mode: "SINGLE_NODE_WRITER" },
    });
    expect(block).toEqual({ access_type: "block", block: {}, access_mode: null });
    expect(neither).toEqual({ access_mode: null });
  });

  test("an enum value that the contract does not know arrives as a number", () => {
    const wire = CreateVolume.requestSerialize({ volume_capabilities: [{ access_mode: { mode: 7 } }] });
    const unknown = Buffer.from(wire.map((byte) => (byte === 7 ? 99 : byte)));
    expect(CreateVolume.requestDeserialize(unknown).volume_capabilities[0]?.access_mode).toEqual({
      mode: 99,
    });
  });

  test("a map key named __proto__ is an ordinary key", () => {
    const parameters = Object.fromEntries([["__proto__", "x"]]);
    const map = received({ parameters }).parameters;
    expect(Object.entries(map)).toEqual([["__proto__", "x"]]);
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
  });
});
