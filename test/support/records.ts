/** Records for tests: whole ones, with only what matters to a case spelled out. */
import type { GroupId, PoolName, PoolUuid, SnapshotId, ThinId, VolumeId } from "../../src/core/ids.ts";
import { groupId, objectKey, snapshotId, thinId, volumeId } from "../../src/core/ids.ts";
import type {
  CatalogContent,
  GroupRecord,
  PoolRecord,
  SnapshotRecord,
  VolumeRecord,
} from "../../src/core/records.ts";
import { GIB, bytes } from "../../src/core/units.ts";

export const POOL_UUID = "0123456789abcdef0123456789abcdef" as PoolUuid;
export const POOL_NAME = "fast" as PoolName;
const CREATED_AT = "2026-01-02T03:04:05.000Z";

const keyOfNumber = (number: number) => objectKey(number.toString(16).padStart(20, "0"));
export const volumeIdOf = (number: number): VolumeId => volumeId(POOL_UUID, keyOfNumber(number));
export const snapshotIdOf = (number: number): SnapshotId => snapshotId(POOL_UUID, keyOfNumber(number));
export const groupIdOf = (number: number): GroupId => groupId(POOL_UUID, keyOfNumber(number));
export const thin = (number: number): ThinId => thinId(number);

export function volumeRecord(number: number, changes: Partial<VolumeRecord> = {}): VolumeRecord {
  return {
    id: volumeIdOf(number),
    name: `volume-${number}`,
    state: "ready",
    size: bytes(GIB),
    thinId: thin(number),
    source: { kind: "empty" },
    access: ["mount"],
    fsType: "ext4",
    mkfsOptions: [],
    format: { state: "blank" },
    createdAt: CREATED_AT,
    ...changes,
  };
}

export function snapshotRecord(number: number, changes: Partial<SnapshotRecord> = {}): SnapshotRecord {
  return {
    id: snapshotIdOf(number),
    name: `snapshot-${number}`,
    state: "ready",
    thinId: thin(number),
    sourceVolumeId: volumeIdOf(1),
    size: bytes(GIB),
    mapped: bytes(0),
    format: { state: "copied", fsType: "ext4" },
    mkfsOptions: [],
    createdAt: CREATED_AT,
    ...changes,
  };
}

export function groupRecord(number: number, changes: Partial<GroupRecord> = {}): GroupRecord {
  return {
    id: groupIdOf(number),
    name: `group-${number}`,
    state: "ready",
    sourceVolumeIds: [volumeIdOf(1)],
    snapshotIds: [],
    createdAt: CREATED_AT,
    ...changes,
  };
}

export function poolRecord(changes: Partial<PoolRecord> = {}): PoolRecord {
  return { uuid: POOL_UUID, name: POOL_NAME, transactionId: 7n, thinIdLimit: 100, ...changes };
}

export function catalogContent(changes: Partial<CatalogContent> = {}): CatalogContent {
  return { pool: poolRecord(), volumes: [], snapshots: [], groups: [], ...changes };
}
