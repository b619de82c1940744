import { describe, expect, test } from "vitest";

import {
  CapacityRangeError,
  IncompatibleExistingError,
  InvalidRequestError,
} from "../../../src/core/errors.ts";
import { keyOf, thinDeviceName, thinDeviceUuid } from "../../../src/core/ids.ts";
import { GIB, MIB, bytes } from "../../../src/core/units.ts";
import { planDeleteVolume } from "../../../src/plan/remove.ts";
import { planRenewThin, renewedRecord } from "../../../src/plan/renew.ts";
import { newSnapshotRecord, planCuts, planSnapshotsReady } from "../../../src/plan/snapshot.ts";
import type { CreateVolumeIntent, Origin } from "../../../src/plan/volume.ts";
import { newVolumeRecord, planCreateVolume, requireSameVolume } from "../../../src/plan/volume.ts";
import {
  POOL_NAME,
  POOL_UUID,
  groupRecord,
  snapshotIdOf,
  snapshotRecord,
  thin,
  volumeIdOf,
  volumeRecord,
} from "../../support/records.ts";

const deviceOf = (number: number) => ({
  device: thinDeviceName(POOL_NAME, keyOf(volumeIdOf(number))),
  uuid: thinDeviceUuid(POOL_UUID, keyOf(volumeIdOf(number))),
});

const request = (changes: Partial<CreateVolumeIntent> = {}): CreateVolumeIntent => ({
  name: "volume-9",
  range: { required: bytes(GIB) },
  source: { kind: "empty" },
  access: ["mount"],
  mkfsOptions: [],
  ...changes,
});

const made = { id: volumeIdOf(9), thinId: thin(9), createdAt: "2026-01-02T03:04:05.000Z" };

const copyOf = (changes: Partial<Origin> = {}): Origin => ({
  thinId: thin(1),
  size: bytes(GIB),
  format: { state: "copied", fsType: "xfs" },
  empty: false,
  mapped: bytes(MIB),
  ...changes,
});

describe("a new volume", () => {
  test("is recorded, made, recorded as ready, in this order", () => {
    const record = newVolumeRecord(request(), undefined, made);
    expect(planCreateVolume(record, undefined)).toEqual([
      { kind: "record", changes: [{ kind: "put-volume", record: { ...record, state: "creating" } }] },
      { kind: "create-thin", thinId: 9 },
      { kind: "record", changes: [{ kind: "put-volume", record: { ...record, state: "ready" } }] },
    ]);
  });

  test("is blank and ext4 unless asked otherwise; raw block has no filesystem", () => {
    expect(newVolumeRecord(request(), undefined, made)).toMatchObject({
      format: { state: "blank" },
      fsType: "ext4",
    });
    expect(newVolumeRecord(request({ access: ["block"] }), undefined, made)).not.toHaveProperty("fsType");
  });

  test("is raised to what its filesystem needs", () => {
    const small = request({ fsType: "xfs", range: { required: bytes(MIB) } });
    expect(newVolumeRecord(small, undefined, made).size).toBe(300n * MIB);
  });
});

describe("a copy", () => {
  test("of an inactive thin is one create_snap and is never to be formatted", () => {
    const record = newVolumeRecord(
      request({ source: { kind: "snapshot", id: snapshotIdOf(1) } }),
      copyOf(),
      made,
    );
    expect(record).toMatchObject({ format: { state: "copied", fsType: "xfs" }, fsType: "xfs" });
    expect(planCreateVolume(record, copyOf())[1]).toEqual({ kind: "create-snap", thinId: 9, origin: 1 });
  });

  test("of an active volume is measured and cut while the origin is held still", () => {
    const suspension = { ...deviceOf(1), mountPoint: "/m", freezeMount: false };
    const origin = copyOf({ suspension });
    const plan = planCreateVolume(newVolumeRecord(request(), origin, made), origin);
    expect(plan[1]).toEqual({
      kind: "while-suspended",
      suspensions: [suspension],
      steps: [
        { kind: "measure", device: suspension.device, thinId: 1 },
        { kind: "create-snap", thinId: 9, origin: 1 },
      ],
    });
  });

  test("of something empty is a new empty thin, and may be formatted", () => {
    const record = newVolumeRecord(request(), copyOf({ empty: true }), made);
    expect(record).toMatchObject({ format: { state: "blank" }, fsType: "ext4" });
    expect(planCreateVolume(record, copyOf({ empty: true }))[1]).toEqual({ kind: "create-thin", thinId: 9 });
  });

  test("may be larger than its source, not smaller", () => {
    expect(newVolumeRecord(request({ range: { required: bytes(2n * GIB) } }), copyOf(), made).size).toBe(
      2n * GIB,
    );
    expect(newVolumeRecord(request({ range: {} }), copyOf(), made).size).toBe(GIB);
    const smaller = request({ range: { required: bytes(MIB) } });
    expect(() => newVolumeRecord(smaller, copyOf(), made)).toThrow(CapacityRangeError);
  });

  test("under another filesystem than the source's is refused with the cure", () => {
    expect(() => newVolumeRecord(request({ fsType: "ext4" }), copyOf(), made)).toThrow(InvalidRequestError);
    expect(() => newVolumeRecord(request({ fsType: "ext4" }), copyOf(), made)).toThrow(/fstype: xfs/);
  });
});

describe("a name that exists", () => {
  const existing = newVolumeRecord(
    request({ range: { required: bytes(GIB), limit: bytes(GIB) } }),
    undefined,
    made,
  );

  test.each([
    ["the same request", request()],
    ["a smaller minimum", request({ range: { required: bytes(MIB) } })],
    ["no size at all", request({ range: {} })],
    ["the default filesystem spelled out", request({ fsType: "ext4" })],
  ])("answers %s with the volume", (_title, again) => {
    expect(() => requireSameVolume(existing, again)).not.toThrow();
  });

  test.each([
    ["a larger size", request({ range: { required: bytes(2n * GIB) } }), /are required/],
    ["a lower limit", request({ range: { limit: bytes(MIB) } }), /the limit is/],
    ["another source", request({ source: { kind: "volume", id: volumeIdOf(3) } }), /made from nothing/],
    ["another access type", request({ access: ["block"] }), /access type mount/],
    ["another filesystem", request({ fsType: "xfs" }), /made for ext4/],
    ["other mkfs options", request({ mkfsOptions: ["-m", "1"] }), /mkfsOptions/],
  ])("refuses %s", (_title, again, message) => {
    expect(() => requireSameVolume(existing, again)).toThrow(IncompatibleExistingError);
    expect(() => requireSameVolume(existing, again)).toThrow(message);
  });
});

describe("snapshots", () => {
  const cut = (number: number, active: boolean) => {
    const origin = volumeRecord(number, { format: { state: "formatted", fsType: "ext4" } });
    const snapshot = newSnapshotRecord(origin, {
      id: snapshotIdOf(number + 10),
      name: `s${number}`,
      thinId: thin(number + 10),
      createdAt: origin.createdAt,
    });
    return {
      snapshot,
      origin,
      ...(active ? { suspension: { ...deviceOf(number), freezeMount: false } } : {}),
    };
  };

  test("of an inactive volume suspends nothing", () => {
    const only = cut(1, false);
    expect(planCuts([only], undefined)).toEqual([
      { kind: "record", changes: [{ kind: "put-snapshot", record: only.snapshot }] },
      { kind: "admit" },
      { kind: "create-snap", thinId: 11, origin: 1 },
    ]);
  });

  test("of a group are measured, admitted and cut in one bracket around all members, active or not", () => {
    const cuts = [cut(1, true), cut(2, false), cut(3, true)];
    const group = groupRecord(5, { state: "creating" });
    const [intent, bracket, ...rest] = planCuts(cuts, group);
    expect(rest).toEqual([]);
    expect(intent).toMatchObject({ kind: "record", changes: [{ kind: "put-group" }, {}, {}, {}] });
    expect(bracket).toEqual({
      kind: "while-suspended",
      suspensions: [cuts[0]?.suspension, cuts[2]?.suspension],
      steps: [
        { kind: "measure", device: deviceOf(1).device, thinId: 1 },
        { kind: "measure", device: deviceOf(3).device, thinId: 3 },
        { kind: "admit" },
        { kind: "create-snap", thinId: 11, origin: 1 },
        { kind: "create-snap", thinId: 12, origin: 2 },
        { kind: "create-snap", thinId: 13, origin: 3 },
      ],
    });
  });

  test("become ready together, each with what its origin had mapped", () => {
    const cuts = [cut(1, true), cut(2, true)];
    const ready = planSnapshotsReady(cuts, groupRecord(5, { state: "creating" }), (id) =>
      bytes(BigInt(id) * MIB),
    );
    expect(ready.snapshots.map((each) => [each.state, each.mapped])).toEqual([
      ["ready", MIB],
      ["ready", 2n * MIB],
    ]);
    expect(ready.plan).toHaveLength(1);
    expect(ready.plan[0]).toMatchObject({
      kind: "record",
      changes: [{}, {}, { record: { state: "ready" } }],
    });
  });

  test("of a raw volume stay without a filesystem, and are copies for ever", () => {
    expect(snapshotRecord(1).format.state).toBe("copied");
    const raw = newSnapshotRecord(volumeRecord(1, { format: { state: "blank" } }), {
      id: snapshotIdOf(2),
      name: "raw",
      thinId: thin(2),
      createdAt: "2026-01-02T03:04:05.000Z",
    });
    expect(raw.format).toEqual({ state: "copied" });
  });
});

describe("deletion and renewal", () => {
  test("a volume is marked, deactivated, deleted in the pool, then forgotten", () => {
    const record = volumeRecord(4, { retiredThinId: thin(3) });
    expect(planDeleteVolume(record, deviceOf(4)).map((step) => step.kind)).toEqual([
      "record",
      "deactivate",
      "delete-thin",
      "delete-thin",
      "record",
    ]);
  });

  test("a half-formatted volume gets a fresh thin; the old one is remembered until it is deleted", () => {
    const renewed = renewedRecord(
      volumeRecord(4, { format: { state: "formatting", fsType: "ext4" } }),
      thin(8),
    );
    expect(planRenewThin(renewed, deviceOf(4))).toMatchObject([
      { kind: "deactivate" },
      {
        kind: "record",
        changes: [{ record: { thinId: 8, retiredThinId: 4, format: { state: "formatting" } } }],
      },
      { kind: "delete-thin", thinId: 4 },
      { kind: "create-thin", thinId: 8 },
      { kind: "record", changes: [{ record: { thinId: 8, format: { state: "blank" } } }] },
    ]);
    const last = planRenewThin(renewed, undefined).at(-1);
    expect(
      JSON.stringify(last, (_key, value: unknown) => (typeof value === "bigint" ? `${value}` : value)),
    ).not.toContain("retired");
  });
});
