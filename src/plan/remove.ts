/** DeleteVolume: decide durably, deactivate, delete in the pool, then forget. Every step may be repeated. */
import type { DmName, DmUuid } from "../core/ids.ts";
import type { VolumeRecord } from "../core/records.ts";
import type { Plan } from "./step.ts";

export interface ActiveDevice {
  readonly device: DmName;
  readonly uuid: DmUuid;
}

export function planDeleteVolume(record: VolumeRecord, active: ActiveDevice | undefined): Plan {
  return [
    { kind: "record", changes: [{ kind: "put-volume", record: { ...record, state: "deleting" } }] },
    ...planFinishDelete(record, active),
  ];
}

/** What is left to do for a volume already marked `deleting`. */
export function planFinishDelete(record: VolumeRecord, active: ActiveDevice | undefined): Plan {
  return [
    ...(active === undefined ? [] : [{ kind: "deactivate", ...active } as const]),
    ...(record.retiredThinId === undefined
      ? []
      : [{ kind: "delete-thin", thinId: record.retiredThinId } as const]),
    { kind: "delete-thin", thinId: record.thinId },
    { kind: "record", changes: [{ kind: "drop-volume", id: record.id }] },
  ];
}
