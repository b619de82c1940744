/** What nodes and the cluster do not agree about: as a controller lists it, and as it answers when it is asked to delete some of it. */

/** Where it is asked for, of the controller's report socket. */
export const CLUSTER_ORPHANS = "/orphans";

/** `volume`, `snapshot`: on a node, and nothing in the cluster has it; the others: in the cluster, and on no node. */
export const CLUSTER_ORPHAN_KINDS = [
  "volume",
  "snapshot",
  "persistentvolume",
  "volumesnapshotcontent",
] as const;
export type ClusterOrphanKind = (typeof CLUSTER_ORPHAN_KINDS)[number];

export interface ClusterOrphan {
  readonly kind: ClusterOrphanKind;
  /** Its CSI id, or the name of the object. */
  readonly name: string;
  /** Where it is, or should be. */
  readonly node: string;
  /** Name of the pool there. */
  readonly pool: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Of the object. */
  readonly uid?: string;
  readonly why: string;
}

/** Nothing is said of it. */
export interface ClusterUnjudged {
  readonly name: string;
  readonly why: string;
}

export interface ClusterOrphanList {
  readonly orphans: readonly ClusterOrphan[];
  readonly unjudged: readonly ClusterUnjudged[];
}

/** Where it is asked to delete some of them, of the controller's control socket. */
export const CLEAN_CLUSTER_ORPHANS = "/orphans/clean";

/** In one go. A list that is wrong costs no more than that. */
export const MOST_CLEANED = 10;

/** Of a request that names none: an answer is not endless. */
export const MOST_JUDGED = 1000;

export interface CleaningRequest {
  /** CSI ids; none: all orphans are judged, and nothing is deleted. */
  readonly ids: readonly string[];
  /** Else it is only said what would be done. */
  readonly apply: boolean;
}

/** `failed`: its node did not do it, or nobody knows whether it has. */
export const CLEANING_OUTCOMES = ["deletable", "deleted", "refused", "failed"] as const;
export type CleaningOutcome = (typeof CLEANING_OUTCOMES)[number];

/** A volume or snapshot on a node, as it is deleted. */
export interface CleanedObject {
  readonly kind: "volume" | "snapshot";
  /** Of the request that made it. */
  readonly name: string;
  readonly node: string;
  /** Name of the pool there. */
  readonly pool: string;
  /** Bytes. */
  readonly size: bigint;
  /** ISO 8601, UTC; likewise the next. */
  readonly createdAt: string;
  /** It was an orphan at each look since then. */
  readonly orphanSince: string;
}

export interface CleaningItem {
  /** As it was asked for. */
  readonly id: string;
  readonly outcome: CleaningOutcome;
  /** Absent where it was refused. */
  readonly object?: CleanedObject;
  /** Of what was refused or failed, with the cure. */
  readonly why?: string;
}

export interface CleaningAnswer {
  readonly apply: boolean;
  readonly items: readonly CleaningItem[];
  /** How many orphans more there are, which were not judged; absent: none. */
  readonly left?: number;
}
