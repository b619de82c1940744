/** The catalog's statements on an open database. Synchronous: runs in the catalog's worker only. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { PoolSetupError } from "../core/errors.ts";
import type { ThinId } from "../core/ids.ts";
import type { CatalogContent, Change } from "../core/records.ts";
import {
  groupFromRow,
  groupToRow,
  poolFromRow,
  poolToRow,
  snapshotFromRow,
  snapshotToRow,
  volumeFromRow,
  volumeToRow,
} from "./catalog-rows.ts";
import type { Row } from "./catalog-rows.ts";
import { inTransaction } from "./catalog-schema.ts";

export class CatalogStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** The database was opened with `readBigInts`, and has the newest schema. */
  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  load(): CatalogContent {
    const pool = this.#prepare("SELECT * FROM pool").get();
    if (pool === undefined) throw new PoolSetupError("it has no pool record");
    return {
      pool: poolFromRow(pool),
      volumes: this.#prepare("SELECT * FROM volumes ORDER BY id").all().map(volumeFromRow),
      snapshots: this.#prepare("SELECT * FROM snapshots ORDER BY id").all().map(snapshotFromRow),
      groups: this.#prepare("SELECT * FROM groups ORDER BY id").all().map(groupFromRow),
    };
  }

  /** All or nothing; on the disk when it returns. After a throw no transaction is open. */
  commit(changes: readonly Change[]): void {
    inTransaction(this.#database, () => {
      for (const change of changes) this.#apply(change);
    });
  }

  #apply(change: Change): void {
    switch (change.kind) {
      case "put-pool":
        return this.#put("pool", "only_row", poolToRow(change.record));
      case "put-volume": {
        const { id, thinId, retiredThinId } = change.record;
        this.#claim(id, retiredThinId === undefined ? [thinId] : [thinId, retiredThinId]);
        return this.#put("volumes", "id", volumeToRow(change.record));
      }
      case "put-snapshot":
        this.#claim(change.record.id, [change.record.thinId]);
        return this.#put("snapshots", "id", snapshotToRow(change.record));
      case "put-group":
        return this.#put("groups", "id", groupToRow(change.record));
      case "drop-volume":
        this.#claim(change.id, []);
        return this.#drop("volumes", change.id);
      case "drop-snapshot":
        this.#claim(change.id, []);
        return this.#drop("snapshots", change.id);
      case "drop-group":
        return this.#drop("groups", change.id);
    }
  }

  /** From now on `owner` has exactly these thin ids; one that another record has fails the transaction. */
  #claim(owner: string, thinIds: readonly ThinId[]): void {
    this.#prepare("DELETE FROM thins WHERE owner = ?").run(owner);
    const insert = this.#prepare("INSERT INTO thins (thin_id, owner) VALUES (?, ?)");
    for (const thinId of thinIds) insert.run(BigInt(thinId), owner);
  }

  #put(table: string, key: string, row: Row): void {
    const columns = Object.keys(row);
    const updates = columns
      .filter((column) => column !== key)
      .map((column) => `${column} = excluded.${column}`);
    this.#prepare(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map((column) => `:${column}`).join(", ")}) ` +
        `ON CONFLICT (${key}) DO UPDATE SET ${updates.join(", ")}`,
    ).run(row);
  }

  #drop(table: string, id: string): void {
    this.#prepare(`DELETE FROM ${table} WHERE id = ?`).run(id);
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
