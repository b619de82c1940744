/** Records to rows and back; the columns are those of catalog-schema.ts. */
import { isPoolName, isPoolUuid } from "../core/ids.ts";
import { FS_TYPES } from "../core/records.ts";
import type {
  AccessType,
  Format,
  FormatState,
  FsType,
  GroupRecord,
  ObjectState,
  PoolRecord,
  SnapshotRecord,
  Source,
  Staging,
  VolumeRecord,
} from "../core/records.ts";
import { Fields, wordsOf } from "./catalog-fields.ts";
import type { StoredRow } from "./catalog-fields.ts";

/** A row to be written: one value a column, NULL where absent. */
export type Row = Readonly<Record<string, string | bigint | null>>;

const OBJECT_STATES = wordsOf<ObjectState>({ creating: "creating", ready: "ready", deleting: "deleting" });
const ACCESS_TYPES = wordsOf<AccessType>({ mount: "mount", block: "block" });
const SOURCE_KINDS = wordsOf<Source["kind"]>({ empty: "empty", snapshot: "snapshot", volume: "volume" });
const FORMAT_STATES = wordsOf<FormatState>({
  blank: "blank",
  formatting: "formatting",
  formatted: "formatted",
  copied: "copied",
  identifying: "identifying",
});

export function poolToRow(record: PoolRecord): Row {
  return {
    only_row: 1n,
    uuid: record.uuid,
    name: record.name,
    transaction_id: record.transactionId,
    thin_id_limit: BigInt(record.thinIdLimit),
  };
}

export function poolFromRow(row: StoredRow): PoolRecord {
  const fields = new Fields("pool", row);
  return {
    uuid: fields.branded("uuid", isPoolUuid, "a pool uuid"),
    name: fields.branded("name", isPoolName, "a pool name"),
    transactionId: fields.integer("transaction_id"),
    thinIdLimit: Number(fields.integer("thin_id_limit")),
  };
}

export function volumeToRow(record: VolumeRecord): Row {
  const { staging } = record;
  return {
    id: record.id,
    name: record.name,
    state: record.state,
    size: record.size,
    thin_id: BigInt(record.thinId),
    retired_thin_id: record.retiredThinId === undefined ? null : BigInt(record.retiredThinId),
    source_kind: record.source.kind,
    source_id: record.source.kind === "empty" ? null : record.source.id,
    access: JSON.stringify(record.access),
    fs_type: record.fsType ?? null,
    mkfs_options: JSON.stringify(record.mkfsOptions),
    ...formatToColumns(record.format),
    staging_path: staging?.path ?? null,
    staging_access: staging?.access ?? null,
    staging_fs_type: staging?.fsType ?? null,
    staging_mount_flags: staging === undefined ? null : JSON.stringify(staging.mountFlags),
    created_at: record.createdAt,
    cluster_uid: record.clusterUid ?? null,
  };
}

export function volumeFromRow(row: StoredRow): VolumeRecord {
  const fields = new Fields("volumes", row);
  const staging = stagingFrom(fields);
  return {
    id: fields.volumeId("id"),
    name: fields.text("name"),
    state: fields.word("state", OBJECT_STATES),
    size: fields.size("size"),
    thinId: fields.thin("thin_id"),
    ...(fields.absent("retired_thin_id") ? {} : { retiredThinId: fields.thin("retired_thin_id") }),
    source: sourceFrom(fields),
    access: fields.words("access", ACCESS_TYPES),
    ...fsTypeFrom(fields, "fs_type"),
    mkfsOptions: fields.list("mkfs_options"),
    format: formatFrom(fields),
    ...(staging === undefined ? {} : { staging }),
    createdAt: fields.text("created_at"),
    ...clusterFrom(fields),
  };
}

const clusterFrom = (fields: Fields): Pick<VolumeRecord, "clusterUid"> =>
  fields.absent("cluster_uid") ? {} : { clusterUid: fields.text("cluster_uid") };

export function snapshotToRow(record: SnapshotRecord): Row {
  return {
    id: record.id,
    name: record.name,
    state: record.state,
    thin_id: BigInt(record.thinId),
    source_volume_id: record.sourceVolumeId,
    size: record.size,
    mapped: record.mapped,
    ...formatToColumns(record.format),
    fs_type: record.fsType ?? null,
    mkfs_options: JSON.stringify(record.mkfsOptions),
    group_id: record.groupId ?? null,
    created_at: record.createdAt,
    cluster_uid: record.clusterUid ?? null,
  };
}

export function snapshotFromRow(row: StoredRow): SnapshotRecord {
  const fields = new Fields("snapshots", row);
  return {
    id: fields.snapshotId("id"),
    name: fields.text("name"),
    state: fields.word("state", OBJECT_STATES),
    thinId: fields.thin("thin_id"),
    sourceVolumeId: fields.volumeId("source_volume_id"),
    size: fields.size("size"),
    mapped: fields.size("mapped"),
    format: formatFrom(fields),
    ...fsTypeFrom(fields, "fs_type"),
    mkfsOptions: fields.list("mkfs_options"),
    ...(fields.absent("group_id") ? {} : { groupId: fields.groupId("group_id") }),
    createdAt: fields.text("created_at"),
    ...clusterFrom(fields),
  };
}

export function groupToRow(record: GroupRecord): Row {
  return {
    id: record.id,
    name: record.name,
    state: record.state,
    source_volume_ids: JSON.stringify(record.sourceVolumeIds),
    snapshot_ids: JSON.stringify(record.snapshotIds),
    created_at: record.createdAt,
  };
}

export function groupFromRow(row: StoredRow): GroupRecord {
  const fields = new Fields("groups", row);
  return {
    id: fields.groupId("id"),
    name: fields.text("name"),
    state: fields.word("state", OBJECT_STATES),
    sourceVolumeIds: fields.volumeIds("source_volume_ids"),
    snapshotIds: fields.snapshotIds("snapshot_ids"),
    createdAt: fields.text("created_at"),
  };
}

function formatToColumns(format: Format): Row {
  return { format_state: format.state, format_fs_type: format.fsType ?? null };
}

function formatFrom(fields: Fields): Format {
  return { state: fields.word("format_state", FORMAT_STATES), ...fsTypeFrom(fields, "format_fs_type") };
}

function fsTypeFrom(fields: Fields, column: string): { readonly fsType?: FsType } {
  return fields.absent(column) ? {} : { fsType: fields.word(column, FS_TYPES) };
}

function sourceFrom(fields: Fields): Source {
  const kind = fields.word("source_kind", SOURCE_KINDS);
  if (kind === "empty") return { kind };
  return kind === "snapshot"
    ? { kind, id: fields.snapshotId("source_id") }
    : { kind, id: fields.volumeId("source_id") };
}

function stagingFrom(fields: Fields): Staging | undefined {
  if (fields.absent("staging_path")) return undefined;
  return {
    path: fields.text("staging_path"),
    access: fields.word("staging_access", ACCESS_TYPES),
    ...fsTypeFrom(fields, "staging_fs_type"),
    mountFlags: fields.list("staging_mount_flags"),
  };
}
