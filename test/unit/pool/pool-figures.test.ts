import { expect, test } from "vitest";

import { bytes, GIB, KIB, MIB } from "../../../src/core/units.ts";
import { snapshotIdOf, snapshotRecord, thin, volumeIdOf, volumeRecord } from "../../support/records.ts";
import { thinPoolBench } from "../../support/thin-pool-bench.ts";

test("a pool tells what the kernel said, what is promised, and every record", async () => {
  const volumes = [
    volumeRecord(1, { format: { state: "formatted", fsType: "xfs" } }),
    volumeRecord(2, { staging: { path: "/kubelet/2", access: "mount", mountFlags: [] } }),
  ];
  const snapshots = [snapshotRecord(3, { mapped: bytes(10n * MIB) })];
  const { pool } = thinPoolBench({ content: { volumes, snapshots } });
  pool.state.mapped.set(thin(1), bytes(7n * MIB));
  await pool.look();
  const figures = pool.figures();
  expect(figures).toMatchObject({
    state: "ready",
    asOf: "1970-01-01T00:00:00.000Z",
    mode: "rw",
    needsCheck: false,
    whenFull: "error",
    promised: 2n * GIB + 10n * MIB,
    devices: { pool: "dmthin-fast-pool", meta: "dmthin-fast-meta" },
  });
  expect(figures.metadata.used).toBe(100n * 4n * KIB);
  expect(figures.available).toBe(pool.capacity().available);
  expect(figures.volumes).toMatchObject([
    {
      id: volumeIdOf(1),
      name: "volume-1",
      mapped: 7n * MIB,
      fsType: "xfs",
      format: "formatted",
      lost: false,
    },
    { id: volumeIdOf(2), stagingPath: "/kubelet/2" },
  ]);
  expect(figures.volumes[1]).not.toHaveProperty("mapped");
  expect(figures.snapshots).toMatchObject([
    { id: snapshotIdOf(3), sourceVolumeId: volumeIdOf(1), mapped: 10n * MIB },
  ]);
});

test("a look sees what the kernel says now; all who ask meanwhile share it", async () => {
  const bench = thinPoolBench({});
  bench.mode = "out_of_data_space";
  const [one, two] = [bench.pool.look(), bench.pool.look()];
  expect(one).toBe(two);
  await one;
  expect(bench.pool.figures().mode).toBe("out_of_data_space");
  expect(bench.pool.look()).not.toBe(one);
});

test("a fenced pool is looked at as well, and says why it is fenced", async () => {
  const bench = thinPoolBench({ condition: { kind: "read-only", reason: "foreign hands" } });
  bench.mode = "out_of_data_space";
  await bench.pool.look();
  expect(bench.pool.figures()).toMatchObject({
    state: "read-only",
    reason: "foreign hands",
    mode: "out_of_data_space",
    available: 0n,
  });
});
