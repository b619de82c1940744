/** Which disk is which: by its label, never by its place in the list. Pure. */
import { PoolSetupError } from "../../core/errors.ts";
import type { PoolName, PoolUuid } from "../../core/ids.ts";
import type { Finding } from "../decision.ts";
import { labelledMember } from "../label.ts";
import type { Label } from "../label.ts";
import { memberOf, membersOf, rank } from "../layout.ts";
import type { Member } from "../layout.ts";

interface Found {
  readonly title: string;
  readonly finding: Finding;
}

export interface Roles<Each> {
  /** Those that are the pool, or will be; in the order of a pool's devices. */
  readonly members: readonly (readonly [Member, Each])[];
  /** Those that a pool which is there does not have yet. */
  readonly joining: readonly Each[];
  /** The primary label, where it was found. */
  readonly primary?: Label;
}

/** Throws PoolSetupError for two disks of one label, and for a pool without its first disk. */
export function assignRoles<Each extends Found>(name: PoolName, disks: readonly Each[]): Roles<Each> {
  const primary = disks.map((disk) => ownLabel(name, disk)).find((label) => label?.member === "metadata");
  const listed = primary === undefined ? undefined : membersOf(primary.extents);
  const members = new Map<Member, Each>();
  const rest: Each[] = [];
  for (const disk of disks) {
    const label = ownLabel(name, disk, primary);
    if (label === undefined || isJoining(label, primary)) {
      rest.push(disk);
      continue;
    }
    const member = labelledMember(label);
    const twin = members.get(member);
    if (twin !== undefined) throw twins(name, label.pool, member, [twin, disk]);
    members.set(member, disk);
  }
  const free = (listed ?? disks.map((_, index) => nth(index))).filter((member) => !members.has(member));
  for (const member of free) {
    const disk = rest.shift();
    if (disk !== undefined) members.set(member, disk);
  }
  if (!members.has("metadata")) throw withoutFirst(name, disks);
  return {
    members: [...members].toSorted(([one], [other]) => rank(one) - rank(other)),
    joining: rest,
    ...(primary === undefined ? {} : { primary }),
  };
}

const nth = (index: number): Member => (index === 0 ? "metadata" : memberOf("data", index));

/** By the pool's uuid as well: a change of its name that was cut off has left labels of the old one. */
function ownLabel(name: PoolName, { finding }: Found, primary?: Label): Label | undefined {
  if (finding.kind !== "label") return undefined;
  const { label } = finding;
  const isOwn = label.name === name || label.pool === primary?.pool;
  return isOwn && label.backing === "devices" ? label : undefined;
}

/** It carries the pool's label, which does not speak of it: growth was cut off between that and the primary's new label. */
function isJoining(label: Label, primary: Label | undefined): boolean {
  const member = labelledMember(label);
  return (
    primary !== undefined &&
    label.pool === primary.pool &&
    !membersOf(label.extents).includes(member) &&
    !membersOf(primary.extents).includes(member)
  );
}

const twins = (
  name: PoolName,
  pool: PoolUuid,
  member: Member,
  pair: readonly [Found, Found],
): PoolSetupError =>
  new PoolSetupError(
    `pool ${name}: ${pair[0].title} and ${pair[1].title} carry one label, disk ${member} of pool ${pool}: one is a copy; take the copy out`,
  );

function withoutFirst(name: PoolName, disks: readonly Found[]): PoolSetupError {
  const titles = disks.map(({ title }) => title).join(", ");
  return new PoolSetupError(
    `pool ${name}: its first disk, with catalog and metadata, is not among devices (${titles}); bring it back`,
  );
}
