/** All VolumeSnapshots of the cluster, as far as they say which snapshots are wanted. */
import { z } from "zod";
import type { WantedSnapshots } from "../plan/orphan-cleaning.ts";
import type { Api } from "./api.ts";
import { snapshotObjects } from "./snapshot-kinds.ts";

const text = z.string();
const snapshot = z.object({
  metadata: z.object({ name: text, namespace: text, uid: text }),
  spec: z.object({ source: z.object({ volumeSnapshotContentName: text.optional() }) }),
  status: z.object({ boundVolumeSnapshotContentName: text.optional() }).optional(),
});

/** Of all drivers: one without a content does not say whose it is. Undefined: no such kind. Rejects where the list is not whole. */
export async function wantedSnapshots(api: Pick<Api, "custom">): Promise<WantedSnapshots | undefined> {
  const snapshots = await snapshotObjects(api, "volumesnapshots", snapshot);
  if (snapshots === undefined) return undefined;
  const byUid = new Map<string, string>();
  const byContent = new Map<string, string>();
  for (const { metadata, spec, status } of snapshots) {
    const name = `${metadata.namespace}/${metadata.name}`;
    byUid.set(metadata.uid, name);
    for (const content of [spec.source.volumeSnapshotContentName, status?.boundVolumeSnapshotContentName])
      if (content !== undefined) byContent.set(content, name);
  }
  return { byUid, byContent };
}
