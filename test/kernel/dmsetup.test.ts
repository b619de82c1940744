/** dmsetup, loop devices and the thin tools against the kernel itself: what fixtures cannot prove. */
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { DevNumber, LinearSegment, PoolTable } from "../../src/core/dm.ts";
import type { DmName, DmUuid } from "../../src/core/ids.ts";
import { thinId } from "../../src/core/ids.ts";
import { dataBlocks, GIB, MIB, sectors } from "../../src/core/units.ts";
import { holders, isClaimed, sizeOf, writeBlock } from "../../src/host/block-device.ts";
import { findDmDevice } from "../../src/host/dm-sysfs.ts";
import { Dmsetup } from "../../src/host/dmsetup.ts";
import { createRunner, type Runner } from "../../src/host/run.ts";
import { ensureThinTargets } from "../../src/host/thin-targets.ts";
import { formatLinearTable, parseLinearTable } from "../../src/host/linear-text.ts";
import { formatPoolTable, parsePoolTable } from "../../src/host/thin-pool-text.ts";
import { formatThinTable, parseThinTable } from "../../src/host/thin-text.ts";
import { checkMetadata, listThins, withMetadataSnapshot } from "../../src/host/thin-tools.ts";
import { findTools } from "../../src/host/tools.ts";
import { type LoopFile, type LoopFiles, loopFiles } from "../support/loop-files.ts";

const PREFIX = "dmthin-dmsetup-test-";
const POOL = `${PREFIX}pool` as DmName;
const name = (suffix: string): DmName => `${PREFIX}${suffix}` as DmName;
const uuid = (suffix: string): DmUuid => `DMTHIN-dmsetup-test-${suffix}` as DmUuid;
const SIZE = sectors(2048 * 64);

describe("dmsetup on the kernel", () => {
  let runner: Runner;
  let dmsetup: Dmsetup;
  let loops: LoopFiles;
  let metadata: LoopFile;
  let data: LoopFile;
  let pool: DevNumber;

  beforeAll(async () => {
    runner = createRunner(findTools());
    dmsetup = new Dmsetup(runner);
    await ensureThinTargets(runner);
    loops = await loopFiles(runner);
    [metadata, data] = [await loops.attach("metadata", 16n * MIB), await loops.attach("data", GIB)];
    await dmsetup.create(POOL, uuid("pool"), formatPoolTable(poolTable()));
    pool = numberOf(POOL);
  });

  afterAll(async () => {
    await removeThins();
    await dmsetup.remove(POOL);
    await loops.clean();
  });

  const poolTable = (): PoolTable => ({
    length: sectors(GIB / 512n),
    metadata: metadata.number,
    data: data.number,
    blockSectors: sectors(128),
    lowWater: dataBlocks(100),
    features: ["error_if_no_space"],
  });

  function numberOf(device: DmName): DevNumber {
    const found = findDmDevice(device);
    if (found === undefined) throw new Error(`${device} is not there`);
    return found.number;
  }

  const table = (id: number, length = SIZE): string => formatThinTable({ length, pool, thinId: thinId(id) });

  async function activate(suffix: string, id: number): Promise<DmName> {
    await dmsetup.message(POOL, `create_thin ${id}`);
    await dmsetup.create(name(suffix), uuid(suffix), table(id));
    return name(suffix);
  }

  /** By prefix, so that a test that failed half way leaves nothing for the next. */
  async function removeThins(): Promise<void> {
    const thins = (await dmsetup.list()).filter((each) => each.name.startsWith(PREFIX) && each.name !== POOL);
    for (const each of thins) {
      if (each.suspended) await dmsetup.resume(each.name);
      await dmsetup.remove(each.name);
    }
    const ids = await withMetadataSnapshot(dmsetup, POOL, () =>
      listThins(runner, metadata.path, { live: true }),
    );
    for (const each of ids) await dmsetup.message(POOL, `delete ${each.thinId}`);
  }

  const write = (device: DmName, blocks: number): Promise<void> =>
    writeBlock(`/dev/${nodeOf(device)}`, 0n, new Uint8Array(blocks * 65_536).fill(7));
  const nodeOf = (device: DmName): string => `dm-${numberOf(device).split(":")[1]}`;

  test("the pool's table reads back as it was written, and its status is that of an empty pool", async () => {
    expect(parsePoolTable(await dmsetup.table(POOL))).toEqual(poolTable());
    expect(await dmsetup.poolStatus(POOL, { flush: true })).toMatchObject({
      kind: "active",
      mode: "rw",
      transactionId: 0n,
      totalMeta: 4096n,
      usedData: 0n,
      totalData: 16_384n,
      whenFull: "error_if_no_space",
    });
  });

  describe("does what is asked", () => {
    afterEach(() => removeThins());

    test("a thin maps what is written to it, and sysfs shows the device at once", async () => {
      const thin = await activate("v", 1);
      expect(findDmDevice(thin)).toMatchObject({
        name: thin,
        uuid: uuid("v"),
        size: 64n * MIB,
        suspended: false,
      });
      expect(await dmsetup.thinStatus(thin, { flush: true })).toEqual({ kind: "active", mapped: 0n });
      await write(thin, 3);
      expect(await dmsetup.thinStatus(thin, { flush: true })).toEqual({
        kind: "active",
        mapped: 384n,
        highestMapped: 383n,
      });
      expect((await dmsetup.thinStatuses()).get(thin)).toMatchObject({ mapped: 384n });
      const missing = "dmthin-none" as DmName;
      const { thins } = await dmsetup.poolAndThinStatus(POOL, [thin, missing, thin]);
      expect([...thins]).toMatchObject([[thin, { mapped: 384n }]]);
      await expect(dmsetup.poolAndThinStatus(missing, [thin])).rejects.toMatchObject({ errno: "ENXIO" });
      expect(parseThinTable(await dmsetup.table(thin))).toEqual({ length: SIZE, pool, thinId: 1 });
    });

    test("a snapshot of a suspended origin shares its blocks", async () => {
      const thin = await activate("v", 1);
      await write(thin, 5);
      await dmsetup.suspend(thin, { timeoutMs: 20_000 });
      expect((await dmsetup.list()).find((device) => device.name === thin)).toMatchObject({
        suspended: true,
      });
      expect(findDmDevice(thin)).toMatchObject({ suspended: true });
      await dmsetup.message(POOL, "create_snap 2 1");
      await dmsetup.resume(thin);
      const ids = await withMetadataSnapshot(dmsetup, POOL, () =>
        listThins(runner, metadata.path, { live: true }),
      );
      expect(ids).toEqual([
        { thinId: 1, mapped: 5n, transaction: 0n },
        { thinId: 2, mapped: 5n, transaction: 0n },
      ]);
      expect(await dmsetup.poolStatus(POOL, { flush: true })).toMatchObject({ usedData: 5n });
    });

    test("a longer table takes effect at resume, and can be dropped before", async () => {
      const thin = await activate("v", 1);
      const longer = sectors(SIZE * 2n);
      await dmsetup.load(thin, table(1, longer));
      expect(parseThinTable(await dmsetup.inactiveTable(thin)).length).toBe(longer);
      await dmsetup.clear(thin);
      expect(await dmsetup.inactiveTable(thin)).toBe("");
      await dmsetup.resume(thin);
      expect(sizeOf(numberOf(thin))).toBe(64n * MIB);
      await dmsetup.load(thin, table(1, longer));
      await dmsetup.resume(thin);
      expect(sizeOf(numberOf(thin))).toBe(128n * MIB);
    });

    test("a table of several lines is created as it was asked for, and its device is claimed", async () => {
      const [a, b] = ["a", "b"];
      const free = await loops.attach("free", MIB);
      const segment = (length: number, offset: number): LinearSegment => ({
        length: sectors(length),
        device: free.number,
        offset: sectors(offset),
      });
      const own = [segment(8, 16), segment(24, 64), segment(8, 0)];
      for (const each of [a, b]) {
        await dmsetup.create(name(each), uuid(each), formatLinearTable(own));
        expect(parseLinearTable(await dmsetup.table(name(each)))).toEqual(own);
      }
      expect(holders(free.number).toSorted()).toEqual([nodeOf(name(a)), nodeOf(name(b))].toSorted());
      expect(await isClaimed(free.path)).toBe(true);
    });
  });

  describe("says why it failed", () => {
    let thin: DmName;
    beforeAll(async () => {
      thin = await activate("v", 1);
    });
    afterAll(() => removeThins());

    test.each([
      ["a thin id that exists", "create_thin 1", "EEXIST"],
      ["a snapshot id that exists", "create_snap 1 1", "EEXIST"],
      ["an origin that does not exist", "create_snap 9 8", "ENODATA"],
      ["a thin that does not exist", "delete 9", "ENODATA"],
      ["an active thin", "delete 1", "EBUSY"],
      ["a wrong transaction id", "set_transaction_id 5 6", "EINVAL"],
      ["an unknown message", "nonsense", "EINVAL"],
    ])("%s", async (_, message, errno) => {
      await expect(dmsetup.message(POOL, message)).rejects.toMatchObject({ kind: "tool", errno });
    });

    test.each<readonly [string, (missing: DmName) => Promise<unknown>]>([
      ["message", (missing) => dmsetup.message(missing, "create_thin 1")],
      ["suspend", (missing) => dmsetup.suspend(missing, { timeoutMs: 20_000 })],
      ["resume", (missing) => dmsetup.resume(missing)],
      ["remove", (missing) => dmsetup.remove(missing)],
      ["table", (missing) => dmsetup.table(missing)],
      ["status", (missing) => dmsetup.poolStatus(missing, { flush: false })],
      ["clear", (missing) => dmsetup.clear(missing)],
      ["load", (missing) => dmsetup.load(missing, "0 8 error")],
    ])("%s on a device that is not there is ENXIO", async (_, call) => {
      await expect(call(name("none"))).rejects.toMatchObject({ kind: "tool", errno: "ENXIO" });
    });

    test("a name or a uuid that is taken is EBUSY and changes nothing", async () => {
      await expect(dmsetup.create(thin, uuid("w"), "0 8 error")).rejects.toMatchObject({ errno: "EBUSY" });
      await expect(dmsetup.create(name("w"), uuid("v"), "0 8 error")).rejects.toMatchObject({
        errno: "EBUSY",
      });
      expect(findDmDevice(name("w"))).toBeUndefined();
      expect(parseThinTable(await dmsetup.table(thin)).thinId).toBe(1);
    });

    test("a thin the pool does not know leaves no device behind", async () => {
      await expect(dmsetup.create(name("w"), uuid("w"), table(77))).rejects.toMatchObject({
        errno: "ENODATA",
      });
      expect(findDmDevice(name("w"))).toBeUndefined();
    });

    test("metadata in use is not called damaged", async () => {
      await expect(checkMetadata(runner, metadata.path)).rejects.toMatchObject({
        kind: "tool",
        errno: "EBUSY",
      });
    });
  });

  describe("removing an open device", () => {
    afterEach(() => removeThins());

    test("waits until it is closed", async () => {
      const thin = await activate("v", 1);
      const fd = openSync(`/dev/${nodeOf(thin)}`, "r");
      const removal = dmsetup.remove(thin);
      await sleep(300);
      closeSync(fd);
      await removal;
      expect(findDmDevice(thin)).toBeUndefined();
    });

    test("gives up with EBUSY, and the device stays", async () => {
      const thin = await activate("v", 1);
      const fd = openSync(`/dev/${nodeOf(thin)}`, "r");
      await expect(new Dmsetup(runner, { removeDelaysMs: [10] }).remove(thin)).rejects.toMatchObject({
        errno: "EBUSY",
      });
      closeSync(fd);
      expect(findDmDevice(thin)).toMatchObject({ uuid: uuid("v") });
    });
  });
});
