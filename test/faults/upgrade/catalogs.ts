/**
 * Catalogs as each version of dmthin has written them: one entry a version, written by hand, never changed once published and never
 * made with the program's own schema. `rows` are those of the newest version; what an older one did not have is left out.
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";

export type Rows = Readonly<Record<string, readonly Readonly<Record<string, SQLInputValue>>[]>>;

const APPLICATION_ID = 1_684_894_824;

const VERSION_1 = `
CREATE TABLE pool (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), uuid TEXT NOT NULL, name TEXT NOT NULL,
  transaction_id INTEGER NOT NULL CHECK (transaction_id >= 0),
  thin_id_limit INTEGER NOT NULL CHECK (thin_id_limit BETWEEN 0 AND 16777216)) STRICT;
CREATE TABLE thins (thin_id INTEGER PRIMARY KEY CHECK (thin_id BETWEEN 0 AND 16777215), owner TEXT NOT NULL) STRICT;
CREATE INDEX thins_by_owner ON thins (owner);
CREATE TABLE volumes (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0), thin_id INTEGER NOT NULL UNIQUE, retired_thin_id INTEGER UNIQUE,
  source_kind TEXT NOT NULL, source_id TEXT CHECK ((source_id IS NULL) = (source_kind = 'empty')),
  access TEXT NOT NULL CHECK (json_valid(access)), fs_type TEXT, mkfs_options TEXT NOT NULL CHECK (json_valid(mkfs_options)),
  format_state TEXT NOT NULL, format_fs_type TEXT, staging_path TEXT,
  staging_access TEXT CHECK ((staging_access IS NULL) = (staging_path IS NULL)),
  staging_fs_type TEXT CHECK (staging_fs_type IS NULL OR staging_path IS NOT NULL),
  staging_mount_flags TEXT CHECK ((staging_mount_flags IS NULL) = (staging_path IS NULL)),
  created_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
  thin_id INTEGER NOT NULL UNIQUE, source_volume_id TEXT NOT NULL, size INTEGER NOT NULL CHECK (size >= 0),
  mapped INTEGER NOT NULL CHECK (mapped >= 0), format_state TEXT NOT NULL, format_fs_type TEXT, fs_type TEXT,
  mkfs_options TEXT NOT NULL CHECK (json_valid(mkfs_options)), group_id TEXT, created_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE groups (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
  source_volume_ids TEXT NOT NULL CHECK (json_valid(source_volume_ids)),
  snapshot_ids TEXT NOT NULL CHECK (json_valid(snapshot_ids)), created_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

const VERSION_2 = `${VERSION_1}
ALTER TABLE volumes ADD COLUMN cluster_uid TEXT;
ALTER TABLE snapshots ADD COLUMN cluster_uid TEXT;
`;

/** By its number, the text that makes an empty catalog of that version. */
const SCHEMAS: ReadonlyMap<number, string> = new Map([
  [1, VERSION_1],
  [2, VERSION_2],
]);

export const CATALOG_VERSIONS: readonly number[] = [...SCHEMAS.keys()];

const TABLES = ["pool", "thins", "volumes", "snapshots", "groups"] as const;

export function readRows(database: DatabaseSync): Rows {
  return Object.fromEntries(
    TABLES.map((table) => [table, database.prepare(`SELECT * FROM ${table}`).all() as Rows[string]]),
  );
}

/** Into an empty database. */
export function writeCatalog(database: DatabaseSync, version: number, rows: Rows): void {
  const schema = SCHEMAS.get(version);
  if (schema === undefined) throw new RangeError(`no catalog of version ${version} is known`);
  database.exec(`${schema} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version};`);
  for (const table of TABLES) {
    const info = database.prepare(`PRAGMA table_info(${table})`).all();
    const columns = info.map((column) => String(column["name"]));
    const insert = database.prepare(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
    );
    for (const row of rows[table] ?? []) insert.run(...columns.map((column) => row[column] ?? null));
  }
}
