/** What the programs in the guest are told, as JSON in their one argument. */
export const POOL = "power";

export type PoolDisks =
  | { readonly kind: "parts"; readonly metadata: string; readonly data: string }
  /** Files in a filesystem on it. */
  | { readonly kind: "loop"; readonly disk: string }
  /** One disk for metadata and data, and another for a log of all writes to it. */
  | { readonly kind: "logged"; readonly disk: string; readonly log: string };

export interface WorkloadSettings {
  readonly seed: number;
  readonly disks: PoolDisks;
  readonly journal: string;
  /** It ends by itself when so much was done, */
  readonly forEvents: number;
  /** or so many milliseconds have passed. */
  readonly forMs: number;
  /** False: records are acknowledged without fsync. For the proof that the verification sees it. */
  readonly sync: boolean;
  readonly limits: Limits;
}

/** How much there is at one time. */
export interface Limits {
  readonly volumes: number;
  readonly used: number;
  readonly snapshots: number;
}

export interface VerifySettings {
  readonly disks: PoolDisks;
  readonly journal: string;
  /** Only as far as to a running driver and mounted volumes, then it waits for its end. */
  readonly recoverOnly: boolean;
}

export interface ReplaySettings {
  readonly seed: number;
  readonly log: string;
  readonly base: string;
  readonly scratch: string;
  readonly journal: string;
  /** States are tried until then. */
  readonly budgetMs: number;
  readonly mostStates: number;
}

export type FlushSettings = Pick<ReplaySettings, "log" | "base" | "scratch" | "journal">;

/** Printed by the guests' programs, on a line of their own; the host waits for them. */
export const STARTING = "power: the driver starts";
export const AT_WORK = "power: at work";
/** In front of the JSON of a Verdict. */
export const VERDICT = "power: verdict ";

export function settingsOf(): unknown {
  const [text] = process.argv.slice(2);
  if (text === undefined) throw new Error("no settings given");
  return JSON.parse(text);
}
