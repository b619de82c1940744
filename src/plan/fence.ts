/**
 * The fence (promise 10): does this catalog belong to this pool metadata, as they are now? Any excess in the kernel
 * (a newer transaction id, a thin nobody recorded) means that somebody else wrote, or that the catalog is an old copy.
 * Then nothing may be written: a "missing" record could be another tenant's volume.
 */
import type { DmDevice, ThinListing } from "../core/dm.ts";
import type { ObjectKey, ThinId } from "../core/ids.ts";
import { keyOf, parseThinUuid, thinDeviceName } from "../core/ids.ts";
import type { CatalogContent } from "../core/records.ts";

export interface FenceVerdict {
  /** Reasons to stay read-only; empty when all fits. */
  readonly excess: readonly string[];
  /** The last bump was recorded and did not reach the kernel: finish it. */
  readonly finishBump: boolean;
  /** Ready objects whose thin is gone: reported, never re-made. */
  readonly lost: ReadonlySet<string>;
  /** Thins in no record; each is a reason too. */
  readonly unrecorded: readonly ThinId[];
}

/** What the kernel shows of a pool. */
export interface PoolView {
  readonly transactionId: bigint;
  /** Devices of the pool's thins, told by their uuid. */
  readonly devices: readonly DmDevice[];
  /** Names of devices that use the pool without being dmthin's. */
  readonly strangers: readonly string[];
  /** Undefined: not listed, so that nothing is said about them. */
  readonly thins?: readonly ThinListing[];
}

/** Of metadata that no device uses. */
export const offline = (transactionId: bigint, thins: readonly ThinListing[]): PoolView => ({
  transactionId,
  thins,
  devices: [],
  strangers: [],
});

/**
 * While a pool is open: each new transaction id is recorded and then set in the kernel, one at a time. `since`: the
 * catalog's when the kernel was asked, `now`: when it has answered. Undefined: it fits.
 */
export function transactionExcess(kernel: bigint, since: bigint, now: bigint): string | undefined {
  return kernel <= now && kernel >= since - 1n
    ? undefined
    : `the kernel's transaction id is ${kernel}, the catalog's ${now}`;
}

/** What is said of a pool that was found changed while it was open. */
export const foreignHands = (reason: string): string =>
  `foreign hands: ${reason}; nothing more is changed: end who else writes to the pool, then restart the driver`;

export function checkFence(content: CatalogContent, view: PoolView): FenceVerdict {
  const { pool } = content;
  const { transactionId, thins } = view;
  const finishBump = transactionId === pool.transactionId - 1n;
  const excess: string[] = [];
  if (transactionId !== pool.transactionId && !finishBump) {
    const why =
      transactionId > pool.transactionId
        ? "the catalog is an older copy, or somebody else wrote to the pool"
        : "the pool's metadata is an older copy";
    excess.push(
      `the kernel's transaction id is ${transactionId}, the catalog's ${pool.transactionId}: ${why}`,
    );
  }
  const recorded = thinsIn(content);
  if (thins !== undefined) excess.push(...foreignThins(content, thins, recorded));
  excess.push(...foreignDevices(content, view));
  return {
    excess,
    finishBump,
    lost: thins === undefined ? new Set() : lostOf(content, thins),
    unrecorded: (thins ?? []).map(({ thinId }) => thinId).filter((thinId) => !recorded.has(thinId)),
  };
}

function thinsIn({ volumes, snapshots }: CatalogContent): ReadonlySet<ThinId> {
  const recorded = new Set<ThinId>();
  for (const volume of volumes) {
    recorded.add(volume.thinId);
    if (volume.retiredThinId !== undefined) recorded.add(volume.retiredThinId);
  }
  for (const snapshot of snapshots) recorded.add(snapshot.thinId);
  return recorded;
}

function foreignThins(
  { pool }: CatalogContent,
  thins: readonly ThinListing[],
  recorded: ReadonlySet<ThinId>,
): string[] {
  return thins.flatMap(({ thinId, transaction }) => {
    if (thinId >= pool.thinIdLimit) return [`thin ${thinId} is above every id this catalog has reserved`];
    if (!recorded.has(thinId)) return [`thin ${thinId} is in no record`];
    return transaction > pool.transactionId
      ? [`thin ${thinId} was made after the catalog's last transaction`]
      : [];
  });
}

function lostOf({ volumes, snapshots }: CatalogContent, thins: readonly ThinListing[]): ReadonlySet<string> {
  const present = new Set(thins.map((thin) => thin.thinId));
  const lost = new Set<string>();
  for (const volume of volumes) {
    if (volume.state === "ready" && volume.retiredThinId === undefined && !present.has(volume.thinId))
      lost.add(volume.id);
  }
  for (const snapshot of snapshots) {
    if (snapshot.state === "ready" && !present.has(snapshot.thinId)) lost.add(snapshot.id);
  }
  return lost;
}

/**
 * A snapshot is active only while it is discarded, deleted by then. The kernel lets one thin be active under two names, which is how its filesystem dies. */
function foreignDevices(
  { pool, volumes, snapshots }: CatalogContent,
  { devices, strangers }: PoolView,
): string[] {
  const doomed = snapshots.filter(({ state }) => state === "deleting");
  const known = new Set<ObjectKey>([...volumes, ...doomed].map(({ id }) => keyOf(id)));
  return [
    ...devices.flatMap(({ name, uuid }) => {
      const parsed = parseThinUuid(uuid);
      if (parsed === undefined || parsed.pool !== pool.uuid) return [];
      if (!known.has(parsed.key))
        return [`device ${name} carries our uuid and belongs to no recorded volume`];
      const right = thinDeviceName(pool.name, parsed.key);
      return name === right ? [] : [`device ${name} carries the uuid of ${right}`];
    }),
    ...strangers.map((name) => `device ${name} uses the pool and is not of dmthin`),
  ];
}
