/** The ThinPool object as a controller reads and writes it; the same in words: charts/dmthin/files/thinpools.yaml. */
import type { ConditionType } from "./pool-report.ts";
import { fnv1a64 } from "./topology.ts";

export const THIN_POOL = {
  group: "dmthin.io",
  version: "v1alpha1",
  kind: "ThinPool",
  plural: "thinpools",
} as const;

/** Which pool: never changes for an object. */
export interface ThinPoolSpec {
  /** Of Kubernetes. */
  readonly node: string;
  readonly pool: string;
}

export const THIN_POOL_MODES = ["rw", "read-only", "out-of-data", "failed", "not-open", "unknown"] as const;
export type ThinPoolMode = (typeof THIN_POOL_MODES)[number];

export interface SpaceStatus {
  readonly bytes: number;
  readonly usedBytes: number;
  /** Rounded down. */
  readonly usedPercent: number;
  /** For people. */
  readonly size: string;
}

/** As Kubernetes has conditions. */
export interface StatusCondition {
  readonly type: ConditionType | "Ready";
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  /** ISO 8601, UTC; of the last change of `status`. */
  readonly lastTransitionTime: string;
}

/** Absent: not known. Bytes are numbers: the API server's integers; exact up to 8 PiB. */
export interface ThinPoolStatus {
  readonly uuid?: string;
  readonly mode: ThinPoolMode;
  readonly backing?: string;
  readonly data?: SpaceStatus;
  readonly metadata?: SpaceStatus;
  readonly promisedBytes?: number;
  readonly promised?: string;
  readonly availableBytes?: number;
  readonly overprovision?: string;
  readonly volumes?: number;
  readonly snapshots?: number;
  readonly versions?: {
    readonly driver: string;
    readonly kernel?: string;
    readonly thinPoolTarget?: string;
    readonly poolFormat?: number;
  };
  /** ISO 8601, UTC. */
  readonly lastReport: string;
  readonly conditions: readonly StatusCondition[];
}

/** Kubernetes: the name of an object is a DNS subdomain. */
const LONGEST_NAME = 253;
const HASH_DIGITS = 16;

/**
 * `<node>.<pool>`: pools have no dots, so no two pairs have one name, and both are valid in it as they are. Where it gets too
 * long, its beginning, and 16 hex digits that depend on all of it.
 */
export function thinPoolName({ node, pool }: ThinPoolSpec): string {
  const name = `${node}.${pool}`;
  if (name.length <= LONGEST_NAME) return name;
  const readable = name.slice(0, LONGEST_NAME - HASH_DIGITS - 1).replace(/[.-]+$/, "");
  return `${readable}-${fnv1a64(name).toString(16).padStart(HASH_DIGITS, "0")}`;
}
