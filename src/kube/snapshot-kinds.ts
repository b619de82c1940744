/** Kinds of snapshots: they are installed apart from Kubernetes, and may not be there. */
import { z } from "zod";
import { apiError, codeOf, NOT_FOUND, type Api } from "./api.ts";
import { itemsOf } from "./pages.ts";

const PLACE = { group: "snapshot.storage.k8s.io", version: "v1" } as const;

/** All of one kind, each as `item` reads it. Undefined: the cluster has no such kind. Rejects where the list is not whole. */
export async function snapshotObjects<Item>(
  { custom }: Pick<Api, "custom">,
  plural: "volumesnapshots" | "volumesnapshotcontents",
  item: z.ZodType<Item>,
): Promise<readonly Item[] | undefined> {
  const list = z.object({
    metadata: z.object({ continue: z.string().optional() }),
    items: z.array(item),
  });
  const found: Item[] = [];
  const objects = itemsOf(async (page) => {
    const { items, metadata } = list.parse(
      await custom.listClusterCustomObject({ ...PLACE, plural, ...page }),
    );
    return { items, metadata: metadata.continue === undefined ? {} : { _continue: metadata.continue } };
  });
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
