/** PersistentVolumes of this driver, and whose they are. */
import type { V1PersistentVolume } from "@kubernetes/client-node";
import { DRIVER_NAME } from "../core/ids.ts";
import { apiError, codeOf, NOT_FOUND, type Api } from "./api.ts";
import type { EventTarget } from "./events.ts";
import { itemsOf } from "./pages.ts";

/** All that there are when it begins. Rejects where the list is not whole. */
export async function* persistentVolumes({ core }: Pick<Api, "core">): AsyncIterable<V1PersistentVolume> {
  const volumes = itemsOf((page) =>
    core.listPersistentVolume(page).catch((error: unknown) => {
      throw apiError("PersistentVolumes cannot be listed", error);
    }),
  );
  for await (const volume of volumes) if (volume.spec?.csi?.driver === DRIVER_NAME) yield volume;
}

/** As objects are named; a name from a node becomes part of a path. */
const OBJECT_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** The claim that has a volume of this id; `name`: of the request that made it, which a dynamic PersistentVolume has too. */
export async function claimOf(
  { core }: Pick<Api, "core">,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<EventTarget | undefined> {
  if (!OBJECT_NAME.test(name)) return undefined;
  try {
    const volume = await core.readPersistentVolume({ name });
    const { csi } = volume.spec ?? {};
    return csi?.driver === DRIVER_NAME && csi.volumeHandle === id ? claimTarget(volume) : undefined;
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return undefined;
    throw apiError(`PersistentVolume ${name} is not readable`, error);
  }
}

export function claimTarget({ spec, status }: V1PersistentVolume): EventTarget | undefined {
  const { name, namespace, uid } = spec?.claimRef ?? {};
  if (name === undefined || namespace === undefined || uid === undefined) return undefined;
  return status?.phase === "Bound"
    ? { apiVersion: "v1", kind: "PersistentVolumeClaim", name, namespace, uid }
    : undefined;
}
