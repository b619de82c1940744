/** Who may write: the holder of a Lease. Pure; as client-go's leader election decides it, by each one's own clock. */

/** As it stands in the Lease. */
export interface LeaseRecord {
  /** Empty: given back. */
  readonly holder: string;
  /** Text that the holder changes with each renewal. */
  readonly renewed: string;
  readonly durationMs: number;
}

/** The record as it was when it was last seen to be another. */
export interface LeaseSight {
  readonly record: LeaseRecord;
  /** By the clock of whoever looks, monotonic. Clocks of other machines are not believed. */
  readonly seenAt: number;
}

export type LeaseMove = "create" | "renew" | "take" | "wait";

/** `sight`: undefined where there is no Lease. */
export function leaseMove(own: string, sight: LeaseSight | undefined, now: number): LeaseMove {
  if (sight === undefined) return "create";
  const { record, seenAt } = sight;
  if (record.holder === own) return "renew";
  if (record.holder === "") return "take";
  return now - seenAt > record.durationMs ? "take" : "wait";
}
