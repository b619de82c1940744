/**
 * Recovery: the only reader of intents. Records × what the kernel shows → steps that finish or undo each half-done
 * operation. Runs at open, after the fence agreed and before anything is served.
 *
 * What was never acknowledged is undone, also where it may be complete: the resume guard may have resumed an origin
 * before its snapshot was cut, so an unacknowledged snapshot is not to be trusted.
 */
import type { DmDevice } from "../core/dm.ts";
import { keyOf, thinDeviceUuid } from "../core/ids.ts";
import type {
  CatalogContent,
  GroupRecord,
  ObjectState,
  SnapshotRecord,
  VolumeRecord,
} from "../core/records.ts";
import { planFinishDelete } from "./remove.ts";
import { planFinishRenewal } from "./renew.ts";
import { planDropSnapshots } from "./snapshot.ts";
import type { Plan } from "./step.ts";
import { planUndoVolume } from "./volume.ts";

/**
 * One plan for each object, so that one which cannot be settled now (a device still open) does not hold up the others.
 * `deletionsGoOn`: what is being deleted is left as it is, for its discards to go on.
 */
export function planRecovery(
  recorded: CatalogContent,
  devices: readonly DmDevice[],
  { deletionsGoOn = false } = {},
): readonly Plan[] {
  const content = deletionsGoOn ? withoutDeleting(recorded) : recorded;
  const plans = [
    ...devices.map(recoverDevice),
    ...content.volumes.map((volume) => recoverVolume(volume, deviceOf(volume, content, devices))),
    ...content.groups.map((group) =>
      group.state === "ready" ? [] : recoverGroup(group, { content, devices }),
    ),
    ...content.snapshots.map((snapshot) =>
      snapshot.state === "ready" || isInUnfinishedGroup(snapshot.groupId, content)
        ? []
        : recoverSnapshots([snapshot], undefined, { content, devices }),
    ),
  ];
  return plans.filter((plan) => plan.length > 0);
}

/** One without a live table was being made: nothing ever used it. Otherwise a table that was never resumed is dropped. */
function recoverDevice({ name, uuid, liveTable, inactiveTable }: DmDevice): Plan {
  if (!liveTable) return [{ kind: "deactivate", device: name, uuid }];
  return inactiveTable ? [{ kind: "clear", device: name }] : [];
}

function recoverVolume(volume: VolumeRecord, found: DmDevice | undefined): Plan {
  const active = found === undefined ? undefined : { device: found.name, uuid: found.uuid };
  if (volume.state === "creating") return planUndoVolume(volume);
  if (volume.state === "deleting") return planFinishDelete(volume, active);
  const deactivation: Plan = active === undefined ? [] : [{ kind: "deactivate", ...active }];
  if (volume.retiredThinId !== undefined) return [...deactivation, ...planFinishRenewal(volume)];
  return found !== undefined && isLeftOver(volume, found) ? deactivation : [];
}

/**
 * Activated by a stage that came no further, or left by an unstage: mounted nowhere, and opened by nobody. A raw volume is
 * staged without being open; one without a live table goes anyway.
 */
const isLeftOver = ({ staging }: VolumeRecord, { open, liveTable }: DmDevice): boolean =>
  liveTable && open === 0 && staging?.access !== "block";

interface Seen {
  readonly content: CatalogContent;
  readonly devices: readonly DmDevice[];
}

function recoverGroup(group: GroupRecord, seen: Seen): Plan {
  const members = seen.content.snapshots.filter((snapshot) => snapshot.groupId === group.id);
  return recoverSnapshots(members, group, seen);
}

/** One that was being discarded is still active. */
function recoverSnapshots(
  snapshots: readonly SnapshotRecord[],
  group: GroupRecord | undefined,
  { content, devices }: Seen,
): Plan {
  const active = snapshots.flatMap((each) => deviceOf(each, content, devices) ?? []);
  const deactivations = active.map(({ name, uuid }) => ({ kind: "deactivate", device: name, uuid }) as const);
  return [...deactivations, ...planDropSnapshots(snapshots, group)];
}

function withoutDeleting(content: CatalogContent): CatalogContent {
  const stays = ({ state }: { readonly state: ObjectState }): boolean => state !== "deleting";
  const { volumes, snapshots, groups } = content;
  return {
    ...content,
    volumes: volumes.filter(stays),
    snapshots: snapshots.filter(stays),
    groups: groups.filter(stays),
  };
}

function isInUnfinishedGroup(groupId: string | undefined, content: CatalogContent): boolean {
  return (
    groupId !== undefined && content.groups.some((group) => group.id === groupId && group.state !== "ready")
  );
}

function deviceOf(
  { id }: VolumeRecord | SnapshotRecord,
  content: CatalogContent,
  devices: readonly DmDevice[],
): DmDevice | undefined {
  const uuid = thinDeviceUuid(content.pool.uuid, keyOf(id));
  return devices.find((each) => each.uuid === uuid);
}
