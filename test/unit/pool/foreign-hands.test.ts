import { describe, expect, test } from "vitest";

import { DamagedVolumeError, ForeignThinError, PoolUnavailableError } from "../../../src/core/errors.ts";
import { bytes, MIB } from "../../../src/core/units.ts";
import { transactionExcess } from "../../../src/plan/fence.ts";
import { thin, volumeIdOf, volumeRecord } from "../../support/records.ts";
import { thinPoolBench } from "../../support/thin-pool-bench.ts";

const NEW_VOLUME = {
  name: "pvc-1",
  range: { required: bytes(64n * MIB) },
  source: { kind: "empty" },
  access: ["mount"],
  mkfsOptions: [],
} as const;

describe("a thin that somebody made under the next id", () => {
  test("is not taken for the new volume's, stays, and fences the pool", async () => {
    const bench = thinPoolBench({ thins: [thin(100)] });
    await expect(bench.pool.createVolume(NEW_VOLUME)).rejects.toThrow(ForeignThinError);
    expect([...bench.thins]).toEqual([100]);
    // No record names it, or the next start would delete it.
    expect(bench.pool.volumes()).toEqual([]);
    expect(bench.pool.condition).toMatchObject({ kind: "read-only" });
    await expect(bench.pool.createVolume(NEW_VOLUME)).rejects.toThrow(/foreign hands: thin 100 exists/);
  });

  test("nor for a snapshot; what the driver made itself is taken back", async () => {
    const volumes = [volumeRecord(1), volumeRecord(2)];
    const bench = thinPoolBench({ content: { volumes }, thins: [thin(1), thin(2), thin(101)] });
    for (const { thinId } of volumes) bench.pool.state.mapped.set(thinId, bytes(MIB));
    const cut = bench.pool.createGroup({ name: "group", sources: [volumeIdOf(1), volumeIdOf(2)] });
    await expect(cut).rejects.toThrow(ForeignThinError);
    expect([...bench.thins]).toEqual([1, 2, 101]);
    expect(bench.pool.snapshots()).toEqual([]);
  });
});

test("a thin that is to be copied and is gone is damage, and no outcome to wait for", async () => {
  const bench = thinPoolBench({ content: { volumes: [volumeRecord(1)] } });
  bench.pool.state.mapped.set(thin(1), bytes(MIB));
  const made = bench.pool.createSnapshot({ name: "snap-1", source: volumeIdOf(1) });
  await expect(made).rejects.toThrow(DamagedVolumeError);
  expect(bench.pool.snapshots()).toEqual([]);
});

describe("a transaction id", () => {
  test.each([
    ["as recorded", 7n, 7n, 7n, undefined],
    ["recorded and not yet set", 6n, 7n, 7n, undefined],
    ["changed by the driver itself meanwhile", 9n, 7n, 9n, undefined],
    ["read before the driver changed it", 7n, 7n, 9n, undefined],
    ["that nobody recorded", 8n, 7n, 7n, /transaction id is 8, the catalog's 7/],
    ["that went back", 5n, 7n, 7n, /transaction id is 5, the catalog's 7/],
  ])("%s", (_what, kernel, since, now, reason) => {
    const excess = transactionExcess(kernel, since, now);
    if (reason === undefined) expect(excess).toBeUndefined();
    else expect(excess).toMatch(reason);
  });

  test("that somebody changed stops a new volume before the first message", async () => {
    const bench = thinPoolBench();
    bench.setTransactionId(99n);
    await expect(bench.pool.createVolume(NEW_VOLUME)).rejects.toThrow(PoolUnavailableError);
    expect([bench.messages, bench.commits]).toEqual([[], []]);
  });
});
