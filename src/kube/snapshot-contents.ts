/** VolumeSnapshotContents of this driver. Their kind is installed apart from Kubernetes, and may not be there. */
import { z } from "zod";
import { DRIVER_NAME } from "../core/ids.ts";
import type { ClusterObject } from "../plan/cluster-orphans.ts";
import { apiError, codeOf, NOT_FOUND, type Api } from "./api.ts";
import { itemsOf } from "./pages.ts";

const PLACE = { group: "snapshot.storage.k8s.io", version: "v1", plural: "volumesnapshotcontents" } as const;

const text = z.string();
const list = z.object({
  metadata: z.object({ continue: text.optional() }),
  items: z.array(
    z.object({
      metadata: z.object({
        name: text,
        uid: text,
        creationTimestamp: text,
        deletionTimestamp: text.optional(),
      }),
      spec: z.object({
        driver: text,
        source: z.object({ snapshotHandle: text.optional() }),
      }),
      status: z.object({ snapshotHandle: text.optional() }).optional(),
    }),
  ),
});

/** Undefined: the cluster has no such kind. Rejects where the list is not whole. */
export async function snapshotContents({
  custom,
}: Pick<Api, "custom">): Promise<readonly ClusterObject[] | undefined> {
  const found: ClusterObject[] = [];
  const contents = itemsOf(async (page) => {
    const { items, metadata } = list.parse(await custom.listClusterCustomObject({ ...PLACE, ...page }));
    return { items, metadata: metadata.continue === undefined ? {} : { _continue: metadata.continue } };
  });
  try {
    for await (const { metadata, spec, status } of contents) {
      if (spec.driver !== DRIVER_NAME) continue;
      const handle = status?.snapshotHandle ?? spec.source.snapshotHandle;
      found.push({
        name: metadata.name,
        uid: metadata.uid,
        ...(handle === undefined ? {} : { handle }),
        createdAt: metadata.creationTimestamp,
        settled: metadata.deletionTimestamp === undefined,
      });
    }
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return undefined;
    throw apiError("VolumeSnapshotContents cannot be listed", error);
  }
  return found;
}
