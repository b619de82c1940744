/**
 * Who belongs to the cluster. Finding that out is somebody else's: this is the value that it ends in.
 *
 * A node whose driver is just not there (its pod is being replaced, its machine is off) stays on the roster, without an
 * address: what it has must be known to be out of reach, and not look like nothing.
 */
export interface RosterNode {
  /** Of Kubernetes; its certificate says the same. */
  readonly name: string;
  /** `host:port`, the host in brackets where it is IPv6; absent: not known now. */
  readonly address?: string;
}

/** Of different names. */
export type Roster = readonly RosterNode[];
