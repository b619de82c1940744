/** The catalog's file: made whole or not at all, opened by one process at a time. Synchronous: for the worker only. */
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { PoolSetupError } from "../core/errors.ts";
import type { PoolRecord } from "../core/records.ts";
import { APPLICATION_ID, migrate, pragma } from "./catalog-schema.ts";
import { CatalogStore } from "./catalog-store.ts";
import { primaryCode, SQLITE } from "./sqlite-error.ts";

/** Throws PoolSetupError where there is no catalog, or it is not ours to open; SQLite's own errors pass through. */
export function openCatalogFile(path: string): DatabaseSync {
  requireFile(path);
  const url = pathToFileURL(path);
  url.searchParams.set("mode", "rw"); // SQLite would make a missing file
  const database = new DatabaseSync(url, {
    readBigInts: true,
    timeout: 0,
    enableForeignKeyConstraints: false,
  });
  try {
    configure(database);
    verify(database);
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw explain(error);
  }
}

/**
 * Makes a catalog whose only content is `pool`, durably. It is built beside `path` and linked there when it is complete,
 * so a crash leaves either none or a good one. Where `path` exists, nothing happens.
 */
export function createCatalogFile(path: string, pool: PoolRecord): void {
  const draft = `${path}.new`;
  for (const suffix of ["", "-journal", "-wal"]) rmSync(`${draft}${suffix}`, { force: true });
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const database = new DatabaseSync(draft, { readBigInts: true, enableForeignKeyConstraints: false });
  try {
    database.exec(
      `PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA application_id = ${APPLICATION_ID}`,
    );
    migrate(database);
    new CatalogStore(database).commit([{ kind: "put-pool", record: pool }]);
  } finally {
    database.close();
  }
  linkSync(draft, path); // unlike rename, never replaces
  rmSync(draft);
  syncPath(path);
  syncPath(dirname(path));
}

/** Empties the write-ahead log into the file, and closes. */
export function closeCatalogFile(database: DatabaseSync): void {
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

function requireFile(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new PoolSetupError(
      "it does not exist although the pool does: its records are lost or its filesystem is not the pool's own; " +
        "restore the file, dmthin never starts an empty one in its place",
    );
  }
  if (!stat.isFile()) throw new PoolSetupError("it is not a regular file");
}

/**
 * Exclusive locking before the write-ahead log: then SQLite needs no shared memory, which a crash of the filesystem below
 * could turn into SIGBUS; no mmap of the file for the same reason.
 */
function configure(database: DatabaseSync): void {
  const modes = [
    ["locking_mode = EXCLUSIVE", "exclusive"],
    ["journal_mode = WAL", "wal"],
  ] as const;
  for (const [statement, wanted] of modes) {
    const mode = pragma(database, statement);
    if (mode !== wanted) throw new PoolSetupError(`SQLite did not take ${statement}: it says ${mode}`);
  }
  database.exec("PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY");
  // The lock is taken with the first write, not with the pragma.
  database.exec("BEGIN EXCLUSIVE; COMMIT");
}

function verify(database: DatabaseSync): void {
  const application = Number(pragma(database, "application_id"));
  if (application !== APPLICATION_ID)
    throw new PoolSetupError("it is a SQLite file, but not a catalog of dmthin");
  const health = pragma(database, "quick_check(1)");
  if (health !== "ok") throw new PoolSetupError(`it is damaged (${health}): restore it from a copy`);
}

function explain(error: unknown): unknown {
  const code = primaryCode(error);
  const text = code === undefined ? undefined : REASONS.get(code);
  return text === undefined ? error : new PoolSetupError(text, { cause: error });
}

const REASONS: ReadonlyMap<number, string> = new Map<number, string>([
  [SQLITE.busy, "another process has it open: end that one first"],
  [SQLITE.corrupt, "it is damaged: restore it from a copy"],
  [SQLITE.notADatabase, "it is not a SQLite file: restore it from a copy"],
  [SQLITE.readOnly, "it is read-only: check the filesystem it is on"],
]);

function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
