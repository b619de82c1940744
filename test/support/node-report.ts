import type { NodeReport, PoolReport } from "../../src/core/pool-report.ts";
import { bytes, GIB, MIB } from "../../src/core/units.ts";
import { memoryFigures } from "./memory-figures.ts";
import { MemoryPool } from "./memory-pool.ts";
import { loopOptions } from "./loop-options.ts";
import { snapshotIdOf, snapshotRecord, volumeIdOf, volumeRecord } from "./records.ts";

const { name: fast } = loopOptions("fast");
const { name: slow } = loopOptions("slow");

/** An open pool with two volumes and a snapshot, one of them staged. */
export function openPool(changes: Partial<Extract<PoolReport, { kind: "open" }>> = {}): PoolReport {
  const pool = new MemoryPool("fast", "a");
  pool.putVolume(volumeRecord(1, { staging: { path: "/kubelet/1", access: "mount", mountFlags: [] } }));
  pool.putVolume(
    volumeRecord(2, { source: { kind: "snapshot", id: snapshotIdOf(3) }, size: bytes(2n * GIB) }),
  );
  pool.putSnapshot(snapshotRecord(3, { mapped: bytes(10n * MIB) }));
  const figures = memoryFigures(pool);
  const volumes = figures.volumes.map((volume) =>
    volume.id === volumeIdOf(2) ? Object.assign(volume, { mapped: bytes(10n * MIB) }) : volume,
  );
  return {
    kind: "open",
    name: fast,
    backing: { kind: "parts", data: "/dev/data", metadata: "/dev/meta" },
    conditions: [],
    figures: { ...figures, volumes, heldRoot: 12n },
    ...changes,
  };
}

export const absentPool: PoolReport = {
  kind: "absent",
  name: slow,
  backing: { kind: "loop", directory: "/pools/slow" },
  conditions: [{ type: "DeviceMissing", reason: "no such device" }],
  reason: "no such device; it is tried again in 4 s",
};

export const nodeReport = (...pools: readonly PoolReport[]): NodeReport => ({
  node: "worker-3",
  version: "1.2.3",
  deviceMapper: { library: "1.02.205 (2025-02-27)", kernel: "4.50.0" },
  ready: pools.some(({ kind }) => kind === "open"),
  pools,
});

/** Of a pool in memory, as it is now. */
export const reportOf = (pool: MemoryPool): PoolReport => ({
  kind: "open",
  name: pool.name,
  backing: { kind: "devices", devices: ["/dev/sdx"] },
  conditions: [],
  figures: memoryFigures(pool),
});
