/** The tables of the catalog and how older ones become these. */
import type { DatabaseSync } from "node:sqlite";
import { PoolSetupError } from "../core/errors.ts";

/** Marks a SQLite file as a dmthin catalog (`PRAGMA application_id`): "dmth" in ASCII. */
export const APPLICATION_ID = 0x64_6d_74_68;

/**
 * Absent values are NULL; lists are JSON arrays of strings; sizes are bytes; times are ISO 8601 in UTC. Closed sets of
 * words are checked by catalog-rows.ts, so that a new word needs no rebuilt table.
 *
 * `thins` claims every thin id for one owner, across tables: no id can ever be deleted on behalf of the wrong record.
 * No foreign keys: snapshots outlive their origins, and groups and members come and go in steps of their own.
 */
const VERSION_1 = `
CREATE TABLE pool (
  only_row       INTEGER PRIMARY KEY CHECK (only_row = 1),
  uuid           TEXT    NOT NULL,
  name           TEXT    NOT NULL,
  transaction_id INTEGER NOT NULL CHECK (transaction_id >= 0),
  thin_id_limit  INTEGER NOT NULL CHECK (thin_id_limit BETWEEN 0 AND 16777216)
) STRICT;

CREATE TABLE thins (
  thin_id INTEGER PRIMARY KEY CHECK (thin_id BETWEEN 0 AND 16777215),
  owner   TEXT    NOT NULL
) STRICT;
CREATE INDEX thins_by_owner ON thins (owner);

CREATE TABLE volumes (
  id                  TEXT    NOT NULL PRIMARY KEY,
  name                TEXT    NOT NULL UNIQUE,
  state               TEXT    NOT NULL,
  size                INTEGER NOT NULL CHECK (size >= 0),
  thin_id             INTEGER NOT NULL UNIQUE,
  retired_thin_id     INTEGER UNIQUE,
  source_kind         TEXT    NOT NULL,
  source_id           TEXT    CHECK ((source_id IS NULL) = (source_kind = 'empty')),
  access              TEXT    NOT NULL CHECK (json_valid(access)),
  fs_type             TEXT,
  mkfs_options        TEXT    NOT NULL CHECK (json_valid(mkfs_options)),
  format_state        TEXT    NOT NULL,
  format_fs_type      TEXT,
  staging_path        TEXT,
  staging_access      TEXT    CHECK ((staging_access IS NULL) = (staging_path IS NULL)),
  staging_fs_type     TEXT    CHECK (staging_fs_type IS NULL OR staging_path IS NOT NULL),
  staging_mount_flags TEXT    CHECK ((staging_mount_flags IS NULL) = (staging_path IS NULL)),
  created_at          TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
  id               TEXT    NOT NULL PRIMARY KEY,
  name             TEXT    NOT NULL UNIQUE,
  state            TEXT    NOT NULL,
  thin_id          INTEGER NOT NULL UNIQUE,
  source_volume_id TEXT    NOT NULL,
  size             INTEGER NOT NULL CHECK (size >= 0),
  mapped           INTEGER NOT NULL CHECK (mapped >= 0),
  format_state     TEXT    NOT NULL,
  format_fs_type   TEXT,
  fs_type          TEXT,
  mkfs_options     TEXT    NOT NULL CHECK (json_valid(mkfs_options)),
  group_id         TEXT,
  created_at       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
  id                TEXT NOT NULL PRIMARY KEY,
  name              TEXT NOT NULL UNIQUE,
  state             TEXT NOT NULL,
  source_volume_ids TEXT NOT NULL CHECK (json_valid(source_volume_ids)),
  snapshot_ids      TEXT NOT NULL CHECK (json_valid(snapshot_ids)),
  created_at        TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** Whose they are: what another cluster made is none of this one's orphans. */
const VERSION_2 = `
ALTER TABLE volumes ADD COLUMN cluster_uid TEXT;
ALTER TABLE snapshots ADD COLUMN cluster_uid TEXT;
`;

/** `MIGRATIONS[n]` turns version n into version n + 1; version 0 is an empty file. Published ones never change. */
export const MIGRATIONS: readonly string[] = [VERSION_1, VERSION_2];

/** Of the catalogs that this program has open. */
export const CATALOG_VERSION = MIGRATIONS.length;

/**
 * Brings the open catalog up to the newest version, in one transaction. Throws PoolSetupError for a version that is
 * newer than `migrations` knows: it may hold what this program would destroy.
 */
export function migrate(database: DatabaseSync, migrations: readonly string[] = MIGRATIONS): void {
  const version = Number(pragma(database, "user_version"));
  if (version > migrations.length) {
    throw new PoolSetupError(
      `it has version ${version}, made by a newer dmthin; this one knows versions up to ${migrations.length}: ` +
        "install the newer dmthin again",
    );
  }
  if (version === migrations.length) return;
  inTransaction(database, () => {
    for (const statements of migrations.slice(version)) database.exec(statements);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}

/** All of `work` is on the disk when it returns, or none of it; after a throw no transaction is open. */
export function inTransaction(database: DatabaseSync, work: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    work();
    database.exec("COMMIT");
  } catch (error) {
    // An I/O error has rolled back already.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** The value of a one-value pragma, as text. */
export function pragma(database: DatabaseSync, statement: string): string {
  const row = database.prepare(`PRAGMA ${statement}`).get() ?? {};
  return String(Object.values(row)[0]);
}
