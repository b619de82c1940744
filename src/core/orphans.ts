/** What lies on a node and belongs to no record: as the driver lists it. Nothing is ever removed by the listing. */

/** Where it is asked for, of the driver's report socket. */
export const ORPHANS = "/orphans";

/** `device`: of the device-mapper; `thin`: in a pool's metadata. In the order in which they can be taken down. */
export const ORPHAN_KINDS = ["mount", "device", "loop", "thin"] as const;
export type OrphanKind = (typeof ORPHAN_KINDS)[number];

/** Which guide says what to do. */
export const ORPHAN_GUIDES = ["orphans", "read-only pools"] as const;
export type OrphanGuide = (typeof ORPHAN_GUIDES)[number];

export interface Orphan {
  readonly kind: OrphanKind;
  /** Mount point, name at the device-mapper, path of the loop device, or `thin N of pool NAME`. */
  readonly name: string;
  /** UUID of the pool that it says it is of. */
  readonly pool: string;
  /** Why it is nobody's. */
  readonly why: string;
  /** What uses it: mount points, and devices built on it. A process that has it open does not show. */
  readonly usedBy: readonly string[];
  readonly guide: OrphanGuide;
}

/** What may belong to something that the driver does not see now. */
export interface Unjudged {
  readonly kind: OrphanKind | "pool";
  readonly name: string;
  readonly why: string;
}

export interface OrphanList {
  readonly orphans: readonly Orphan[];
  readonly unjudged: readonly Unjudged[];
}
