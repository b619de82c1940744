/**
 * The fence (promise 10): does this catalog belong to this pool metadata, as they are now? Any excess in the kernel
 * (a newer transaction id, a thin nobody recorded) means that somebody else wrote, or that the catalog is an old copy.
 * Then nothing may be written: a "missing" record could be another tenant's volume.
 */
import type { DmDevice, ThinListing } from "../core/dm.ts";
import type { ThinId, VolumeId } from "../core/ids.ts";
import { parseThinUuid, volumeId } from "../core/ids.ts";
import type { CatalogContent } from "../core/records.ts";

export interface FenceVerdict {
  /** Reasons to stay read-only; empty when all fits. */
  readonly excess: readonly string[];
  /** The last bump was recorded and did not reach the kernel: finish it. */
  readonly finishBump: boolean;
  /** Ready objects whose thin is gone: reported, never re-made. */
  readonly lost: ReadonlySet<string>;
}

export function checkFence(
  content: CatalogContent,
  kernelTransactionId: bigint,
  thins: readonly ThinListing[],
  devices: readonly DmDevice[],
): FenceVerdict {
  const { pool, volumes, snapshots } = content;
  const excess: string[] = [];
  const finishBump = kernelTransactionId === pool.transactionId - 1n;
  if (kernelTransactionId !== pool.transactionId && !finishBump) {
    const why =
      kernelTransactionId > pool.transactionId
        ? "the catalog is an older copy, or somebody else wrote to the pool"
        : "the pool's metadata is an older copy";
    excess.push(
      `the kernel's transaction id is ${kernelTransactionId}, the catalog's ${pool.transactionId}: ${why}`,
    );
  }
  const recorded = new Set<ThinId>();
  for (const volume of volumes) {
    recorded.add(volume.thinId);
    if (volume.retiredThinId !== undefined) recorded.add(volume.retiredThinId);
  }
  for (const snapshot of snapshots) recorded.add(snapshot.thinId);
  for (const thin of thins) {
    if (thin.thinId >= pool.thinIdLimit)
      excess.push(`thin ${thin.thinId} is above every id this catalog has reserved`);
    else if (!recorded.has(thin.thinId)) excess.push(`thin ${thin.thinId} is in no record`);
    else if (thin.transaction > pool.transactionId)
      excess.push(`thin ${thin.thinId} was made after the catalog's last transaction`);
  }
  excess.push(...foreignDevices(content, devices));
  const present = new Set(thins.map((thin) => thin.thinId));
  const lost = new Set<string>();
  for (const volume of volumes) {
    if (volume.state === "ready" && volume.retiredThinId === undefined && !present.has(volume.thinId))
      lost.add(volume.id);
  }
  for (const snapshot of snapshots) {
    if (snapshot.state === "ready" && !present.has(snapshot.thinId)) lost.add(snapshot.id);
  }
  return { excess, finishBump, lost };
}

function foreignDevices(content: CatalogContent, devices: readonly DmDevice[]): readonly string[] {
  const known = new Set<VolumeId>(content.volumes.map((volume) => volume.id));
  return devices.flatMap((device) => {
    const parsed = parseThinUuid(device.uuid);
    if (
      parsed === undefined ||
      parsed.pool !== content.pool.uuid ||
      known.has(volumeId(parsed.pool, parsed.key))
    )
      return [];
    return [`device ${device.name} carries our uuid and belongs to no recorded volume`];
  });
}
