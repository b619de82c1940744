/** What operations hold (`operations.ts`). One maker for each key: one that is mistyped is a lock that nobody shares. */
import type { SnapshotId, VolumeId } from "./ids.ts";

export const lockKey = {
  volume: (id: VolumeId): string => `volume:${id}`,
  snapshot: (id: SnapshotId): string => `snapshot:${id}`,
  /** CSI names are unique on a node, each kind for itself. */
  volumeName: (name: string): string => `volume-name:${name}`,
  snapshotName: (name: string): string => `snapshot-name:${name}`,
  groupName: (name: string): string => `group-name:${name}`,
  /** A path of kubelet's. */
  path: (path: string): string => `path:${path}`,
  /** All publishes of a volume together. */
  publishes: (id: VolumeId): string => `publishes:${id}`,
  /** One publish. */
  publish: (id: VolumeId, path: string): string => `publish:${id}:${path}`,
} as const;
