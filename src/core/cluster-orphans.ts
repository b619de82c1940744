/** What nodes and the cluster do not agree about: as a controller lists it. Nothing is ever removed by the listing. */

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
