/** PersistentVolumes that `dmthin pool rehome` has deleted, or is about to, and makes again: their volumes are nobody's for a while. */
import type { ClusterObject } from "../plan/cluster-orphans.ts";
import { apiError, type Api } from "./api.ts";
import { NOTE_LABEL, parseNote } from "./rehome-objects.ts";

const PAGE = 500;

/** By the notes in that namespace. Rejects where the list is not whole, or a note is not understood. */
export async function volumesBeingMoved(
  { core }: Pick<Api, "core">,
  namespace: string,
): Promise<readonly ClusterObject[]> {
  const found: ClusterObject[] = [];
  let next: string | undefined;
  do {
    const from = next === undefined ? {} : { _continue: next };
    const page = await core
      .listNamespacedConfigMap({ namespace, labelSelector: NOTE_LABEL, limit: PAGE, ...from })
      .catch((error: unknown) => {
        throw apiError("notes of `dmthin pool rehome` cannot be listed", error);
      });
    found.push(...page.items.map(heldBy));
    next = page.metadata?._continue;
  } while (next !== undefined && next !== "");
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
