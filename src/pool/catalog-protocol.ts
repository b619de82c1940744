/** What the catalog's client and its worker say to each other. Values cross by structured clone, bigints included. */
import type { CatalogContent, Change, PoolRecord } from "../core/records.ts";

/** Handed to the worker at its start; it opens the catalog and answers as call 0. */
export interface CatalogWorkerData {
  readonly path: string;
  readonly create?: PoolRecord;
}

export type CatalogCall =
  | { readonly call: number; readonly kind: "load" }
  | { readonly call: number; readonly kind: "commit"; readonly changes: readonly Change[] }
  | { readonly call: number; readonly kind: "close" };

/**
 * `setup`: the catalog cannot be opened or read as it is. `taken`: a name or thin id belongs to another record.
 * `refused`: the values break a rule of the schema. After these two nothing was changed and the catalog goes on.
 * `fatal`: the disk or the file failed; the outcome is unknown and the worker has let go of the file.
 */
export interface CatalogFailure {
  readonly kind: "setup" | "taken" | "refused" | "fatal";
  readonly message: string;
}

export type CatalogReply =
  | { readonly call: number; readonly kind: "done"; readonly content?: CatalogContent }
  | { readonly call: number; readonly kind: "failed"; readonly failure: CatalogFailure };
