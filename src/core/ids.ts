/**
 * Permanent names and identities. Ownership of a dm device is by its UUID, never by its name.
 *
 * Lengths: the kernel allows 127 bytes for a dm name and 128 for a dm uuid; CSI allows 128 for an id.
 * dm name  `dmthin-` 7 + pool name 32 + `-v-` 3 + object 20 = 62.
 * dm uuid  `DMTHIN-` 7 + pool uuid 32 + `-v-` 3 + object 20 = 62.
 * CSI id   `v-` 2 + pool uuid 32 + `-` 1 + object 20 = 55.
 */

export const DRIVER_NAME = "csi.dmthin.io";
export const TOPOLOGY_KEY = "topology.dmthin.io/node";
export const DM_NAME_PREFIX = "dmthin-";
export const DM_UUID_PREFIX = "DMTHIN-";

/** 1 to 32 characters of `a-z0-9-`, as configured. */
export type PoolName = string & { readonly brand: "pool name" };
/** 32 lower-case hex digits, made once when the pool is created. */
export type PoolUuid = string & { readonly brand: "pool uuid" };
/** 20 lower-case hex digits (80 random bits), made when the object is first recorded, never reused. */
export type ObjectKey = string & { readonly brand: "object key" };
export type VolumeId = string & { readonly brand: "volume id" };
export type SnapshotId = string & { readonly brand: "snapshot id" };
export type GroupId = string & { readonly brand: "group id" };
/** The kernel's 24-bit number of a thin inside its pool; from a counter, never reused. */
export type ThinId = number & { readonly brand: "thin id" };
export type DmName = string & { readonly brand: "dm name" };
export type DmUuid = string & { readonly brand: "dm uuid" };

/** What a dm device of a pool is for; `catalog`, `meta`, `spare`, `data` are linear, `pool` is the thin-pool. */
export type PoolDeviceRole = "meta" | "spare" | "data" | "catalog" | "pool";

export const MAX_THIN_ID = 0xff_ff_ff;

const POOL_NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const POOL_UUID = /^[0-9a-f]{32}$/;
const OBJECT_KEY = /^[0-9a-f]{20}$/;
const OBJECT_ID = /^([vsg])-([0-9a-f]{32})-([0-9a-f]{20})$/;
const THIN_UUID = new RegExp(`^${DM_UUID_PREFIX}([0-9a-f]{32})-v-([0-9a-f]{20})$`);
const POOL_OF_UUID = new RegExp(`^${DM_UUID_PREFIX}([0-9a-f]{32})-`);

/** `isPoolName` in words. */
export const POOL_NAME_RULE = "must be 1 to 32 characters of a-z, 0-9 and -, with no - at either end";
export const isPoolName = (text: string): text is PoolName => POOL_NAME.test(text);
export const isPoolUuid = (text: string): text is PoolUuid => POOL_UUID.test(text);
export const isObjectKey = (text: string): text is ObjectKey => OBJECT_KEY.test(text);

/** Throws RangeError on anything but 20 lower-case hex digits. */
export function objectKey(text: string): ObjectKey {
  if (!isObjectKey(text)) throw new RangeError(`not an object key: ${text}`);
  return text;
}

/** Throws RangeError outside 0..2^24-1. */
export function thinId(value: number): ThinId {
  if (!Number.isInteger(value) || value < 0 || value > MAX_THIN_ID)
    throw new RangeError(`thin id out of 24 bits: ${value}`);
  return value as ThinId;
}

export const volumeId = (pool: PoolUuid, key: ObjectKey): VolumeId => `v-${pool}-${key}` as VolumeId;
export const snapshotId = (pool: PoolUuid, key: ObjectKey): SnapshotId => `s-${pool}-${key}` as SnapshotId;
export const groupId = (pool: PoolUuid, key: ObjectKey): GroupId => `g-${pool}-${key}` as GroupId;

/** A CSI id taken apart. */
export type ParsedId =
  | { readonly kind: "volume"; readonly id: VolumeId; readonly pool: PoolUuid; readonly key: ObjectKey }
  | { readonly kind: "snapshot"; readonly id: SnapshotId; readonly pool: PoolUuid; readonly key: ObjectKey }
  | { readonly kind: "group"; readonly id: GroupId; readonly pool: PoolUuid; readonly key: ObjectKey };

/** Undefined for text that no dmthin ever made (CSI then demands OK or NOT_FOUND, by method). */
export function parseId(text: string): ParsedId | undefined {
  const match = OBJECT_ID.exec(text);
  const [, letter, pool, key] = match ?? [];
  if (letter === undefined || pool === undefined || key === undefined) return undefined;
  const parts = { pool: pool as PoolUuid, key: key as ObjectKey };
  if (letter === "v") return { kind: "volume", id: text as VolumeId, ...parts };
  if (letter === "s") return { kind: "snapshot", id: text as SnapshotId, ...parts };
  return { kind: "group", id: text as GroupId, ...parts };
}

/** The object key inside an id that dmthin made itself. Throws RangeError on anything else. */
export function keyOf(id: VolumeId | SnapshotId | GroupId): ObjectKey {
  const parsed = parseId(id);
  if (parsed === undefined) throw new RangeError(`not a dmthin id: ${id}`);
  return parsed.key;
}

export const poolDeviceName = (pool: PoolName, role: PoolDeviceRole): DmName =>
  `${DM_NAME_PREFIX}${pool}-${role}` as DmName;
export const poolDeviceUuid = (pool: PoolUuid, role: PoolDeviceRole): DmUuid =>
  `${DM_UUID_PREFIX}${pool}-${role}` as DmUuid;
export const thinDeviceName = (pool: PoolName, key: ObjectKey): DmName =>
  `${DM_NAME_PREFIX}${pool}-v-${key}` as DmName;
export const thinDeviceUuid = (pool: PoolUuid, key: ObjectKey): DmUuid =>
  `${DM_UUID_PREFIX}${pool}-v-${key}` as DmUuid;

/** Which pool a dm uuid belongs to, whatever the device is for; undefined for devices that are not of dmthin. */
export const parsePoolOfUuid = (uuid: string): PoolUuid | undefined =>
  POOL_OF_UUID.exec(uuid)?.[1] as PoolUuid | undefined;

/** Which volume a dm uuid belongs to; undefined for devices that are not thins of dmthin. */
export function parseThinUuid(
  uuid: string,
): { readonly pool: PoolUuid; readonly key: ObjectKey } | undefined {
  const [, pool, key] = THIN_UUID.exec(uuid) ?? [];
  return pool === undefined || key === undefined
    ? undefined
    : { pool: pool as PoolUuid, key: key as ObjectKey };
}
