/** What a running driver says when it is asked to have a pool take up new room. */
import type { PoolName } from "./ids.ts";
import type { Bytes } from "./units.ts";

/** What is asked for, of the driver's control socket. */
export const GROW = "/pool/grow";

export interface GrowthRequest {
  /** Only say what would be done. */
  readonly dryRun: boolean;
  /** Also what `reserve` holds back on each disk: it does not come back. */
  readonly releaseReserve: boolean;
}

export interface GrowthSizes {
  readonly data: Bytes;
  readonly metadata: Bytes;
}

/** A device that gives room: a new one, or one of the pool that has become longer. */
export interface GrowthDevice {
  readonly path: string;
  readonly change: "take" | "extend";
  readonly size: Bytes;
}

export type GrowthAnswer =
  | { readonly kind: "no-such-pool"; readonly known: readonly PoolName[] }
  /** The pool is not open, or takes no changes. */
  | { readonly kind: "cannot"; readonly reason: string }
  | {
      readonly kind: "grown";
      readonly pool: PoolName;
      readonly dryRun: boolean;
      readonly before: GrowthSizes;
      /** Of a dry run: what it would have. */
      readonly after: GrowthSizes;
      readonly devices: readonly GrowthDevice[];
      /** What is asked for and not done: why, and the cure. */
      readonly notDone: readonly string[];
      /** What a person should know. */
      readonly notes: readonly string[];
    };
