/** A half-done mkfs: the volume gets a fresh empty thin under the same id (promise 1). */
import type { ThinId } from "../core/ids.ts";
import type { VolumeRecord } from "../core/records.ts";
import type { ActiveDevice } from "./remove.ts";
import type { Plan } from "./step.ts";

/** The record between the two thins; `planFinishRenewal` takes it from here, also after a crash. */
export function renewedRecord(record: VolumeRecord, fresh: ThinId): VolumeRecord {
  return { ...record, thinId: fresh, retiredThinId: record.thinId };
}

export function planRenewThin(renewed: VolumeRecord, active: ActiveDevice | undefined): Plan {
  return [
    ...(active === undefined ? [] : [{ kind: "deactivate", ...active } as const]),
    { kind: "record", changes: [{ kind: "put-volume", record: renewed }] },
    ...planFinishRenewal(renewed),
  ];
}

/** Repeatable: the id is recorded and was never published, so a thin that exists already is one of an earlier try. */
export function planFinishRenewal(renewed: VolumeRecord): Plan {
  const { retiredThinId, ...rest } = renewed;
  return [
    ...(retiredThinId === undefined ? [] : [{ kind: "delete-thin", thinId: retiredThinId } as const]),
    { kind: "create-thin", thinId: renewed.thinId, again: true },
    { kind: "record", changes: [{ kind: "put-volume", record: { ...rest, format: { state: "blank" } } }] },
  ];
}
