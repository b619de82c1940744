/** All claims of the cluster, as far as they say which volumes are wanted. */
import { apiError, type Api } from "./api.ts";

const PAGE = 500;

/** By uid: `namespace/name`. Rejects where the list is not whole. */
export async function claimsByUid({ core }: Pick<Api, "core">): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  let next: string | undefined;
  do {
    const from = next === undefined ? {} : { _continue: next };
    const page = await core
      .listPersistentVolumeClaimForAllNamespaces({ limit: PAGE, ...from })
      .catch((error: unknown) => {
        throw apiError("PersistentVolumeClaims cannot be listed", error);
      });
    for (const { metadata } of page.items)
      found.set(metadata?.uid ?? "", `${metadata?.namespace}/${metadata?.name}`);
    next = page.metadata?._continue;
  } while (next !== undefined && next !== "");
  return found;
}
