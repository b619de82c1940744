/** What foreign hands can do, and to what. */
import { copyFile } from "node:fs/promises";

import type { PoolUuid } from "../../../src/core/ids.ts";
import { run } from "../../support/machine-state.ts";
import type { PartsPool } from "../../support/parts-bench.ts";
import type { TestVolume } from "../../support/volume-life.ts";

/** The pool of a case, and what was made in it before. */
export interface Ground {
  readonly pool: PartsPool;
  /** Of another pool; what is equal in both may be exchanged. */
  readonly other: PartsPool;
  readonly uuid: PoolUuid;
  /** A raw volume with a letter in its first block. */
  readonly kept: TestVolume;
  readonly keptThin: number;
  /** For copies: a path of this pool alone. */
  readonly file: (name: string) => string;
}

export interface ForeignCase {
  readonly name: string;
  readonly what: string;
  /** `absent`: not opened. `read-only`: opened behind the fence. `open`: as if nothing had been. */
  readonly end: "absent" | "read-only" | "open";
  /** What the driver says. */
  readonly says: RegExp;
  /** The pool stays active while its driver is away. */
  readonly active?: true;
  /** Done to devices, not to what is on disks: undone while they are there. */
  readonly devices?: true;
  /** The pool whose disk it shows. */
  readonly other?: string;
  /** Its catalog is not even mounted. */
  readonly unmounted?: true;
  /** Before the driver's last run. */
  readonly yesterday?: (ground: Ground) => Promise<void>;
  /** In that run: made, and gone again with the damage. */
  readonly today?: (ground: Ground) => Promise<unknown>;
  readonly damage: (ground: Ground) => Promise<unknown>;
  readonly undo?: (ground: Ground) => Promise<unknown>;
}

export const copy = (from: string, to: string): Promise<string> =>
  run("dd", `if=${from}`, `of=${to}`, "bs=1M", "conv=fsync,notrunc", "status=none");
export const remove = (...names: readonly string[]): Promise<string> =>
  run("dmsetup", "remove", "--retry", ...names);
export const catalogTo =
  (name: string) =>
  ({ pool, file }: Ground): Promise<void> =>
    pool.catalog((directory) => copyFile(`${directory}/catalog.db`, file(name)));
export const catalogFrom =
  (name: string) =>
  ({ pool, file }: Ground): Promise<void> =>
    pool.catalog((directory) => copyFile(file(name), `${directory}/catalog.db`));
export const metaTo =
  (name: string) =>
  ({ pool, file }: Ground): Promise<string> =>
    pool.open("meta", (path) => copy(path, file(name)));
export const metaFrom =
  (name: string) =>
  ({ pool, file }: Ground): Promise<string> =>
    pool.open("meta", (path) => copy(file(name), path));
export const message = (device: string, text: string): Promise<string> =>
  run("dmsetup", "message", device, "0", text);
export const transactionId = async (device: string): Promise<bigint> =>
  BigInt((await run("dmsetup", "status", "--noflush", device)).split(" ")[3] ?? "");
export const bump =
  (by: bigint) =>
  ({ pool }: Ground): Promise<string> =>
    pool.elsewhere(async (device) => {
      const now = await transactionId(device);
      return message(device, `set_transaction_id ${now} ${now + by}`);
    });
