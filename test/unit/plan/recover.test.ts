import { describe, expect, test } from "vitest";

import { devNumber } from "../../../src/core/dm.ts";
import type { DmDevice, ThinListing } from "../../../src/core/dm.ts";
import type { DmName, DmUuid } from "../../../src/core/ids.ts";
import { keyOf, thinDeviceName, thinDeviceUuid } from "../../../src/core/ids.ts";
import type { Staging } from "../../../src/core/records.ts";
import { dataBlocks } from "../../../src/core/units.ts";
import { checkFence } from "../../../src/plan/fence.ts";
import type { PoolView } from "../../../src/plan/fence.ts";
import { planRecovery } from "../../../src/plan/recover.ts";
import {
  POOL_NAME,
  POOL_UUID,
  catalogContent,
  groupIdOf,
  groupRecord,
  snapshotRecord,
  thin,
  volumeIdOf,
  volumeRecord,
} from "../../support/records.ts";

const listing = (number: number, transaction = 3n): ThinListing => ({
  thinId: thin(number),
  mapped: dataBlocks(1),
  transaction,
});

const mountStaging: Staging = { path: "/k/globalmount", access: "mount", fsType: "ext4", mountFlags: [] };
const blockStaging: Staging = { path: "/k/staging", access: "block", mountFlags: [] };

const device = (number: number, changes: Partial<DmDevice> = {}): DmDevice => ({
  name: thinDeviceName(POOL_NAME, keyOf(volumeIdOf(number))),
  uuid: thinDeviceUuid(POOL_UUID, keyOf(volumeIdOf(number))),
  number: devNumber(254, number),
  open: 0,
  suspended: false,
  liveTable: true,
  inactiveTable: false,
  ...changes,
});

describe("recovery", () => {
  test("does nothing where nothing was under way", () => {
    const content = catalogContent({
      volumes: [volumeRecord(1)],
      snapshots: [snapshotRecord(2)],
      groups: [groupRecord(3)],
    });
    expect(planRecovery(content, [device(1, { open: 1 })])).toEqual([]);
  });

  test("undoes what was never acknowledged", () => {
    const content = catalogContent({
      volumes: [volumeRecord(1, { state: "creating" })],
      snapshots: [snapshotRecord(2, { state: "creating" })],
    });
    expect(planRecovery(content, []).flat()).toMatchObject([
      { kind: "delete-thin", thinId: 1 },
      { kind: "record", changes: [{ kind: "drop-volume" }] },
      { kind: "delete-thin", thinId: 2 },
      { kind: "record", changes: [{ kind: "drop-snapshot" }] },
    ]);
  });

  test("finishes deletions, deactivating first what is still active", () => {
    const content = catalogContent({ volumes: [volumeRecord(1, { state: "deleting" })] });
    expect(
      planRecovery(content, [device(1)])
        .flat()
        .map((step) => step.kind),
    ).toEqual(["deactivate", "delete-thin", "record"]);
    expect(
      planRecovery(content, [])
        .flat()
        .map((step) => step.kind),
    ).toEqual(["delete-thin", "record"]);
  });

  test("deactivates a deleted snapshot that was being discarded, also of a group", () => {
    const snapshots = [
      snapshotRecord(1, { state: "deleting" }),
      snapshotRecord(2, { state: "deleting", groupId: groupIdOf(9) }),
    ];
    const content = catalogContent({ snapshots, groups: [groupRecord(9, { state: "deleting" })] });
    const plans = planRecovery(content, [device(1), device(2)]);
    expect(plans.map((plan) => plan.map((step) => step.kind))).toEqual([
      ["deactivate", "delete-thin", "record"],
      ["deactivate", "delete-thin", "record"],
    ]);
  });

  test("leaves deletions alone that go on, and only those", () => {
    const content = catalogContent({
      volumes: [volumeRecord(1, { state: "deleting" }), volumeRecord(5, { state: "creating" })],
      snapshots: [
        snapshotRecord(2, { state: "deleting" }),
        snapshotRecord(3, { state: "deleting", groupId: groupIdOf(9) }),
        snapshotRecord(4, { state: "creating" }),
      ],
      groups: [groupRecord(9, { state: "deleting" })],
    });
    const plans = planRecovery(content, [device(1), device(2)], { deletionsGoOn: true });
    expect(plans.flat()).toMatchObject([
      { kind: "delete-thin", thinId: 5 },
      { kind: "record", changes: [{ kind: "drop-volume" }] },
      { kind: "delete-thin", thinId: 4 },
      { kind: "record", changes: [{ kind: "drop-snapshot" }] },
    ]);
  });

  test("takes back a half-cut group as a whole, each member once", () => {
    const groupId = groupIdOf(9);
    const content = catalogContent({
      groups: [groupRecord(9, { state: "creating" })],
      snapshots: [
        snapshotRecord(2, { state: "creating", groupId }),
        snapshotRecord(3, { state: "creating", groupId }),
      ],
    });
    expect(planRecovery(content, []).flat()).toMatchObject([
      { kind: "delete-thin", thinId: 2 },
      { kind: "delete-thin", thinId: 3 },
      {
        kind: "record",
        changes: [{ kind: "drop-snapshot" }, { kind: "drop-snapshot" }, { kind: "drop-group" }],
      },
    ]);
  });

  test("finishes a renewal: old thin gone, new one there, blank again", () => {
    const half = volumeRecord(4, {
      thinId: thin(8),
      retiredThinId: thin(4),
      format: { state: "formatting", fsType: "xfs" },
    });
    expect(planRecovery(catalogContent({ volumes: [half] }), []).flat()).toMatchObject([
      { kind: "delete-thin", thinId: 4 },
      { kind: "create-thin", thinId: 8, again: true },
      { kind: "record", changes: [{ record: { format: { state: "blank" } } }] },
    ]);
  });

  test("drops tables that were loaded and never resumed", () => {
    const content = catalogContent({ volumes: [volumeRecord(1)] });
    expect(planRecovery(content, [device(1, { inactiveTable: true, open: 1 })]).flat()).toEqual([
      { kind: "clear", device: device(1).name },
    ]);
  });

  test.each([
    ["a stage that came no further left", {}, {}],
    ["an unstage left after unmounting", { staging: mountStaging }, {}],
  ])("deactivates what %s", (_who, changes, found) => {
    const content = catalogContent({ volumes: [volumeRecord(1, changes)] });
    const { name, uuid } = device(1);
    expect(planRecovery(content, [device(1, found)]).flat()).toEqual([
      { kind: "deactivate", device: name, uuid },
    ]);
  });

  test.each([
    ["is mounted, or opened by somebody", {}, { open: 1 }],
    ["is staged as a raw device, which nobody needs to have open", { staging: blockStaging }, {}],
  ])("leaves active what %s", (_who, changes, found) => {
    const content = catalogContent({ volumes: [volumeRecord(1, changes)] });
    expect(planRecovery(content, [device(1, found)])).toEqual([]);
  });

  test("removes a device whose making was cut off before it had a table", () => {
    const content = catalogContent({ volumes: [volumeRecord(1)] });
    const { name, uuid } = device(1);
    expect(planRecovery(content, [device(1, { liveTable: false, inactiveTable: true })]).flat()).toEqual([
      { kind: "deactivate", device: name, uuid },
    ]);
  });
});

test("recovery plans each object apart, so that one stuck object holds up no other", () => {
  const content = catalogContent({
    volumes: [
      volumeRecord(1, { state: "deleting" }),
      volumeRecord(2),
      volumeRecord(3, { state: "creating" }),
    ],
  });
  expect(planRecovery(content, [])).toHaveLength(2);
});

/** Transaction id and devices fit; thins are not listed. */
const FITS: PoolView = { transactionId: 7n, devices: [], strangers: [] };

describe("the fence", () => {
  const content = catalogContent({ volumes: [volumeRecord(1)], snapshots: [snapshotRecord(2)] });
  const thins = [listing(1), listing(2)];

  test("fits the pool it was written with", () => {
    expect(checkFence(content, { ...FITS, thins, devices: [device(1)] })).toEqual({
      excess: [],
      finishBump: false,
      lost: new Set(),
      unrecorded: [],
    });
  });

  test("sees a bump that was recorded and did not reach the kernel", () => {
    const verdict = checkFence(content, { ...FITS, transactionId: 6n, thins });
    expect(verdict).toEqual({ excess: [], finishBump: true, lost: new Set(), unrecorded: [] });
  });

  test.each([
    ["a newer transaction id", { transactionId: 8n }, /catalog is an older copy/],
    ["a much older transaction id", { transactionId: 5n }, /metadata is an older copy/],
    ["a thin in no record", { thins: [...thins, listing(50)] }, /thin 50 is in no record/],
    ["a thin above the reserved ids", { thins: [...thins, listing(100)] }, /thin 100 is above/],
    [
      "a thin made after the catalog's last transaction",
      { thins: [listing(1, 8n), listing(2)] },
      /thin 1 was made after/,
    ],
    ["a device of ours without a record", { devices: [device(77)] }, /belongs to no recorded volume/],
    [
      "a volume's device under another name",
      { devices: [device(1, { name: "mine" as DmName })] },
      /device mine carries the uuid of dmthin-fast-v-/,
    ],
    ["somebody else's device on the pool", { strangers: ["mine"] }, /device mine uses the pool/],
  ])("stays read-only on %s", (_title, changes, reason) => {
    const verdict = checkFence(content, { ...FITS, thins, ...changes });
    expect(verdict.excess).toEqual([expect.stringMatching(reason)]);
  });

  test("names the thins that are in no record, and no others", () => {
    const listed = [listing(1, 8n), listing(2), listing(50), listing(100)];
    expect(checkFence(content, { ...FITS, thins: listed }).unrecorded).toEqual([50, 100]);
  });

  test("says nothing of thins that were not listed", () => {
    const verdict = checkFence(content, FITS);
    expect(verdict).toEqual({ excess: [], finishBump: false, lost: new Set(), unrecorded: [] });
  });

  test("reports ready objects whose thin is gone, and no half-made ones", () => {
    const missing = catalogContent({ volumes: [volumeRecord(1), volumeRecord(3, { state: "creating" })] });
    expect(checkFence(missing, { ...FITS, thins: [] }).lost).toEqual(new Set([volumeIdOf(1)]));
  });

  test("lets a snapshot be active while it is deleted, and at no other time", () => {
    const active = (state: "deleting" | "ready") =>
      checkFence(
        { ...content, snapshots: [snapshotRecord(2, { state })] },
        { ...FITS, thins, devices: [device(2)] },
      ).excess;
    expect(active("deleting")).toEqual([]);
    expect(active("ready")).toEqual([expect.stringMatching(/belongs to no recorded volume/)]);
  });

  test("ignores devices of other pools and other owners", () => {
    const foreign = device(1, { name: "vg-lv" as DmName, uuid: "LVM-abc" as DmUuid });
    expect(checkFence(content, { ...FITS, thins, devices: [foreign] }).excess).toEqual([]);
  });
});
