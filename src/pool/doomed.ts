/** What is deleted, as `deletions.ts` takes it: from records, at a call and when a pool is opened. */
import type { SnapshotId, ThinId, VolumeId } from "../core/ids.ts";
import type { GroupRecord, SnapshotRecord, VolumeRecord } from "../core/records.ts";
import { roundUp, sectorsFromBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { addDemand, volumeDemand } from "../plan/capacity.ts";
import { planDeleteVolume } from "../plan/remove.ts";
import { planDeleteSnapshots } from "../plan/snapshot.ts";
import type { Deletion, DoomedThin } from "./deletions.ts";
import type { ThinPool } from "./thin-pool.ts";

export function doomedVolume(pool: ThinPool, record: VolumeRecord): Deletion {
  return {
    title: `DeleteVolume ${record.id}`,
    ids: [record.id],
    thins: [doomedThin(pool, record)],
    demand: volumeDemand(record.size, pool.parts.blockSize),
    isRecorded: () => pool.state.volumes.get(record.id) !== undefined,
    plan: planDeleteVolume(record, undefined),
  };
}

/** Of the group, all of them. */
export function doomedSnapshots(
  pool: ThinPool,
  snapshots: readonly SnapshotRecord[],
  group: GroupRecord | undefined,
): Deletion {
  const { blockSize } = pool.parts;
  const what = group === undefined ? snapshots.map(({ id }) => id) : [group.id];
  return {
    title: `${group === undefined ? "DeleteSnapshot" : "DeleteVolumeGroupSnapshot"} ${what.join(", ")}`,
    ids: [...(group === undefined ? [] : [group.id]), ...snapshots.map(({ id }) => id)],
    thins: snapshots.map((each) => doomedThin(pool, each)),
    demand: addDemand(...snapshots.map(({ mapped }) => volumeDemand(mapped, blockSize))),
    // They go together, in one transaction.
    isRecorded: () => snapshots.some(({ id }) => pool.state.snapshots.get(id) !== undefined),
    plan: planDeleteSnapshots(snapshots, group),
  };
}

/** What an earlier driver acknowledged and did not finish. */
export function doomedBefore(pool: ThinPool): readonly Deletion[] {
  const { volumes, snapshots, groups } = pool.state;
  const isDoomed = ({ state }: { readonly state: string }): boolean => state === "deleting";
  const doomedGroups = groups.values().filter(isDoomed);
  const members = (group: GroupRecord) => snapshots.values().filter(({ groupId }) => groupId === group.id);
  const alone = snapshots
    .values()
    .filter((each) => isDoomed(each) && !doomedGroups.some(({ id }) => id === each.groupId));
  return [
    ...volumes
      .values()
      .filter(isDoomed)
      .map((record) => doomedVolume(pool, record)),
    ...doomedGroups.map((group) => doomedSnapshots(pool, members(group), group)),
    ...alone.map((record) => doomedSnapshots(pool, [record], undefined)),
  ];
}

interface DoomedRecord {
  readonly id: VolumeId | SnapshotId;
  readonly thinId: ThinId;
  readonly size: Bytes;
  /** Of a snapshot, at its cut. */
  readonly mapped?: Bytes;
}

function doomedThin({ parts, state }: ThinPool, { id, thinId, size, mapped }: DoomedRecord): DoomedThin {
  return {
    ...parts.hands.devices.targetOf(id),
    thinId,
    length: sectorsFromBytes(roundUp(size, parts.blockSize)),
    isBlank: mapped === 0n || state.mapped.get(thinId) === 0n,
  };
}
