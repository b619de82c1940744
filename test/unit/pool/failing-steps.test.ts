import { describe, expect, test, vi } from "vitest";

import {
  CapacityRangeError,
  NoRoomError,
  OutcomeUnknownError,
  PoolUnavailableError,
} from "../../../src/core/errors.ts";
import type { Change } from "../../../src/core/records.ts";
import { bytes, GIB, MIB } from "../../../src/core/units.ts";
import type { ThinPool } from "../../../src/pool/thin-pool.ts";
import { groupIdOf, snapshotIdOf, thin, volumeIdOf, volumeRecord } from "../../support/records.ts";
import { thinPoolBench } from "../../support/thin-pool-bench.ts";
import type { ThinPoolBench } from "../../support/thin-pool-bench.ts";

const SIZE = { required: bytes(64n * MIB) };
const NEW_VOLUME = {
  name: "pvc-1",
  range: SIZE,
  source: { kind: "empty" },
  access: ["mount"],
  mkfsOptions: [],
} as const;

const makesReady = (changes: readonly Change[]): boolean =>
  changes.some(
    (change) =>
      (change.kind === "put-volume" || change.kind === "put-snapshot") && change.record.state === "ready",
  );

/** The disk of the catalog stalls at that commit; whether it arrived nobody knows, as in pool/catalog.ts. */
function stallsAt(bench: ThinPoolBench, commit: (changes: readonly Change[]) => boolean): void {
  let frozen = false;
  bench.beforeCommit = (changes) => {
    if (frozen) throw new PoolUnavailableError("frozen");
    frozen = commit(changes);
    if (frozen) throw new OutcomeUnknownError("no answer to commit within 15000 ms");
  };
}

describe("an outcome that nobody knows is left as it is: the record may be ready", () => {
  test("of a new volume: its thin is not deleted", async () => {
    const bench = thinPoolBench();
    stallsAt(bench, makesReady);
    await expect(bench.pool.createVolume(NEW_VOLUME)).rejects.toThrow(OutcomeUnknownError);
    expect(bench.messages.filter((message) => message.startsWith("delete"))).toEqual([]);
    expect(bench.thins.size).toBe(1);
  });

  test("of a snapshot: its thin is not deleted", async () => {
    const bench = thinPoolBench({ content: { volumes: [volumeRecord(1)] }, thins: [thin(1)] });
    bench.pool.state.mapped.set(thin(1), bytes(MIB));
    stallsAt(bench, makesReady);
    const made = bench.pool.createSnapshot({ name: "snap-1", source: volumeIdOf(1) });
    await expect(made).rejects.toThrow(OutcomeUnknownError);
    expect(bench.messages.filter((message) => message.startsWith("delete"))).toEqual([]);
    expect(bench.thins.size).toBe(2);
  });
});

describe("a pool whose catalog fails is of no use any more", () => {
  test("it says why, and what is under way on it does no other step", async () => {
    const bench = thinPoolBench();
    // The other volume's thin is made by then; its record is not ready.
    const other = bench.pool.createVolume({ ...NEW_VOLUME, name: "pvc-2" });
    stallsAt(bench, (changes) => makesReady(changes));
    const made = bench.pool.createVolume(NEW_VOLUME);
    const outcomes = await Promise.allSettled([other, made]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await bench.pool.unusable).toMatch(/^its catalog failed \(no answer/);
    const before = bench.messages.length;
    await expect(bench.pool.perform([{ kind: "delete-thin", thinId: thin(7) }])).rejects.toThrow(
      /pool .* is unusable: its catalog failed/,
    );
    expect(bench.messages.length).toBe(before);
  });

  test("also where that is found between two steps of a plan", async () => {
    const bench = thinPoolBench();
    bench.failMessage = (message) => {
      if (message === "create_thin 7") void bench.pool.record([]).catch(() => undefined);
      return undefined;
    };
    stallsAt(bench, () => true);
    const plan = [7, 8].map((id) => ({ kind: "create-thin" as const, thinId: thin(id) }));
    await expect(bench.pool.perform(plan)).rejects.toThrow(PoolUnavailableError);
    expect(bench.messages).toEqual(["create_thin 7"]);
  });

  test("a fenced pool is left to a person, whatever fails", async () => {
    const bench = thinPoolBench({ condition: { kind: "read-only", reason: "foreign hands" } });
    stallsAt(bench, () => true);
    await expect(bench.pool.record([])).rejects.toThrow(OutcomeUnknownError);
    expect(bench.pool.condition.kind).toBe("read-only");
  });
});

describe("a half-formatted volume gets a fresh thin", () => {
  const renew = (bench: ThinPoolBench): Promise<void> =>
    bench.pool.withVolume(volumeIdOf(1), "renew", "renew", (volume) => volume.renewThin());

  test.each(["delete", "create_thin"])("also where the first try failed at %s", async (verb) => {
    const formatting = volumeRecord(1, { format: { state: "formatting" } });
    const bench = thinPoolBench({ content: { volumes: [formatting] }, thins: [thin(1)] });
    let failures = 1;
    bench.failMessage = (message) => (message.startsWith(verb) && failures-- > 0 ? "EBUSY" : undefined);
    await expect(renew(bench)).rejects.toThrow(/EBUSY|still active/);
    await renew(bench);
    const record = bench.pool.volume(volumeIdOf(1));
    expect(record).toMatchObject({ format: { state: "blank" } });
    expect(record).not.toHaveProperty("retiredThinId");
    // A thin that no record names would fence the pool at its next start.
    expect([...bench.thins]).toEqual([record?.thinId]);
  });
});

describe("a snapshot for which there is no room", () => {
  const full = volumeRecord(1, { size: bytes(4n * GIB) });

  test("is never cut: while it existed, its origin's writes could fill the pool", async () => {
    const bench = thinPoolBench({ content: { volumes: [full] }, thins: [thin(1)] });
    bench.pool.state.mapped.set(thin(1), bytes(MIB));
    const made = bench.pool.createSnapshot({ name: "snap-1", source: volumeIdOf(1) });
    await expect(made).rejects.toThrow(NoRoomError);
    expect(bench.messages.filter((message) => message.startsWith("create_snap"))).toEqual([]);
    expect(bench.pool.snapshots()).toEqual([]);
    expect(bench.pool.state.demand).toEqual({ blocks: 65_536n, thins: 1 });
  });

  test("and which could not be taken back counts all the same, until it is", async () => {
    const bench = thinPoolBench({ content: { volumes: [volumeRecord(1)] }, thins: [thin(1)] });
    bench.pool.state.mapped.set(thin(1), bytes(GIB));
    const make = () => bench.pool.createSnapshot({ name: "snap-1", source: volumeIdOf(1) });
    bench.failMessage = (message) => (/^(create_snap|delete)/.test(message) ? "EIO" : undefined);
    await expect(make()).rejects.toThrow(OutcomeUnknownError);
    expect(bench.pool.state.demand).toEqual({ blocks: 32_768n, thins: 2 });
    bench.failMessage = () => undefined;
    await make();
    expect(bench.pool.state.demand).toEqual({ blocks: 32_768n, thins: 2 });
  });

  test("of nothing is made all the same", async () => {
    const bench = thinPoolBench({ content: { volumes: [full] }, thins: [thin(1)] });
    bench.pool.state.mapped.set(thin(1), bytes(0));
    const made = await bench.pool.createSnapshot({ name: "snap-1", source: volumeIdOf(1) });
    expect(made.record).toMatchObject({ state: "ready", mapped: 0n });
    expect(bench.pool.state.demand).toEqual({ blocks: 65_536n, thins: 2 });
  });
});

test.each([
  ["the pool has no room", "rw", /can still be promised/],
  ["the pool is out of data", "out_of_data_space", /out of data space/],
] as const)(
  "growth is out of range where %s, so that a user can ask for less",
  async (_why, mode, reason) => {
    const bench = thinPoolBench({ content: { volumes: [volumeRecord(1)] }, thins: [thin(1)] });
    bench.mode = mode;
    const grown = bench.pool.expandVolume(volumeIdOf(1), { required: bytes(5n * GIB) });
    await expect(grown).rejects.toThrow(CapacityRangeError);
    await expect(grown).rejects.toThrow(reason);
    expect(bench.commits).toEqual([]);
  },
);

test("a pool that was full answers its capacity again, without a call that makes something", async () => {
  const bench = thinPoolBench();
  bench.mode = "out_of_data_space";
  await expect(bench.pool.createVolume(NEW_VOLUME)).rejects.toThrow(NoRoomError);
  bench.mode = "rw";
  await vi.waitFor(() => expect(bench.pool.capacity().available).toBeGreaterThan(0n));
});

describe("what an old catalog does not list may exist, and is not said to be deleted", () => {
  const fenced = { kind: "read-only", reason: "the catalog is an older copy" } as const;

  test.each([
    ["volume", (pool: ThinPool) => pool.deleteVolume(volumeIdOf(9))],
    ["snapshot", (pool: ThinPool) => pool.deleteSnapshot(snapshotIdOf(9))],
    ["group", (pool: ThinPool) => pool.deleteGroup(groupIdOf(9))],
  ])("a %s", async (_what, remove) => {
    await expect(remove(thinPoolBench({ condition: fenced }).pool)).rejects.toThrow(PoolUnavailableError);
    await expect(remove(thinPoolBench().pool)).resolves.toBeUndefined();
  });
});

describe("what failed and is known to have failed is taken back at once", () => {
  test("of a new volume", async () => {
    const bench = thinPoolBench();
    bench.failMessage = (message) => (message.startsWith("create_thin") ? "EIO" : undefined);
    await expect(bench.pool.createVolume(NEW_VOLUME)).rejects.toThrow("EIO");
    expect(bench.pool.volumes()).toEqual([]);
  });
});
