/** All claims of the cluster, as far as they say which volumes are wanted. */
import type { WantedVolumes } from "../plan/orphan-cleaning.ts";
import { apiError, type Api } from "./api.ts";
import { itemsOf } from "./pages.ts";

/** Rejects where the list is not whole. */
export async function wantedVolumes({ core }: Pick<Api, "core">): Promise<WantedVolumes> {
  const byUid = new Map<string, string>();
  const byVolume = new Map<string, string>();
  const claims = itemsOf((page) =>
    core.listPersistentVolumeClaimForAllNamespaces(page).catch((error: unknown) => {
      throw apiError("PersistentVolumeClaims cannot be listed", error);
    }),
  );
  for await (const { metadata, spec } of claims) {
    const claim = `${metadata?.namespace}/${metadata?.name}`;
    byUid.set(metadata?.uid ?? "", claim);
    if (spec?.volumeName !== undefined) byVolume.set(spec.volumeName, claim);
  }
  return { byUid, byVolume };
}
