import { keyOf, poolDeviceName, thinDeviceName } from "../../src/core/ids.ts";
import type { PoolName } from "../../src/core/ids.ts";
import type { PoolFigures, SnapshotReport, VolumeReport } from "../../src/core/pool-report.ts";
import type { SnapshotRecord, VolumeRecord } from "../../src/core/records.ts";
import { bytes, GIB, KIB, MIB } from "../../src/core/units.ts";
import type { Pool } from "../../src/pool/engine.ts";

/** Figures of an empty pool of 1 GiB that holds the records of `pool`, with these changes. */
export function memoryFigures(
  pool: Pick<Pool, "name" | "uuid" | "condition" | "volumes" | "snapshots">,
  changes: Partial<PoolFigures> = {},
): PoolFigures {
  const { name, uuid, condition } = pool;
  return {
    uuid,
    state: condition.kind,
    ...(condition.kind === "ready" ? {} : { reason: condition.reason }),
    asOf: "2026-11-27T12:00:00.000Z",
    mode: "rw",
    needsCheck: false,
    transactionId: 7n,
    data: { used: bytes(0), size: bytes(GIB) },
    dataLimit: bytes(GIB),
    metadata: { used: bytes(MIB), size: bytes(64n * MIB) },
    whenFull: "error",
    blockSize: bytes(64n * KIB),
    zeroesNewBlocks: true,
    passesDiscards: true,
    overprovision: 1,
    deletions: 0,
    promised: bytes(512n * MIB),
    available: bytes(256n * MIB),
    devices: {
      meta: poolDeviceName(name, "meta"),
      spare: poolDeviceName(name, "spare"),
      data: poolDeviceName(name, "data"),
      catalog: poolDeviceName(name, "catalog"),
      pool: poolDeviceName(name, "pool"),
    },
    volumes: pool.volumes().map((volume) => volumeReport(name, volume)),
    snapshots: pool.snapshots().map(snapshotReport),
    ...changes,
  };
}

function volumeReport(pool: PoolName, volume: VolumeRecord): VolumeReport {
  const { id, name, state, size, thinId, source, access, format, staging, createdAt } = volume;
  const device = thinDeviceName(pool, keyOf(id));
  const report = { id, name, state, size, thinId, device, source, access, format: format.state, createdAt };
  return { ...report, ...(staging === undefined ? {} : { stagingPath: staging.path }), lost: false };
}

function snapshotReport(snapshot: SnapshotRecord): SnapshotReport {
  const { id, name, state, sourceVolumeId, groupId, size, mapped, thinId, createdAt } = snapshot;
  const report = { id, name, state, sourceVolumeId, size, mapped, thinId, createdAt };
  return { ...report, ...(groupId === undefined ? {} : { groupId }), lost: false };
}
