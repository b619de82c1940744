/** All claims of the cluster, as far as they say which volumes are wanted. */
import type { WantedVolumes } from "../plan/orphan-cleaning.ts";
import { apiError, type Api } from "./api.ts";

const PAGE = 500;

/** Rejects where the list is not whole. */
export async function wantedVolumes({ core }: Pick<Api, "core">): Promise<WantedVolumes> {
  const byUid = new Map<string, string>();
  const byVolume = new Map<string, string>();
  let next: string | undefined;
  do {
    const from = next === undefined ? {} : { _continue: next };
    const page = await core
      .listPersistentVolumeClaimForAllNamespaces({ limit: PAGE, ...from })
      .catch((error: unknown) => {
        throw apiError("PersistentVolumeClaims cannot be listed", error);
      });
    for (const { metadata, spec } of page.items) {
      const claim = `${metadata?.namespace}/${metadata?.name}`;
      byUid.set(metadata?.uid ?? "", claim);
      if (spec?.volumeName !== undefined) byVolume.set(spec.volumeName, claim);
    }
    next = page.metadata?._continue;
  } while (next !== undefined && next !== "");
  return { byUid, byVolume };
}
