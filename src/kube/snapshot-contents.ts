/** VolumeSnapshotContents of this driver. */
import { z } from "zod";
import { DRIVER_NAME } from "../core/ids.ts";
import type { ClusterObject } from "../plan/cluster-orphans.ts";
import type { Api } from "./api.ts";
import { snapshotObjects } from "./snapshot-kinds.ts";

const text = z.string();
const content = z.object({
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
});

/** Undefined: the cluster has no such kind. Rejects where the list is not whole. */
export async function snapshotContents(
  api: Pick<Api, "custom">,
): Promise<readonly ClusterObject[] | undefined> {
  const contents = await snapshotObjects(api, "volumesnapshotcontents", content);
  return contents?.filter(({ spec }) => spec.driver === DRIVER_NAME).map(objectOf);
}

function objectOf({ metadata, spec, status }: z.infer<typeof content>): ClusterObject {
  // By hand the two may differ, and each is a snapshot that somebody knows.
  const handles = [status?.snapshotHandle, spec.source.snapshotHandle].filter(
    (handle) => handle !== undefined && handle !== "",
  );
  const [handle, otherHandle] = new Set(handles);
  return {
    name: metadata.name,
    uid: metadata.uid,
    ...(handle === undefined ? {} : { handle }),
    ...(otherHandle === undefined ? {} : { otherHandle }),
    createdAt: metadata.creationTimestamp,
    settled: metadata.deletionTimestamp === undefined,
  };
}
