/** CreateSnapshot and group snapshots: one bracket around all cuts, so that a group is one point in time. */
import { IncompatibleExistingError } from "../core/errors.ts";
import type { ThinId, VolumeId } from "../core/ids.ts";
import type { Format, GroupRecord, SnapshotRecord, VolumeRecord } from "../core/records.ts";
import type { Bytes } from "../core/units.ts";
import { bytes } from "../core/units.ts";
import type { Plan, Step, Suspension } from "./step.ts";

/** One cut to be made: the snapshot's record and, where the origin is active, how to hold it still. */
export interface Cut {
  readonly snapshot: SnapshotRecord;
  readonly origin: VolumeRecord;
  readonly suspension?: Suspension;
}

export function newSnapshotRecord(
  origin: VolumeRecord,
  made: Pick<SnapshotRecord, "id" | "name" | "thinId" | "createdAt" | "groupId" | "clusterUid">,
): SnapshotRecord {
  return {
    ...made,
    state: "creating",
    sourceVolumeId: origin.id,
    size: origin.size,
    mapped: bytes(0),
    format: formatOfCopy(origin.format),
    ...(origin.fsType === undefined ? {} : { fsType: origin.fsType }),
    mkfsOptions: origin.mkfsOptions,
  };
}

/** A copy is `copied`, whatever its origin was; whether it is in truth empty is decided by its mapped bytes at the cut. */
function formatOfCopy(origin: Format): Format {
  return { state: "copied", ...(origin.fsType === undefined ? {} : { fsType: origin.fsType }) };
}

/**
 * Intent and cuts. The outcome is recorded apart, by `planSnapshotsReady`: it holds what the cuts measured. All origins
 * are measured and admitted before the first cut: a cut that does not fit lets users fill the pool while it is there.
 */
export function planCuts(cuts: readonly Cut[], group: GroupRecord | undefined): Plan {
  const suspensions = cuts.flatMap((cut) => (cut.suspension === undefined ? [] : [cut.suspension]));
  const measures = cuts.flatMap((cut): readonly Step[] =>
    cut.suspension === undefined
      ? []
      : [{ kind: "measure", device: cut.suspension.device, thinId: cut.origin.thinId }],
  );
  const steps: readonly Step[] = [
    ...measures,
    { kind: "admit" },
    ...cuts.map((cut): Step => ({
      kind: "create-snap",
      thinId: cut.snapshot.thinId,
      origin: cut.origin.thinId,
    })),
  ];
  return [
    {
      kind: "record",
      changes: [
        ...(group === undefined ? [] : [{ kind: "put-group", record: group } as const]),
        ...cuts.map((cut) => ({ kind: "put-snapshot", record: cut.snapshot }) as const),
      ],
    },
    ...(suspensions.length === 0 ? steps : [{ kind: "while-suspended", suspensions, steps } as const]),
  ];
}

/** The outcome: all members and the group become ready in one transaction. */
export function planSnapshotsReady(
  cuts: readonly Cut[],
  group: GroupRecord | undefined,
  mappedOf: (thinId: ThinId) => Bytes,
): {
  readonly plan: Plan;
  readonly snapshots: readonly SnapshotRecord[];
  readonly group: GroupRecord | undefined;
} {
  const snapshots = cuts.map((cut): SnapshotRecord => ({
    ...cut.snapshot,
    state: "ready",
    mapped: mappedOf(cut.origin.thinId),
  }));
  const readyGroup: GroupRecord | undefined = group === undefined ? undefined : { ...group, state: "ready" };
  const changes = [
    ...snapshots.map((record) => ({ kind: "put-snapshot", record }) as const),
    ...(readyGroup === undefined ? [] : [{ kind: "put-group", record: readyGroup } as const]),
  ];
  return { plan: [{ kind: "record", changes }], snapshots, group: readyGroup };
}

/** Takes back, or deletes, snapshots together with their group. */
export function planDropSnapshots(
  snapshots: readonly SnapshotRecord[],
  group: GroupRecord | undefined,
): Plan {
  return [
    ...snapshots.map((each) => ({ kind: "delete-thin", thinId: each.thinId }) as const),
    {
      kind: "record",
      changes: [
        ...snapshots.map((each) => ({ kind: "drop-snapshot", id: each.id }) as const),
        ...(group === undefined ? [] : [{ kind: "drop-group", id: group.id } as const]),
      ],
    },
  ];
}

/** Records the decision to delete, then deletes. */
export function planDeleteSnapshots(
  snapshots: readonly SnapshotRecord[],
  group: GroupRecord | undefined,
): Plan {
  const changes = [
    ...(group === undefined ? [] : [{ kind: "put-group", record: { ...group, state: "deleting" } } as const]),
    ...snapshots.map(
      (record) => ({ kind: "put-snapshot", record: { ...record, state: "deleting" } }) as const,
    ),
  ];
  return [{ kind: "record", changes }, ...planDropSnapshots(snapshots, group)];
}

export function requireSameSnapshot(existing: SnapshotRecord, source: VolumeId): void {
  if (existing.sourceVolumeId === source && existing.groupId === undefined) return;
  throw new IncompatibleExistingError(
    `name: snapshot ${JSON.stringify(existing.name)} exists and was taken of volume ${existing.sourceVolumeId}`,
  );
}

export function requireSameGroup(existing: GroupRecord, sources: readonly VolumeId[]): void {
  if (existing.sourceVolumeIds.toSorted().join() === sources.toSorted().join()) return;
  throw new IncompatibleExistingError(
    `name: group snapshot ${JSON.stringify(existing.name)} exists and was taken of other volumes`,
  );
}
