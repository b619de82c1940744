/** Any record that the types allow, for property tests of the catalog. */
import fc from "fast-check";

import { groupId, isObjectKey, snapshotId, thinId, volumeId } from "../../src/core/ids.ts";
import { FS_TYPES } from "../../src/core/records.ts";
import type {
  Format,
  GroupRecord,
  SnapshotRecord,
  Source,
  Staging,
  VolumeRecord,
} from "../../src/core/records.ts";
import { bytes } from "../../src/core/units.ts";
import { POOL_UUID } from "./records.ts";

const key = fc
  .string({ unit: fc.constantFrom(...Array.from("0123456789abcdef")), minLength: 20, maxLength: 20 })
  .filter(isObjectKey);
const volume = key.map((each) => volumeId(POOL_UUID, each));
const snapshot = key.map((each) => snapshotId(POOL_UUID, each));
const group = key.map((each) => groupId(POOL_UUID, each));
/** Any Unicode text, quotes and NUL included. */
const text = fc.string({ unit: "binary" });
const texts = fc.array(text, { maxLength: 4 });
const state = fc.constantFrom("creating", "ready", "deleting");
const access = fc.constantFrom("mount", "block");
const fsType = fc.constantFrom(...FS_TYPES);
const size = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(bytes);
const thin = fc.integer({ min: 0, max: 0xff_ff_ff }).map(thinId);
const createdAt = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());

const source: fc.Arbitrary<Source> = fc.oneof(
  fc.constant({ kind: "empty" } as const),
  snapshot.map((id) => ({ kind: "snapshot", id }) as const),
  volume.map((id) => ({ kind: "volume", id }) as const),
);

const format: fc.Arbitrary<Format> = fc.record(
  { state: fc.constantFrom("blank", "formatting", "formatted", "copied", "identifying"), fsType },
  { requiredKeys: ["state"], noNullPrototype: true },
);

const staging: fc.Arbitrary<Staging> = fc.record(
  { path: text, access, fsType, mountFlags: texts },
  { requiredKeys: ["path", "access", "mountFlags"], noNullPrototype: true },
);

export const anyVolume: fc.Arbitrary<VolumeRecord> = fc
  .record(
    {
      id: volume,
      name: text,
      state,
      size,
      thinId: thin,
      retiredThinId: thin,
      source,
      access: fc.array(access, { minLength: 1, maxLength: 2 }),
      fsType,
      mkfsOptions: texts,
      format,
      staging,
      createdAt,
      clusterUid: text,
    },
    {
      requiredKeys: [
        "id",
        "name",
        "state",
        "size",
        "thinId",
        "source",
        "access",
        "mkfsOptions",
        "format",
        "createdAt",
      ],
      noNullPrototype: true,
    },
  )
  .filter((record) => record.thinId !== record.retiredThinId);

export const anySnapshot: fc.Arbitrary<SnapshotRecord> = fc.record(
  {
    id: snapshot,
    name: text,
    state,
    thinId: thin,
    sourceVolumeId: volume,
    size,
    mapped: size,
    format,
    fsType,
    mkfsOptions: texts,
    groupId: group,
    createdAt,
    clusterUid: text,
  },
  {
    requiredKeys: [
      "id",
      "name",
      "state",
      "thinId",
      "sourceVolumeId",
      "size",
      "mapped",
      "format",
      "mkfsOptions",
      "createdAt",
    ],
    noNullPrototype: true,
  },
);

export const anyGroup: fc.Arbitrary<GroupRecord> = fc.record(
  {
    id: group,
    name: text,
    state,
    sourceVolumeIds: fc.array(volume, { maxLength: 4 }),
    snapshotIds: fc.array(snapshot, { maxLength: 4 }),
    createdAt,
  },
  { noNullPrototype: true },
);
