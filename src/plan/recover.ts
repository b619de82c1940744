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
import { planFinishDelete } from "./remove.ts";
import { planFinishRenewal } from "./renew.ts";
import { planDropSnapshots } from "./snapshot.ts";
import type { Plan } from "./step.ts";
import { planUndoVolume } from "./volume.ts";

/** One plan for each object, so that one which cannot be settled now (a device still open) does not hold up the others. */
export function planRecovery(content: CatalogContent, devices: readonly DmDevice[]): readonly Plan[] {
  const plans = [
    ...devices.map(recoverDevice),
    ...content.volumes.map((volume) => recoverVolume(volume, deviceOf(volume, content, devices))),
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

function deviceOf(
  volume: VolumeRecord,
  content: CatalogContent,
  devices: readonly DmDevice[],
): DmDevice | undefined {
  const uuid = thinDeviceUuid(content.pool.uuid, keyOf(volume.id));
  return devices.find((each) => each.uuid === uuid);
}
