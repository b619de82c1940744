/** Since when something is an orphan: at each look since then it was found to be one. Pure. */
import type { ClusterOrphan, ClusterOrphanList } from "../core/cluster-orphans.ts";

export interface OrphanMemory {
  /** When the last look was; milliseconds since 1970, as all times here. */
  readonly lookedAt: number;
  /** Volumes and snapshots on nodes, by `sightingOf`. */
  readonly since: ReadonlyMap<string, number>;
}

/** On another node it is another orphan: its pool was moved, and somebody may be about to make its objects again. */
export const sightingOf = ({ node, name }: Pick<ClusterOrphan, "node" | "name">): string => `${node}/${name}`;

/** Of what is kept: a ConfigMap holds 1 MiB. Those that were known before come first. */
export const MOST_REMEMBERED = 5000;

/** How many periods of the looks may pass between two of them. */
const MISSED_LOOKS = 3;

/** Whether a look still tells of what was meanwhile. */
export const isFresh = (
  { lookedAt }: Pick<OrphanMemory, "lookedAt">,
  { now, everyMs }: { readonly now: number; readonly everyMs: number },
): boolean => lookedAt <= now && now - lookedAt <= MISSED_LOOKS * everyMs;

/** After a look. What it did not find to be an orphan, or could not judge, begins anew when it is found again. */
export function remember(
  before: OrphanMemory | undefined,
  { orphans }: ClusterOrphanList,
  times: { readonly now: number; readonly everyMs: number },
): OrphanMemory {
  const known = before !== undefined && isFresh(before, times) ? before.since : new Map<string, number>();
  const found = orphans
    .filter(isOnNode)
    .map(sightingOf)
    .map((sighting) => [sighting, known.get(sighting) ?? times.now] as const);
  const kept = found.toSorted(([, one], [, other]) => one - other).slice(0, MOST_REMEMBERED);
  return { lookedAt: times.now, since: new Map(kept) };
}

const isOnNode = ({ kind }: ClusterOrphan): boolean => kind === "volume" || kind === "snapshot";
