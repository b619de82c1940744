/**
 * New labels on all devices of a complete pool. What stops in the middle is read by `decide`: the primary is ahead by one,
 * the others are brought up at the next open.
 */
import type { PoolName } from "../core/ids.ts";
import type { OnStep } from "./backing.ts";
import { labelFor } from "./label.ts";
import type { Label } from "./label.ts";
import { writeLabel } from "./label-store.ts";
import { flawOf, membersOf } from "./layout.ts";
import type { Extents, Member } from "./layout.ts";

export interface LabelHands {
  /** File or node of a member that carries the pool's label already. */
  readonly pathOf: (member: Member) => string;
  /** Where the label area of each begins; 0 unless given. */
  readonly labelsFrom?: bigint;
  /** Called before each device. */
  readonly onStep: OnStep;
}

/** Writes the label to those members, in the order of `members`: the primary first, so that it is never behind. */
export async function writeLabels(
  label: Label,
  members: readonly Member[],
  { pathOf, labelsFrom, onStep }: LabelHands,
): Promise<void> {
  for (const member of members) {
    await onStep(`label ${member} ${label.state}`);
    await writeLabel(pathOf(member), labelFor(label, member), labelsFrom);
  }
}

/**
 * Says on every device that the pool's parts lie at `extents` from now on. `label`: the primary one, as it is on the disks.
 * Durable when it resolves to the new primary label. Throws RangeError for extents that are unsound or miss a device. One
 * that joins comes last and carries the pool's label of before: so it is at most one behind like any other.
 */
export async function relabel(label: Label, extents: Extents, hands: LabelHands): Promise<Label> {
  const flaw = flawOf(extents, label.blockSize);
  if (flaw !== undefined) throw new RangeError(flaw);
  const members = membersOf(extents);
  const stay = membersOf(label.extents).every((member) => members.includes(member));
  if (!stay || (label.backing !== "devices" && members.length > membersOf(label.extents).length))
    throw new RangeError("the pool would be of other devices");
  const next = { ...label, extents, sequence: label.sequence + 1 };
  await writeLabels(next, members, hands);
  return next;
}

/**
 * Says on every device that the pool is called so from now on. Durable when it resolves to the new primary label. What
 * stops in between has the new name on the primary, and any opening under that name brings up the others.
 */
export async function rename(label: Label, name: PoolName, hands: LabelHands): Promise<Label> {
  const next = { ...label, name, sequence: label.sequence + 1 };
  await writeLabels(next, membersOf(label.extents), hands);
  return next;
}
