/** VolumeSnapshotContents of this driver. Their kind is installed apart from Kubernetes, and may not be there. */
import { z } from "zod";
import { DRIVER_NAME } from "../core/ids.ts";
import type { ClusterObject } from "../plan/cluster-orphans.ts";
import { apiError, codeOf, NOT_FOUND, type Api } from "./api.ts";

const PAGE = 500;
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
  for (let next: string | undefined = ""; next !== undefined;) {
    const from = next === "" ? {} : { _continue: next };
    try {
      const page = list.parse(await custom.listClusterCustomObject({ ...PLACE, limit: PAGE, ...from }));
      for (const { metadata, spec, status } of page.items) {
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
      next = page.metadata.continue === "" ? undefined : page.metadata.continue;
    } catch (error) {
      if (codeOf(error) === NOT_FOUND) return undefined;
      throw apiError("VolumeSnapshotContents cannot be listed", error);
    }
  }
  return found;
}
