/** From labels that were found on devices to pools. Pure. */
import type { DevNumber } from "../../core/dm.ts";
import type { PoolName, PoolUuid } from "../../core/ids.ts";
import type { BackingKind } from "../../core/pool-options.ts";
import type { Bytes } from "../../core/units.ts";
import { labelledMember } from "../label.ts";
import type { Label } from "../label.ts";
import { membersOf, rank } from "../layout.ts";
import type { Member } from "../layout.ts";

/** A device that carries a label. */
export interface Find {
  readonly kernelName: string;
  /** Its node. */
  readonly device: string;
  readonly number: DevNumber;
  /** The name to configure it by. */
  readonly path: string;
  /** That name is the same after a reboot. */
  readonly isStable: boolean;
  readonly size: Bytes;
  /** The kernel's names of what is built on it. */
  readonly holders: readonly string[];
  /** Of an attached loop device. */
  readonly file?: string;
  readonly label: Label;
}

export interface FoundMember {
  readonly member: Member;
  /** More than one: copies, of which at most one is the pool's. */
  readonly on: readonly Find[];
}

/**
 * `complete`: each device is there, once. `half-made`: its creation was cut off. `copied`: two devices carry one label.
 * `missing`: devices are not there.
 */
export type FoundState = "complete" | "half-made" | "copied" | "missing";

export interface FoundPool {
  readonly uuid: PoolUuid;
  readonly name: PoolName;
  readonly backing: BackingKind;
  readonly state: FoundState;
  /** By the primary label; where that is not there, by the newest. */
  readonly label: Label;
  /** Those that it lists, in the order of a pool's devices. */
  readonly members: readonly FoundMember[];
  readonly missing: readonly Member[];
  /** Labelled for the pool, which does not list them (yet, or any more). */
  readonly others: readonly Find[];
}

/** A device below another of the same label (a path of multipath, one half of a mirror) is not where the pool stands. */
export function uppermost(finds: readonly Find[]): readonly Find[] {
  return finds.filter(
    (find) =>
      !finds.some(
        (other) => other !== find && find.holders.includes(other.kernelName) && isSame(find, other),
      ),
  );
}

const isSame = (one: Find, other: Find): boolean =>
  one.label.pool === other.label.pool && labelledMember(one.label) === labelledMember(other.label);

/** In the order of their names. */
export function poolsOf(finds: readonly Find[]): readonly FoundPool[] {
  const byPool = Map.groupBy(finds, ({ label }) => label.pool);
  return [...byPool.values()]
    .map(poolOf)
    .toSorted((one, other) => (`${one.name} ${one.uuid}` < `${other.name} ${other.uuid}` ? -1 : 1));
}

function poolOf(finds: readonly Find[]): FoundPool {
  const label = leading(finds);
  const listed = membersOf(label.extents);
  const onMember = (member: Member): readonly Find[] =>
    finds.filter((find) => labelledMember(find.label) === member);
  const members = listed
    .map((member): FoundMember => ({ member, on: onMember(member) }))
    .filter(({ on }) => on.length > 0);
  const missing = listed.filter((member) => onMember(member).length === 0);
  const others = finds.filter((find) => !listed.includes(labelledMember(find.label)));
  const isCopied = members.some(({ on }) => on.length > 1);
  return {
    uuid: label.pool,
    name: label.name,
    backing: label.backing,
    state: stateOf(label, missing, isCopied),
    label,
    members,
    missing,
    others,
  };
}

/** The primary label, else the first of those with the highest sequence. Throws RangeError without any. */
function leading(finds: readonly Find[]): Label {
  const [label] = finds
    .map((find) => find.label)
    .toSorted(
      (one, other) =>
        rank(labelledMember(one)) - rank(labelledMember(other)) || other.sequence - one.sequence,
    );
  if (label === undefined) throw new RangeError("a pool without a label");
  if (label.member === "metadata") return label;
  return finds.reduce((newest, find) => (find.label.sequence > newest.sequence ? find.label : newest), label);
}

function stateOf(label: Label, missing: readonly Member[], isCopied: boolean): FoundState {
  // What was never complete holds nothing, and may lack devices that were never labelled.
  if (label.state === "creating") return "half-made";
  if (missing.length > 0) return "missing";
  return isCopied ? "copied" : "complete";
}
