import { DatabaseSync } from "node:sqlite";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ParseError, PoolSetupError } from "../../../src/core/errors.ts";
import { volumeFromRow, volumeToRow } from "../../../src/pool/catalog-rows.ts";
import { MIGRATIONS, migrate, pragma } from "../../../src/pool/catalog-schema.ts";
import { CatalogStore } from "../../../src/pool/catalog-store.ts";
import { anyGroup, anySnapshot, anyVolume } from "../../support/arbitrary-records.ts";
import { poolRecord, volumeRecord } from "../../support/records.ts";

function emptyStore(): CatalogStore {
  const database = new DatabaseSync(":memory:", { readBigInts: true });
  migrate(database);
  const store = new CatalogStore(database);
  store.commit([{ kind: "put-pool", record: poolRecord() }]);
  return store;
}

describe("a record comes back from its table as it went in", () => {
  const store = emptyStore();

  test("volumes", () => {
    fc.assert(
      fc.property(anyVolume, (record) => {
        store.commit([{ kind: "put-volume", record }]);
        expect(store.load().volumes).toStrictEqual([record]);
        store.commit([{ kind: "drop-volume", id: record.id }]);
        expect(store.load().volumes).toStrictEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("snapshots", () => {
    fc.assert(
      fc.property(anySnapshot, (record) => {
        store.commit([{ kind: "put-snapshot", record }]);
        expect(store.load().snapshots).toStrictEqual([record]);
        store.commit([{ kind: "drop-snapshot", id: record.id }]);
        expect(store.load().snapshots).toStrictEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("groups", () => {
    fc.assert(
      fc.property(anyGroup, (record) => {
        store.commit([{ kind: "put-group", record }]);
        expect(store.load().groups).toStrictEqual([record]);
        store.commit([{ kind: "drop-group", id: record.id }]);
        expect(store.load().groups).toStrictEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("the pool, over its former self", () => {
    const record = poolRecord({ transactionId: 2n ** 62n, thinIdLimit: 0x1_00_00_00 });
    store.commit([{ kind: "put-pool", record }]);
    expect(store.load().pool).toStrictEqual(record);
  });

  test("a volume over its former self, values taken away included", () => {
    fc.assert(
      fc.property(anyVolume, anyVolume, (former, other) => {
        const record = { ...other, id: former.id };
        store.commit([{ kind: "put-volume", record: former }]);
        store.commit([{ kind: "put-volume", record }]);
        expect(store.load().volumes).toStrictEqual([record]);
        store.commit([{ kind: "drop-volume", id: record.id }]);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a row that this version does not write is refused by its column", () => {
  const good = volumeToRow(volumeRecord(1));

  test.each([
    ["id", "v-1"],
    ["id", "s-0123456789abcdef0123456789abcdef-00000000000000000001"],
    ["state", "gone"],
    ["size", -1n],
    ["size", "large"],
    ["thin_id", 0x1_00_00_00n],
    ["source_kind", "tape"],
    ["access", '["mount","nfs"]'],
    ["access", "mount"],
    ["mkfs_options", '{"a":1}'],
    ["mkfs_options", "[1]"],
    ["fs_type", "ext3"],
    ["format_state", null],
    ["staging_path", "/somewhere"],
  ])("%s = %s", (column, value) => {
    const read = () => volumeFromRow({ ...good, [column]: value });
    expect(read).toThrow(ParseError);
    expect(read).toThrow(column === "staging_path" ? /staging_access/ : new RegExp(`column ${column}`));
  });
});

describe("migration", () => {
  test("takes an older version through every later step", () => {
    const database = new DatabaseSync(":memory:");
    migrate(database, ["CREATE TABLE a (x)"]);
    migrate(database, ["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y", "ALTER TABLE a ADD COLUMN z"]);
    database.exec("INSERT INTO a (x, y, z) VALUES (1, 2, 3)");
    expect(pragma(database, "user_version")).toBe("3");
  });

  test("that fails halfway leaves the older version as it was", () => {
    const database = new DatabaseSync(":memory:");
    migrate(database, ["CREATE TABLE a (x)"]);
    expect(() => migrate(database, ["", "CREATE TABLE b (x)", "CREATE NONSENSE"])).toThrow("syntax error");
    expect(pragma(database, "user_version")).toBe("1");
    expect(database.prepare("SELECT name FROM sqlite_schema").all()).toStrictEqual([
      expect.objectContaining({ name: "a" }),
    ]);
  });

  test("of a newer version is refused, and nothing is touched", () => {
    const database = new DatabaseSync(":memory:");
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    expect(() => migrate(database)).toThrow(PoolSetupError);
    expect(database.prepare("SELECT count(*) AS count FROM sqlite_schema").get()).toMatchObject({ count: 0 });
  });
});
