/** Where `dmthin pool rehome` finds what it works with, and all notes of a pool. */
import type { PoolUuid } from "../core/ids.ts";
import type { VolumeClaim } from "../plan/rehome.ts";
import { rawItems, type RawApi } from "./raw.ts";
import { notesOf, parseNote, type Note } from "./rehome-objects.ts";

export const VOLUMES = "/api/v1/persistentvolumes";

export const claimPath = ({ namespace, name }: VolumeClaim): string =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/persistentvolumeclaims/${encodeURIComponent(name)}`;

export const notesPath = (namespace: string): string =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`;

export const notePath = (namespace: string, name: string): string =>
  `${notesPath(namespace)}/${encodeURIComponent(name)}`;

/** All of that pool in that namespace. */
export async function listNotes(
  api: RawApi,
  { pool, namespace }: { readonly pool: PoolUuid; readonly namespace: string },
): Promise<readonly Note[]> {
  const selector = encodeURIComponent(notesOf(pool));
  return (await rawItems(api, `${notesPath(namespace)}?labelSelector=${selector}`)).map(parseNote);
}
