/**
 * Recovery: the only reader of intents. Records × what the kernel shows → steps that finish or undo each half-done
 * operation. Runs at open, after the fence agreed and before anything is served.
 *
 * What was never acknowledged is undone, also where it may be complete: the resume guard may have resumed an origin
 * before its snapshot was cut, so an unacknowledged snapshot is not to be trusted.
 */
import type { DmDevice } from "../core/dm.ts";
import { keyOf, thinDeviceUuid } from "../core/ids.ts";
import type { CatalogContent, GroupRecord, VolumeRecord } from "../core/records.ts";
import type { ActiveDevice } from "./remove.ts";
import { planFinishDelete } from "./remove.ts";
import { planFinishRenewal } from "./renew.ts";
import { planDropSnapshots } from "./snapshot.ts";
import type { Plan } from "./step.ts";
import { planUndoVolume } from "./volume.ts";

/** One plan for each object, so that one which cannot be settled now (a device still open) does not hold up the others. */
export function planRecovery(content: CatalogContent, devices: readonly DmDevice[]): readonly Plan[] {
  const plans = [
    ...devices.map(recoverDevice),
    ...content.volumes.map((volume) => recoverVolume(volume, activeOf(volume, content, devices))),
    ...content.groups.map((group) => (group.state === "ready" ? [] : recoverGroup(group, content))),
    ...content.snapshots.map((snapshot) =>
      snapshot.state === "ready" || isInUnfinishedGroup(snapshot.groupId, content)
        ? []
        : planDropSnapshots([snapshot], undefined),
    ),
  ];
  return plans.filter((plan) => plan.length > 0);
}

/** One without a live table was being made: nothing ever used it. Otherwise a table that was never resumed is dropped. */
function recoverDevice({ name, uuid, liveTable, inactiveTable }: DmDevice): Plan {
  if (!liveTable) return [{ kind: "deactivate", device: name, uuid }];
  return inactiveTable ? [{ kind: "clear", device: name }] : [];
}

function recoverVolume(volume: VolumeRecord, active: ActiveDevice | undefined): Plan {
  if (volume.state === "creating") return planUndoVolume(volume);
  if (volume.state === "deleting") return planFinishDelete(volume, active);
  if (volume.retiredThinId === undefined) return [];
  return [
    ...(active === undefined ? [] : [{ kind: "deactivate", ...active } as const]),
    ...planFinishRenewal(volume),
  ];
}

function recoverGroup(group: GroupRecord, content: CatalogContent): Plan {
  return planDropSnapshots(
    content.snapshots.filter((snapshot) => snapshot.groupId === group.id),
    group,
  );
}

function isInUnfinishedGroup(groupId: string | undefined, content: CatalogContent): boolean {
  return (
    groupId !== undefined && content.groups.some((group) => group.id === groupId && group.state !== "ready")
  );
}

function activeOf(
  volume: VolumeRecord,
  content: CatalogContent,
  devices: readonly DmDevice[],
): ActiveDevice | undefined {
  const uuid = thinDeviceUuid(content.pool.uuid, keyOf(volume.id));
  const device = devices.find((each) => each.uuid === uuid);
  return device === undefined ? undefined : { device: device.name, uuid };
}
