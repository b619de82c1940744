/** Bad requests to the Controller of a running driver: a clear answer, and nothing changed. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { CreateVolumeRequest, VolumeCapability } from "../../src/generated/csi.ts";
import {
  BAD_MKFS_OPTIONS,
  BAD_MOUNT_FLAGS,
  BAD_NAMES,
  BAD_REQUESTS,
  capability,
  expectAnswerOnly,
  ofManyNodes,
  range,
  type Code,
} from "../support/bad-requests.ts";
import type { MachineState } from "../support/machine-state.ts";
import { expectCode, expectNothingLeft, NodeBench } from "../support/node-bench.ts";
import { blockCapability, createVolumeRequest, idOf, mountCapability } from "../support/requests.ts";
import type { TestVolume } from "../support/volume-life.ts";

const MIB = 1 << 20;
const SIZE = 64 * MIB;

let bench: NodeBench;
let volume: TestVolume;
let snapshotId: string;
let before: MachineState;

beforeAll(async () => {
  bench = await NodeBench.start({ pool: "hostile-in", dataSize: "4GiB" });
  volume = await bench.life.create("victim", "ext4");
  ({ snapshot_id: snapshotId } = await bench.life.snapshot("evidence", volume));
  before = await bench.state();
});
afterAll(() => bench.stop());

/** Thin ids, blocks and loop devices too; slower, so once for each group of cases. */
const expectNothingChanged = async (): Promise<void> => expect(await bench.state()).toEqual(before);

/** Answered so, and nothing else. */
const expectRefused = (call: () => Promise<unknown>, code: Code, message: RegExp): Promise<void> =>
  expectAnswerOnly(bench, call, code, message);

describe("a name", () => {
  afterAll(expectNothingChanged);

  test.each(BAD_NAMES)("%s is refused for volumes, snapshots and groups", async (_what, name, message) => {
    const { controller, groupController } = bench.csi;
    for (const call of [
      () => controller.createVolume(createVolumeRequest({ name })),
      () => controller.createSnapshot({ name, source_volume_id: volume.id }),
      () => groupController.createVolumeGroupSnapshot({ name, source_volume_ids: [volume.id] }),
    ])
      await expectRefused(call, "INVALID_ARGUMENT", message);
  });

  test("of 128 bytes works for all three", async () => {
    const { controller, groupController } = bench.csi;
    const name = `${"ü".repeat(60)}12345678`;
    await expectNothingLeft(bench, async () => {
      const made = await bench.life.create(name, "block");
      const snapshot = await bench.life.snapshot(name, made);
      const { group_snapshot: group } = await groupController.createVolumeGroupSnapshot({
        name,
        source_volume_ids: [made.id],
      });
      const members = group?.snapshots.map(({ snapshot_id }) => snapshot_id) ?? [];
      expect(members).toHaveLength(1);
      await groupController.deleteVolumeGroupSnapshot({
        group_snapshot_id: group?.group_snapshot_id ?? "",
        snapshot_ids: members,
      });
      await controller.deleteSnapshot({ snapshot_id: snapshot.snapshot_id });
      await bench.life.delete(made);
    });
  });
});

describe("CreateVolume refuses", () => {
  afterAll(expectNothingChanged);

  test.each(BAD_REQUESTS)("%s", async (_what, changes, code, message) => {
    const request = createVolumeRequest({ capacity_range: { required_bytes: SIZE }, ...changes });
    await expectRefused(() => bench.csi.controller.createVolume(request), code, message);
  });

  const source = (kind: "snapshot" | "volume", id: string): CreateVolumeRequest => ({
    volume_content_source:
      kind === "volume" ? { volume: { volume_id: id } } : { snapshot: { snapshot_id: id } },
  });
  const xfs = capability(mountCapability("xfs"));

  test.each([
    [
      "a source in another pool",
      () => source("snapshot", idOf("s", "f")),
      "UNAVAILABLE",
      /pool is not open on/,
    ],
    [
      "a source of no form of ours",
      () => source("volume", "pvc-1"),
      "NOT_FOUND",
      /^volume "pvc-1" does not exist/,
    ],
    [
      "a volume taken for a snapshot",
      () => source("snapshot", volume.id),
      "NOT_FOUND",
      /^snapshot "v-.* not exist/,
    ],
    [
      "a snapshot taken for a volume",
      () => source("volume", snapshotId),
      "NOT_FOUND",
      /^volume "s-.* not exist/,
    ],
    [
      "a source of 129 bytes",
      () => source("volume", "v".repeat(129)),
      "INVALID_ARGUMENT",
      /volume_id: .*longer/,
    ],
    [
      "a shrunken copy",
      () => ({ ...source("volume", volume.id), ...range("4096") }),
      "OUT_OF_RANGE",
      /the source/,
    ],
    [
      "xfs in 64 MiB",
      () => ({ ...xfs, ...range("67108864", "67108864") }),
      "OUT_OF_RANGE",
      /xfs needs 300 MiB/,
    ],
  ] as const)("%s", async (_what, changes, code, message) => {
    const request = createVolumeRequest({ capacity_range: { required_bytes: SIZE }, ...changes() });
    await expectRefused(() => bench.csi.controller.createVolume(request), code, message);
  });

  test("keys of the sidecars never: they are not read as options", async () => {
    await expectNothingLeft(bench, async () => {
      const made = await bench.life.create("sidecars", "block", BigInt(SIZE), {
        parameters: { "csi.storage.k8s.io/fstype": "ntfs; reboot", "csi.storage.k8s.io/pvc/name": "../x" },
      });
      await bench.life.delete(made);
    });
  });
});

describe("an option outside the closed set makes nothing:", () => {
  afterAll(expectNothingChanged);

  test.each(BAD_MKFS_OPTIONS)("mkfs.%s %j", async (fsType, mkfsOptions) => {
    const request = createVolumeRequest({
      ...capability(mountCapability(fsType)),
      parameters: { mkfsOptions },
    });
    const message =
      /^parameters\.mkfsOptions: ("|-\S+ ").*"( is not allowed for \w+| is given twice| needs a value)/;
    await expectRefused(() => bench.csi.controller.createVolume(request), "INVALID_ARGUMENT", message);
  });

  test.each(BAD_MOUNT_FLAGS)("mount -t %s -o %j", async (fsType, flag) => {
    const request = createVolumeRequest(capability(mountCapability(fsType, [flag])));
    const message =
      /^volume_capabilities\[0\]\.mount\.mount_flags: ".*" is not (among the flags allowed for|a flag here: ask)/;
    await expectRefused(() => bench.csi.controller.createVolume(request), "INVALID_ARGUMENT", message);
  });
});

describe("other calls are refused:", () => {
  afterAll(expectNothingChanged);

  const foreign = idOf("v", "f");
  const expand = (required_bytes: string, limit_bytes = "0", volume_id = volume.id) =>
    bench.csi.controller.controllerExpandVolume({
      volume_id,
      capacity_range: required_bytes === "" ? null : { required_bytes, limit_bytes },
    });
  const remove = (volume_id: string) => bench.csi.controller.deleteVolume({ volume_id });
  const cut = (source_volume_id: string, parameters = {}) =>
    bench.csi.controller.createSnapshot({ name: "bad", source_volume_id, parameters });
  const cutTogether = (...source_volume_ids: string[]) =>
    bench.csi.groupController.createVolumeGroupSnapshot({ name: "bad", source_volume_ids });
  const list = (starting_token: string, max_entries = 0) =>
    bench.csi.controller.listVolumes({ starting_token, max_entries });
  const capacity = (parameters: Record<string, string>) => bench.csi.controller.getCapacity({ parameters });

  test.each([
    ["growth without a size", () => expand(""), "INVALID_ARGUMENT", /^capacity_range: is required/],
    [
      "growth by a negative size",
      () => expand("-1"),
      "INVALID_ARGUMENT",
      /^capacity_range.required_bytes: -1/,
    ],
    ["growth beyond the pool", () => expand("9007199254740993"), "OUT_OF_RANGE", /grow the pool$/],
    [
      "growth past its limit",
      () => expand("67108865", "67108866"),
      "OUT_OF_RANGE",
      /_bytes allows 67108866$/,
    ],
    [
      "shrinking",
      () => expand("0", "33554432"),
      "OUT_OF_RANGE",
      /limit_bytes: .* already and cannot shrink$/,
    ],
    ["growth in another pool", () => expand("1", "0", foreign), "UNAVAILABLE", /^v-f+.* is not open on this/],
    ["growth of no volume", () => expand("1", "0", "pvc-1"), "NOT_FOUND", /^volume "pvc-1" does not exist$/],
    [
      "deletion in another pool",
      () => remove(foreign),
      "UNAVAILABLE",
      /^v-f+.*: its pool is not open on this/,
    ],
    ["deletion by 129 bytes", () => remove("v".repeat(129)), "INVALID_ARGUMENT", /^volume_id: .* 128 bytes$/],
    ["deletion of nothing", () => remove(""), "INVALID_ARGUMENT", /^volume_id: is required$/],
    [
      "a snapshot in another pool",
      () => cut(foreign),
      "UNAVAILABLE",
      /^v-f+.*: its pool is not open on this/,
    ],
    [
      "a parameter of snapshots",
      () => cut(volume.id, { pool: "x" }),
      "INVALID_ARGUMENT",
      /^parameters: "pool"/,
    ],
    [
      "a group of one twice",
      () => cutTogether(volume.id, volume.id),
      "INVALID_ARGUMENT",
      /_ids: names a vol/,
    ],
    [
      "a group of two pools",
      () => cutTogether(volume.id, foreign),
      "UNAVAILABLE",
      /^v-f+.*: its pool is not/,
    ],
    ["a group of none", () => cutTogether(), "INVALID_ARGUMENT", /^source_volume_ids: is required$/],
    [
      "a token that is not ours",
      () => list("7"),
      "ABORTED",
      /^starting_token "7" .* start again without a token/,
    ],
    [
      "a token that is a shell's",
      () => list("$(reboot)\n"),
      "ABORTED",
      /^starting_token .* start again without/,
    ],
    ["a negative length of a list", () => list("", -1), "INVALID_ARGUMENT", /^max_entries: -1 is negative$/],
    [
      "a strange class's capacity",
      () => capacity({ tier: "x" }),
      "INVALID_ARGUMENT",
      /"tier" is not a parameter/,
    ],
  ] as const)("%s", async (_what, call, code, message) => {
    await expectRefused(call, code, message);
  });

  test("a token of another list", async () => {
    const { controller } = bench.csi;
    const other = await bench.life.create("second", "block");
    const { next_token } = await controller.listVolumes({ max_entries: 1 });
    expect(next_token).not.toBe("");
    await expectCode(
      controller.listSnapshots({ starting_token: next_token }),
      "ABORTED",
      /is none of this list/,
    );
    await bench.life.delete(other);
    await expectNothingChanged();
  });

  test("a capability that cannot be met is not confirmed, with the reason", async () => {
    const validate = async (...volume_capabilities: VolumeCapability[]) =>
      bench.csi.controller.validateVolumeCapabilities({ volume_id: volume.id, volume_capabilities });
    for (const [wanted, reason] of [
      [ofManyNodes("MULTI_NODE_MULTI_WRITER"), /MULTI_NODE_MULTI_WRITER is not supported/],
      [blockCapability, /was created for access type mount, not block: correct volumeMode/],
      [mountCapability("xfs"), /holds ext4, xfs was asked for: correct fsType/],
      [mountCapability("ext4", ["loop"]), /"loop" is not among the flags/],
    ] as const) {
      const { confirmed, message } = await validate(wanted);
      expect(confirmed).toBeNull();
      expect(message).toMatch(reason);
    }
    expect((await validate(mountCapability("ext4", ["noatime"]))).confirmed).not.toBeNull();
    await expectNothingChanged();
  });
});
