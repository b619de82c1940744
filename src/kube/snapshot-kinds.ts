/** Kinds of snapshots: they are installed apart from Kubernetes, and may not be there. */
import type { z } from "zod";
import { apiError, codeOf, NOT_FOUND, type Api } from "./api.ts";
import { itemsOf, pageOf } from "./pages.ts";

const PLACE = { group: "snapshot.storage.k8s.io", version: "v1" } as const;

/** All of one kind, each as `item` reads it. Undefined: the cluster has no such kind. Rejects where the list is not whole. */
export async function snapshotObjects<Item>(
  { custom }: Pick<Api, "custom">,
  plural: "volumesnapshots" | "volumesnapshotcontents",
  item: z.ZodType<Item>,
): Promise<readonly Item[] | undefined> {
  const found: Item[] = [];
  const objects = itemsOf(async (page) =>
    pageOf(await custom.listClusterCustomObject({ ...PLACE, plural, ...page }), item),
  );
  try {
    for await (const each of objects) found.push(each);
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return undefined;
    throw apiError(`${NAMES[plural]} cannot be listed`, error);
  }
  return found;
}

const NAMES = {
  volumesnapshots: "VolumeSnapshots",
  volumesnapshotcontents: "VolumeSnapshotContents",
} as const;
