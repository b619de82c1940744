import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  IncompatibleExistingError,
  OutcomeUnknownError,
  PoolSetupError,
  PoolUnavailableError,
} from "../../../src/core/errors.ts";
import type { Change } from "../../../src/core/records.ts";
import { bytes } from "../../../src/core/units.ts";
import { type Catalog, openCatalog } from "../../../src/pool/catalog.ts";
import {
  groupIdOf,
  groupRecord,
  poolRecord,
  snapshotIdOf,
  snapshotRecord,
  thin,
  volumeIdOf,
  volumeRecord,
} from "../../support/records.ts";

const deadlineMs = 20_000;
const opened: Catalog[] = [];
let directory = "";
let path = "";

async function open(options: Partial<Parameters<typeof openCatalog>[1]> = {}): Promise<Catalog> {
  const catalog = await openCatalog(path, { deadlineMs, ...options });
  opened.push(catalog);
  return catalog;
}

const create = (): Promise<Catalog> => open({ create: poolRecord() });
const put = (number: number, changes: Parameters<typeof volumeRecord>[1] = {}): Change => ({
  kind: "put-volume",
  record: volumeRecord(number, changes),
});

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dmthin-catalog-"));
  path = join(directory, "catalog.db");
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((catalog) => catalog.close()));
  rmSync(directory, { recursive: true });
});

describe("what is committed", () => {
  test("is there after a reopen, every kind of record", async () => {
    const first = await create();
    const volume = volumeRecord(1, {
      retiredThinId: thin(9),
      staging: { path: "/var/lib/kubelet/x", access: "mount", fsType: "xfs", mountFlags: ["noatime"] },
    });
    const snapshot = snapshotRecord(2, { groupId: groupIdOf(3), mapped: bytes(65_536n) });
    const group = groupRecord(3, { snapshotIds: [snapshotIdOf(2)] });
    const pool = poolRecord({ transactionId: 8n, thinIdLimit: 200 });
    await first.commit([
      { kind: "put-volume", record: volume },
      { kind: "put-snapshot", record: snapshot },
      { kind: "put-group", record: group },
      { kind: "put-pool", record: pool },
    ]);
    await first.close();
    const content = await (await open()).load();
    expect(content).toStrictEqual({ pool, volumes: [volume], snapshots: [snapshot], groups: [group] });
  });

  test("can be dropped, and dropping what is not there is done", async () => {
    const catalog = await create();
    await catalog.commit([put(1)]);
    const drops: Change[] = [
      { kind: "drop-volume", id: volumeIdOf(1) },
      { kind: "drop-snapshot", id: snapshotIdOf(1) },
      { kind: "drop-group", id: groupIdOf(1) },
    ];
    await catalog.commit(drops);
    await catalog.commit(drops);
    expect((await catalog.load()).volumes).toStrictEqual([]);
  });

  test("is kept in the order of the calls, all under way at once", async () => {
    const catalog = await create();
    const sizes = Array.from({ length: 200 }, (_, index) => bytes(index * 4096));
    await Promise.all(sizes.map((size) => catalog.commit([put(1, { size })])));
    expect((await catalog.load()).volumes).toStrictEqual([volumeRecord(1, { size: bytes(199 * 4096) })]);
  });
});

describe("a commit that breaks a rule changes nothing, and the catalog goes on", () => {
  test.each<[string, readonly Change[], typeof IncompatibleExistingError | typeof RangeError]>([
    ["name of another volume", [put(2, { name: "volume-1" })], IncompatibleExistingError],
    ["thin of another volume", [put(2, { thinId: thin(1) })], IncompatibleExistingError],
    ["retired thin of another volume", [put(2, { retiredThinId: thin(1) })], IncompatibleExistingError],
    [
      "thin of a snapshot",
      [put(2), { kind: "put-snapshot", record: snapshotRecord(1) }],
      IncompatibleExistingError,
    ],
    ["a size beyond SQLite", [put(2, { size: (2n ** 63n) as never })], RangeError],
    ["a negative size", [put(2, { size: -1n as never })], RangeError],
    ["half a record", [put(2, { name: undefined as never })], RangeError],
  ])("%s", async (_, changes, error) => {
    const catalog = await create();
    await catalog.commit([put(1)]);
    await expect(catalog.commit([put(7), ...changes])).rejects.toThrow(error);
    await catalog.commit([put(8)]);
    const { volumes, snapshots } = await catalog.load();
    expect(volumes.map((volume) => volume.id)).toStrictEqual([volumeIdOf(1), volumeIdOf(8)]);
    expect(snapshots).toStrictEqual([]);
  });

  test("a thin id moves between records within one commit", async () => {
    const catalog = await create();
    await catalog.commit([put(1)]);
    await catalog.commit([
      { kind: "drop-volume", id: volumeIdOf(1) },
      { kind: "put-snapshot", record: snapshotRecord(1) },
    ]);
    expect((await catalog.load()).snapshots).toHaveLength(1);
  });
});

describe("opening", () => {
  test("never makes a catalog unless told to", async () => {
    await expect(open()).rejects.toThrow(PoolSetupError);
    expect(readdirSync(directory)).toStrictEqual([]);
  });

  test("with a first record leaves an existing catalog alone", async () => {
    const first = await create();
    await first.commit([put(1)]);
    await first.close();
    const second = await open({ create: poolRecord({ transactionId: 1000n }) });
    const content = await second.load();
    expect(content.pool).toStrictEqual(poolRecord());
    expect(content.volumes).toHaveLength(1);
  });

  test("starts anew after a creation that was cut off", async () => {
    writeFileSync(`${path}.new`, "half a file");
    writeFileSync(`${path}.new-journal`, "half a journal");
    const catalog = await create();
    expect((await catalog.load()).pool).toStrictEqual(poolRecord());
    await catalog.close();
    expect(readdirSync(directory)).toStrictEqual(["catalog.db"]);
  });

  test("refuses a second opener, and lets go when closed", async () => {
    const first = await create();
    await expect(open()).rejects.toThrow(/has it open/);
    await first.commit([put(1)]);
    await first.close();
    expect((await (await open()).load()).volumes).toHaveLength(1);
  });

  test("refuses the catalog of a newer version, which stays as it was", async () => {
    await (await create()).close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    copyFileSync(path, `${path}.copy`);
    await expect(open()).rejects.toThrow(/version 99, made by a newer dmthin/);
  });

  test.each<[string, () => void, RegExp]>([
    ["a directory", () => mkdirSync(path), /not a regular file/],
    ["an empty file", () => writeFileSync(path, ""), /not a catalog of dmthin/],
    ["no database", () => writeFileSync(path, "x".repeat(8192)), /not a SQLite file/],
    [
      "a database of somebody else",
      () => new DatabaseSync(path).exec("CREATE TABLE t (x)"),
      /not a catalog of dmthin/,
    ],
  ])("refuses %s", async (_, make, message) => {
    make();
    const refusal = open({ create: poolRecord() });
    await expect(refusal).rejects.toThrow(PoolSetupError);
    await expect(refusal).rejects.toThrow(message);
  });

  test("refuses a file that lost its end", async () => {
    const first = await create();
    await first.commit([put(1)]);
    await first.close();
    truncateSync(path, 8192);
    await expect(open()).rejects.toThrow(/damaged/);
  });

  test("names the column of a row that nobody of ours wrote", async () => {
    const first = await create();
    await first.commit([put(1)]);
    await first.close();
    const database = new DatabaseSync(path);
    database.exec("UPDATE volumes SET state = 'lost'");
    database.close();
    const second = await open();
    await expect(second.load()).rejects.toThrow(/volumes: column state is "lost"/);
  });
});

describe("a catalog that does not answer in time", () => {
  test("freezes: the call is unknown, later ones are refused, and closing ends", async () => {
    await (await create()).close();
    const catalog = await open({ deadlineMs: 2500 });
    // Long work stands in for a stuck disk here; the real one is in test/kernel/catalog.test.ts.
    const stuck = catalog.commit(Array<Change>(1_000_000).fill(put(1)));
    const behind = catalog.commit([put(2)]);
    const read = catalog.load();
    await expect(stuck).rejects.toThrow(OutcomeUnknownError);
    await expect(behind).rejects.toThrow(OutcomeUnknownError);
    await expect(read).rejects.toThrow(PoolUnavailableError);
    await expect(catalog.commit([put(3)])).rejects.toThrow(PoolUnavailableError);
    await expect(catalog.load()).rejects.toThrow(/frozen until it is opened again/);
    await catalog.close();
    expect((await (await open()).load()).volumes).toStrictEqual([]);
  });
});

test("a closed catalog takes no calls, and closing again is done", async () => {
  const catalog = await create();
  const last = catalog.commit([put(1)]);
  await Promise.all([catalog.close(), catalog.close()]);
  await last;
  await catalog.close();
  await expect(catalog.load()).rejects.toThrow(PoolUnavailableError);
  expect((await (await open()).load()).volumes).toHaveLength(1);
});
