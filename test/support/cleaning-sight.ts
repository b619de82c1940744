/** One look in which a volume and a snapshot are orphans that may be deleted. */
import type { ClusterOrphan } from "../../src/core/cluster-orphans.ts";
import { isPoolUuid, objectKey, snapshotId, volumeId, type PoolUuid } from "../../src/core/ids.ts";
import type { ClusterObject } from "../../src/plan/cluster-orphans.ts";
import type { CleaningSight, HeldObject } from "../../src/plan/orphan-cleaning.ts";
import { sightingOf } from "../../src/plan/orphan-memory.ts";

export const UUID = poolUuid("a".repeat(32));
function poolUuid(text: string): PoolUuid {
  if (isPoolUuid(text)) return text;
  throw new RangeError(text);
}
export const keyOf = (index: number) => objectKey(index.toString(16).padStart(20, "0"));
export const VOLUME = volumeId(UUID, keyOf(1));
export const SNAPSHOT = snapshotId(UUID, keyOf(2));
export const OTHER = snapshotId(UUID, keyOf(3));
export const CLAIM = "12345678-9abc-4def-8123-456789abcdef";
export const WANTED = "23456789-9abc-4def-8123-456789abcdef";
export const seenAt = (name: string, node = "node-a") => sightingOf({ node, name });

export const NOW = Date.UTC(2026, 10, 1);
export const GRACE = 3_600_000;
export const EVERY = 1_800_000;
export const at = (ago: number): string => new Date(NOW - ago).toISOString();

export const volume = (changes: Partial<HeldObject> = {}): HeldObject => ({
  id: VOLUME,
  kind: "volume",
  name: `pvc-${CLAIM}`,
  size: 4096n,
  createdAt: at(2 * GRACE),
  clusterUid: "ours",
  staged: false,
  source: "",
  group: "",
  ...changes,
});
export const snapshot = (changes: Partial<HeldObject> = {}): HeldObject =>
  volume({
    id: SNAPSHOT,
    kind: "snapshot",
    name: `snapshot-${WANTED}`,
    source: volumeId(UUID, keyOf(9)),
    ...changes,
  });
export const known = (name: string, handle: string | undefined, remark?: string): ClusterObject => ({
  name,
  uid: `uid-${name}`,
  ...(handle === undefined ? {} : { handle }),
  createdAt: at(2 * GRACE),
  settled: true,
  ...(remark === undefined ? {} : { remark }),
});
export const orphan = (name: string): ClusterOrphan => ({
  kind: name.startsWith("v") ? "volume" : "snapshot",
  name,
  node: "node-a",
  pool: "fast",
  createdAt: at(2 * GRACE),
  why: "nobody has it",
});

/** All is as it has to be, but for `changes`. */
export function sight(objects: readonly HeldObject[], changes: Partial<CleaningSight> = {}): CleaningSight {
  return {
    clusterUid: "ours",
    list: { orphans: [VOLUME, SNAPSHOT].map((id) => orphan(id)), unjudged: [] },
    pools: [{ uuid: UUID, name: "fast", node: "node-a", objects }],
    volumes: [known("pv-of-another", volumeId(UUID, keyOf(7)))],
    contents: [],
    claims: {
      byUid: new Map([["98765432-9abc-4def-8123-456789abcdef", "default/another"]]),
      byVolume: new Map([["pvc-98765432-9abc-4def-8123-456789abcdef", "default/another"]]),
    },
    snapshots: {
      byUid: new Map([["98765432-9abc-4def-8123-456789abcdef", "default/another"]]),
      byContent: new Map([["snapcontent-98765432-9abc-4def-8123-456789abcdef", "default/another"]]),
    },
    memory: {
      lookedAt: NOW - 1000,
      since: new Map<string, number>([
        [seenAt(VOLUME), NOW - 1000 - GRACE],
        [seenAt(SNAPSHOT), NOW - 1000 - GRACE],
      ]),
    },
    graceMs: GRACE,
    everyMs: EVERY,
    now: NOW,
    ...changes,
  };
}
export const memory = (lookedAgo: number, ago?: number): CleaningSight["memory"] => ({
  lookedAt: NOW - lookedAgo,
  since: new Map(ago === undefined ? [] : [[seenAt(VOLUME), NOW - ago]]),
});
