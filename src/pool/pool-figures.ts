/** What an open pool knows of itself, as a value. Starts nothing, asks nobody. */
import { keyOf, poolDeviceName, thinDeviceName } from "../core/ids.ts";
import type { SnapshotRecord, VolumeRecord } from "../core/records.ts";
import type { PoolFigures, SnapshotReport, SpaceMeasure, VolumeReport } from "../core/pool-report.ts";
import { bytesFromBlocks } from "../core/units.ts";
import type { ThinPool } from "./thin-pool.ts";

export function figuresOf(pool: ThinPool): PoolFigures {
  const { name, uuid, condition, parts, state, known } = pool;
  const { status, fill } = known;
  const { usedData, totalData, mode, needsCheck, heldRoot, transactionId } = status;
  return {
    uuid,
    state: condition.kind,
    ...(condition.kind === "ready" ? {} : { reason: condition.reason }),
    asOf: known.at.toISOString(),
    mode,
    needsCheck,
    ...(heldRoot === undefined ? {} : { heldRoot }),
    transactionId,
    data: {
      used: bytesFromBlocks(usedData, parts.blockSize),
      size: bytesFromBlocks(totalData, parts.blockSize),
    },
    dataLimit: fill.data.total,
    metadata: { used: fill.metadata.used, size: fill.metadata.total },
    whenFull: status.whenFull === "error_if_no_space" ? "error" : "queue",
    blockSize: parts.blockSize,
    zeroesNewBlocks: parts.zeroesNewBlocks,
    passesDiscards: status.discard === "discard_passdown",
    overprovision: known.overprovision,
    deletions: pool.deletions.size,
    promised: bytesFromBlocks(state.demand.blocks, parts.blockSize),
    available: pool.promisable(),
    devices: {
      meta: poolDeviceName(name, "meta"),
      spare: poolDeviceName(name, "spare"),
      data: poolDeviceName(name, "data"),
      catalog: poolDeviceName(name, "catalog"),
      pool: poolDeviceName(name, "pool"),
    },
    volumes: state.volumes.values().map((record) => volumeReport(pool, record)),
    snapshots: state.snapshots.values().map((record) => snapshotReport(pool, record)),
  };
}

function volumeReport({ name, state, known, parts, trims }: ThinPool, record: VolumeRecord): VolumeReport {
  const { id, thinId, format, staging } = record;
  const mapped = state.mapped.get(thinId) ?? known.mappedOf(thinId);
  const fsType = format.fsType ?? record.fsType;
  const measured = measuredOf(parts.space.of(thinId));
  const trimmed = trims.get(id);
  return {
    id,
    name: record.name,
    state: record.state,
    size: record.size,
    ...(mapped === undefined ? {} : { mapped }),
    ...measured,
    ...(trimmed === undefined ? {} : { trimmed }),
    thinId,
    device: thinDeviceName(name, keyOf(id)),
    source: record.source,
    access: record.access,
    format: format.state,
    ...(fsType === undefined ? {} : { fsType }),
    ...(staging === undefined ? {} : { stagingPath: staging.path }),
    lost: state.lost.has(id),
    createdAt: record.createdAt,
  };
}

const measuredOf = (measured: SpaceMeasure | undefined) => (measured === undefined ? {} : { measured });

function snapshotReport({ state, parts }: ThinPool, record: SnapshotRecord): SnapshotReport {
  const { id, name, sourceVolumeId, groupId, size, mapped, thinId, createdAt } = record;
  const fsType = record.format.fsType ?? record.fsType;
  return {
    id,
    name,
    state: record.state,
    sourceVolumeId,
    ...(groupId === undefined ? {} : { groupId }),
    size,
    mapped,
    ...measuredOf(parts.space.of(thinId)),
    thinId,
    ...(fsType === undefined ? {} : { fsType }),
    lost: state.lost.has(id),
    createdAt,
  };
}
