import type { PoolStatus } from "../core/dm.ts";
import type { PoolName, PoolUuid } from "../core/ids.ts";
import type { PoolOptions } from "../core/pool-options.ts";
import type { VolumeRecord } from "../core/records.ts";
import type { Bytes } from "../core/units.ts";
import type { Fill } from "../plan/fill.ts";
import type { Report } from "./backing.ts";
import type { Catalog } from "./catalog.ts";
import type { PoolCondition } from "./engine.ts";
import type { OperationRunner } from "./engine-life.ts";
import type { Hands } from "./execute.ts";
import type { AskedGrowth } from "./pool-growth.ts";
import type { PoolSpace } from "./space.ts";
import type { PoolState } from "./state.ts";

/** What an open pool is made of. */
export interface PoolParts {
  readonly name: PoolName;
  readonly uuid: PoolUuid;
  readonly blockSize: Bytes;
  readonly zeroesNewBlocks: boolean;
  /** As of the opening. */
  readonly overprovision: number;
  readonly state: PoolState;
  readonly catalog: Catalog;
  readonly operations: OperationRunner;
  readonly hands: Omit<Hands, "record" | "onStatus" | "freeze" | "fenceOff" | "requireUsable">;
  readonly status: Extract<PoolStatus, { kind: "active" }>;
  readonly condition: PoolCondition;
  /** As of the opening. */
  readonly discardOnDelete: boolean;
  readonly report: Report;
  /** Told each time when the pool's status is known anew. */
  readonly onFill: (fill: Fill) => void;
  readonly space: PoolSpace;
  /** Never rejects. */
  readonly growTo: (options: PoolOptions) => Promise<void>;
  /** Once, by these options. Never rejects. */
  readonly growAsAsked: (options: PoolOptions) => Promise<AskedGrowth>;
  /** See `DeviceStack`. */
  readonly disks: () => readonly string[];
  /** Loop pools: free bytes of the filesystem below plus what the data file has. */
  readonly hostBytes?: () => Promise<Bytes>;
  readonly now: () => Date;
  /** Of what is made now. */
  readonly stamp: () => Pick<VolumeRecord, "createdAt" | "clusterUid">;
}
