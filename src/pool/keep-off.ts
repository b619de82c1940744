/** Why a device is left alone although nothing that it holds, and nothing that is built on it, may say so. */
import type { BlockDevice } from "../core/dm.ts";
import { arrayEndingOn } from "../host/md-superblock.ts";
import type { Runner } from "../host/run.ts";
import { thinPoolBelow } from "../host/thin-pool-below.ts";
import { type LabelReading, labelledMember } from "./label.ts";
import { memberEnd } from "./layout.ts";

/** A sentence without the device's name, with the cure; undefined where there is no such reason. */
export async function reasonToKeepOff(
  runner: Runner,
  device: BlockDevice,
  reading: LabelReading,
): Promise<string | undefined> {
  const pool = await thinPoolBelow(runner, device.number);
  if (pool !== undefined)
    return `shows the data of thin-pool ${pool}, where its thins may hold anything; name a device, or a logical volume, that is no thin-pool`;
  if (reading.kind !== "label") return undefined;
  // Behind what the pool uses: before that, a pod may have written anything.
  const array = await arrayEndingOn(device, memberEnd(reading.label.extents, labelledMember(reading.label)));
  return array === undefined
    ? undefined
    : `is a member of an md array (metadata ${array}) that shows the same dmthin label; assemble the array and name that, never a member`;
}
