/** Deletions that are answered before they are done, as far as records and promises go; discards need a kernel. */
import { expect, test, vi } from "vitest";

import { bytes, GIB } from "../../../src/core/units.ts";
import { doomedBefore } from "../../../src/pool/doomed.ts";
import {
  groupIdOf,
  groupRecord,
  snapshotIdOf,
  snapshotRecord,
  thin,
  volumeIdOf,
  volumeRecord,
} from "../../support/records.ts";
import { thinPoolBench, type ThinPoolBench } from "../../support/thin-pool-bench.ts";

const QUARTER = bytes(GIB / 4n);

/** Two volumes, a snapshot, a group of one. On this machine nothing can be activated, so all discards fail. */
function discarding(): ThinPoolBench {
  const groupId = groupIdOf(9);
  const bench = thinPoolBench({
    content: {
      volumes: [volumeRecord(1, { size: QUARTER }), volumeRecord(2, { size: bytes(GIB / 2n) })],
      snapshots: [snapshotRecord(3, { mapped: QUARTER }), snapshotRecord(4, { mapped: QUARTER, groupId })],
      groups: [groupRecord(9, { snapshotIds: [snapshotIdOf(4)] })],
    },
    thins: [1, 2, 3, 4].map((number) => thin(number)),
  });
  bench.pool.deletions.wanted = true;
  return bench;
}

const gone = (bench: ThinPoolBench, left: readonly number[]) =>
  vi.waitFor(() => expect([...bench.thins].toSorted((one, other) => one - other)).toEqual(left));

test("a volume is gone for callers before its thin is, and its room can be promised", async () => {
  const bench = discarding();
  const { pool } = bench;
  const before = pool.promisable();
  await pool.deleteVolume(volumeIdOf(2));
  expect([...bench.thins]).toContain(2);
  expect(pool.volume(volumeIdOf(2))).toBeUndefined();
  expect(pool.volumeByName("volume-2")).toBeUndefined();
  expect(pool.figures()).toMatchObject({ deletions: 1 });
  expect(pool.promisable() - before).toBe(GIB / 2n);
  await pool.deleteVolume(volumeIdOf(2));
  await gone(bench, [1, 3, 4]);
});

test("a snapshot and a group likewise", async () => {
  const bench = discarding();
  const { pool } = bench;
  const before = pool.promisable();
  await pool.deleteSnapshot(snapshotIdOf(3));
  await pool.deleteGroup(groupIdOf(9));
  expect(pool.snapshot(snapshotIdOf(3))).toBeUndefined();
  expect(pool.snapshotByName("snapshot-3")).toBeUndefined();
  expect(pool.group(groupIdOf(9))).toBeUndefined();
  expect(pool.snapshot(snapshotIdOf(4))).toBeUndefined();
  expect(pool.promisable() - before).toBe(GIB / 2n);
  await gone(bench, [1, 2]);
});

test("what can be promised is the same at every step", async () => {
  const bench = discarding();
  const seen = new Set<bigint>();
  await bench.pool.deleteVolume(volumeIdOf(1));
  await bench.pool.deleteGroup(groupIdOf(9));
  bench.afterStep = () => seen.add(bench.pool.figures().available);
  seen.add(bench.pool.figures().available);
  await gone(bench, [2, 3]);
  await vi.waitFor(() => expect(bench.pool.deletions.size).toBe(0));
  seen.add(bench.pool.figures().available);
  expect(seen.size).toBe(1);
});

test("whoever wants the name gets it when the old volume is gone", async () => {
  const bench = discarding();
  await bench.pool.deleteVolume(volumeIdOf(1));
  const { record } = await bench.pool.createVolume({
    name: "volume-1",
    range: { required: QUARTER },
    source: { kind: "empty" },
    access: ["block"],
    mkfsOptions: [],
  });
  expect(bench.messages.filter((text) => /^(delete|create)/.test(text))).toEqual([
    "delete 1",
    `create_thin ${record.thinId}`,
  ]);
});

test("one that cannot be deleted yet keeps its name, and is tried again", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const bench = discarding();
    bench.failMessage = (text) => (text === "delete 1" ? "EBUSY" : undefined);
    await bench.pool.deleteVolume(volumeIdOf(1));
    const again = bench.pool.createVolume({
      name: "volume-1",
      range: { required: QUARTER },
      source: { kind: "empty" },
      access: ["block"],
      mkfsOptions: [],
    });
    await expect(again).rejects.toThrow(/is being deleted/);
  } finally {
    vi.useRealTimers();
  }
});

test("nothing is left for later where nothing is mapped, or nothing is to be discarded", async () => {
  const bench = discarding();
  bench.pool.state.mapped.set(thin(1), bytes(0));
  await bench.pool.deleteVolume(volumeIdOf(1));
  expect([...bench.thins]).toEqual([2, 3, 4]);
  bench.pool.deletions.wanted = false;
  await bench.pool.deleteSnapshot(snapshotIdOf(3));
  expect([...bench.thins]).toEqual([2, 4]);
  bench.pool.deletions.wanted = true;
  bench.mode = "out_of_data_space";
  await bench.pool.refreshSupply();
  await bench.pool.deleteVolume(volumeIdOf(2));
  expect([...bench.thins]).toEqual([4]);
  bench.mode = "rw";
  bench.discard = "no_discard_passdown";
  await bench.pool.refreshSupply();
  await bench.pool.deleteGroup(groupIdOf(9));
  expect([...bench.thins]).toEqual([]);
});

test("a pool in foreign hands is not discarded any more", async () => {
  const bench = discarding();
  expect(bench.pool.deletions.discards).toBe(true);
  bench.setTransactionId(bench.pool.state.pool.transactionId + 5n);
  await bench.pool.refreshSupply();
  expect(bench.pool.condition.kind).toBe("read-only");
  expect(bench.pool.deletions.discards).toBe(false);
});

test("what was acknowledged and could not be finished is finished, also where nothing is discarded any more", async () => {
  const bench = thinPoolBench({
    content: { volumes: [volumeRecord(1, { state: "deleting" }), volumeRecord(2)] },
    thins: [thin(1), thin(2)],
  });
  const [doomed, ...others] = doomedBefore(bench.pool);
  expect(others).toEqual([]);
  if (doomed !== undefined) bench.pool.deletions.start(doomed);
  await gone(bench, [2]);
  await vi.waitFor(() => expect(bench.pool.volumes().map(({ id }) => id)).toEqual([volumeIdOf(2)]));
});
