/** PersistentVolumes that `dmthin pool rehome` has deleted, or is about to, and makes again: their volumes are nobody's for a while. */
import type { ClusterObject } from "../plan/cluster-orphans.ts";
import { apiError, type Api } from "./api.ts";
import { itemsOf } from "./pages.ts";
import { NOTE_LABEL, parseNote } from "./rehome-objects.ts";

/** By the notes in that namespace. Rejects where the list is not whole, or a note is not understood. */
export async function volumesBeingMoved(
  { core }: Pick<Api, "core">,
  namespace: string,
): Promise<readonly ClusterObject[]> {
  const found: ClusterObject[] = [];
  const notes = itemsOf((page) =>
    core
      .listNamespacedConfigMap({ namespace, labelSelector: NOTE_LABEL, ...page })
      .catch((error: unknown) => {
        throw apiError("notes of `dmthin pool rehome` cannot be listed", error);
      }),
  );
  for await (const note of notes) found.push(heldBy(note));
  return found;
}

function heldBy(item: { readonly metadata?: { readonly name?: string } }): ClusterObject {
  try {
    const { name, uid, handle } = parseNote(item).before;
    const remark = "`dmthin pool rehome` is not done with it: end that first";
    return { name, uid, handle, createdAt: new Date(0).toISOString(), settled: false, remark };
  } catch (error) {
    throw apiError(`ConfigMap ${item.metadata?.name} is no note of \`dmthin pool rehome\``, error);
  }
}
