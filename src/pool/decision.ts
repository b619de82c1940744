/**
 * What to do with the devices of a pool: make it, go on making it, open it, or keep the hands off. Pure: it sees what
 * was observed and touches nothing. Everything that is wrong is said at once.
 *
 * A pool is made in this order, and nothing is acknowledged before the last step:
 *   label of the metadata device (`creating`) → labels of the others (`creating`) → contents →
 *   label of the metadata device (`ready`) → labels of the others (`ready`).
 * So the metadata device's label alone says whether the pool is complete; labels of others are at most one step behind.
 */
import type { PoolName, PoolUuid } from "../core/ids.ts";
import { parsePoolOfUuid } from "../core/ids.ts";
import type { BackingKind } from "../core/pool-options.ts";
import { formatBytes } from "../core/units.ts";
import type { Bytes } from "../core/units.ts";
import { labelledMember } from "./label.ts";
import type { Label } from "./label.ts";
import { memberEnd, membersOf } from "./layout.ts";
import type { Member } from "./layout.ts";

/** What lies on a device. */
export type Finding =
  /** A file that is not there (loop). */
  | { readonly kind: "absent" }
  | { readonly kind: "blank" }
  | { readonly kind: "label"; readonly label: Label; readonly whole: boolean }
  /** A dmthin label was here, and cannot be read. */
  | { readonly kind: "unreadable"; readonly reason: string }
  /** `what` reads like `an ext4 filesystem`. */
  | { readonly kind: "foreign"; readonly what: string };

/** A dm, md, … device built on this one. */
export interface Holder {
  readonly name: string;
  /** Of dm devices. */
  readonly uuid?: string;
}

export interface Observation {
  readonly role: Member;
  /** As configured, for messages. */
  readonly path: string;
  readonly size: Bytes;
  readonly finding: Finding;
  /** A person allows to overwrite foreign content. */
  readonly forced: boolean;
  readonly readOnly: boolean;
  readonly holders: readonly Holder[];
  /** The kernel refuses exclusive use (mounted anywhere, swap, another program), and no holder explains it. */
  readonly claimed: boolean;
  /** Why the device is not to be had, whatever it holds, and the cure. */
  readonly keepOff?: string;
}

export interface Overwrite {
  readonly path: string;
  readonly what: string;
}

export type Decision =
  | { readonly kind: "create"; readonly overwrites: readonly Overwrite[] }
  /** A creation was cut off: `label` is the primary one. */
  | { readonly kind: "resume"; readonly label: Label; readonly overwrites: readonly Overwrite[] }
  /** `behind`: members whose label must be brought up to `label`. */
  | { readonly kind: "open"; readonly label: Label; readonly behind: readonly Member[] }
  | { readonly kind: "refuse"; readonly problems: readonly string[] };

export interface Expected {
  readonly name: PoolName;
  readonly backing: BackingKind;
}

/** `observed`: one for each configured member, the metadata device first. */
export function decide(expected: Expected, observed: readonly Observation[]): Decision {
  const observations = giveUpUnfinished(expected, observed);
  const labelled = observations.filter(hasLabel);
  const problems = [...observations.flatMap(obstacles), ...observations.flatMap(unusable)];
  const [primary] = observations;
  problems.push(...strangers(expected, labelled, primary));
  if (primary !== undefined && labelled.length > 0 && problems.length === 0) {
    if (!hasLabel(primary)) return refuse([orphaned(primary, labelled)]);
    problems.push(...layoutMismatch(primary.finding.label, observations));
    return primary.finding.label.state === "creating"
      ? resume(primary.finding.label, observations, problems)
      : open(primary.finding.label, observations, problems);
  }
  return problems.length > 0 ? refuse(problems) : { kind: "create", overwrites: overwrites(observations) };
}

/** Why a device cannot be anybody's. */
export const problemsOfTaking = (observation: Observation): string[] => [
  ...obstacles(observation),
  ...unusable(observation),
];

/** Why a device cannot join a complete pool. Label: the pool's. */
export function problemsOfJoining({ backing, pool }: Label, observation: Observation): string[] {
  const { finding, path } = observation;
  const problems = problemsOfTaking(observation);
  if (finding.kind !== "label") return problems;
  const { label } = finding;
  // Not by its name: the pool may have got another one since.
  if (label.backing !== backing || label.pool !== pool)
    problems.push(`${path}: belongs to pool ${label.name} (${label.pool}); choose another`);
  return problems;
}

type Labelled = Observation & { readonly finding: Extract<Finding, { kind: "label" }> };
const hasLabel = (each: Observation): each is Labelled => each.finding.kind === "label";

const refuse = (problems: readonly string[]): Decision => ({ kind: "refuse", problems });

/** A creation that never ended, of another pool, counts as foreign content where a person gives it up by `force`. */
function giveUpUnfinished(expected: Expected, observations: readonly Observation[]): readonly Observation[] {
  const [primary] = observations;
  const own =
    primary !== undefined && hasLabel(primary) && misfit(expected, primary) === undefined
      ? primary.finding.label.pool
      : undefined;
  return observations.map((each) => {
    if (!hasLabel(each) || !each.forced || each.finding.label.state === "ready") return each;
    const { pool } = each.finding.label;
    if (pool === own && misfit(expected, each) === undefined) return each;
    return { ...each, finding: { kind: "foreign", what: `the unfinished pool ${pool}` } };
  });
}

/** Reasons to keep off whatever the device holds. */
function obstacles({ path, finding, holders, claimed, readOnly, keepOff }: Observation): string[] {
  const pool: PoolUuid | undefined = finding.kind === "label" ? finding.label.pool : undefined;
  const foreign = holders.filter((holder) => !(pool !== undefined && isOf(pool, holder)));
  return [
    ...foreign.map((holder) => `${path}: ${holder.name}${ofUuid(holder)} is built on it; remove that first`),
    ...(claimed
      ? [`${path}: is in use (mounted, swap, or opened exclusively by a program); end that first`]
      : []),
    ...(keepOff === undefined ? [] : [`${path}: ${keepOff}`]),
    ...(readOnly ? [`${path}: is read-only; make it writable`] : []),
  ];
}

const isOf = (pool: PoolUuid, holder: Holder): boolean => parsePoolOfUuid(holder.uuid ?? "") === pool;
const ofUuid = ({ uuid }: Holder): string => (uuid === undefined || uuid === "" ? "" : ` (${uuid})`);

function unusable({ path, finding, forced }: Observation): string[] {
  if (finding.kind === "unreadable") {
    return [
      `${path}: ${finding.reason}; restore the device, or zero its beginning if its pool is to be given up`,
    ];
  }
  if (finding.kind === "foreign" && !forced) {
    return [`${path}: holds ${finding.what}; choose another, or name it under force to overwrite it`];
  }
  return [];
}

/** Labels that are not of this pool or not in this place. */
function strangers(
  expected: Expected,
  labelled: readonly Labelled[],
  primary: Observation | undefined,
): string[] {
  const pools = new Set(labelled.map((each) => each.finding.label.pool));
  const first = primary !== undefined && hasLabel(primary) ? primary.finding.label : undefined;
  return labelled.flatMap((each) => {
    const wrong = misfit(expected, each, first);
    if (wrong !== undefined) return [`${each.path}: ${wrong}`];
    return pools.size > 1
      ? [`${each.path}: belongs to pool uuid ${each.finding.label.pool}; the devices are of different pools`]
      : [];
  });
}

function misfit(
  expected: Expected,
  { role, finding: { label } }: Labelled,
  primary?: Label,
): string | undefined {
  if (label.name !== expected.name && !awaitsName(label, expected.name, primary))
    return `belongs to pool ${label.name} (${label.pool}), not ${expected.name}`;
  if (label.backing !== expected.backing)
    return `was made for backing ${label.backing}, not ${expected.backing}`;
  const member = labelledMember(label);
  if (member === role) return undefined;
  return `is the ${member} device of its pool, not ${role}; devices are swapped or copied`;
}

/** The pool got its name, and that was cut off before this label said so: it is one behind, and is brought up like any other. */
const awaitsName = (label: Label, name: PoolName, primary: Label | undefined): boolean =>
  primary?.name === name && primary.pool === label.pool && label.sequence === primary.sequence - 1;

function orphaned({ path, finding }: Observation, labelled: readonly Labelled[]): string {
  const [owner] = labelled;
  const found =
    finding.kind === "foreign" ? `holds ${finding.what}` : `has no dmthin label (${finding.kind})`;
  return `${path}: ${found}, but ${owner?.path} belongs to pool ${owner?.finding.label.pool}: its metadata device is missing; bring it back`;
}

/** The configured devices must be those that the label lists, and large enough for what lies on them. */
function layoutMismatch(label: Label, observations: readonly Observation[]): string[] {
  const listed = membersOf(label.extents);
  const given = observations.map((each) => each.role);
  const lacking = listed.filter((member) => !given.includes(member));
  if (label.backing === "devices" && lacking.length > 0) {
    return [
      `disk ${lacking.join(" and disk ")} of the pool is not among devices: a pool does not give up a disk; name it again`,
    ];
  }
  if (listed.join() !== given.join()) {
    return [
      `the pool was made of ${listed.join(", ")}; configured are ${given.join(", ")}: configure it as it was made`,
    ];
  }
  return observations.flatMap(({ role, path, size, finding }) => {
    const least = memberEnd(label.extents, role);
    return finding.kind === "absent" || size >= least
      ? []
      : [
          `${path}: has ${formatBytes(size)} (${size} bytes), but the pool uses ${least} bytes of it: it was cut; restore it`,
        ];
  });
}

const overwrites = (observations: readonly Observation[]): Overwrite[] =>
  observations.flatMap(({ path, finding }) =>
    finding.kind === "foreign" ? [{ path, what: finding.what }] : [],
  );

function resume(label: Label, observations: readonly Observation[], problems: string[]): Decision {
  for (const each of observations) {
    if (hasLabel(each) && each.finding.label.state === "ready") {
      problems.push(
        `${each.path}: says that its pool is complete, the metadata device says it is not: that is an old copy; bring the right one back`,
      );
    }
  }
  return problems.length > 0
    ? refuse(problems)
    : { kind: "resume", label, overwrites: overwrites(observations) };
}

function open(label: Label, observations: readonly Observation[], problems: string[]): Decision {
  const behind: Member[] = [];
  for (const each of observations) {
    if (!hasLabel(each)) {
      problems.push(
        `${each.path}: has no dmthin label, but pool ${label.pool} is complete: the ${each.role} device is missing or was wiped; bring it back`,
      );
    } else if (each.finding.label.sequence > label.sequence) {
      problems.push(
        `${each.path}: is newer than the metadata device: that is an old copy; bring the right one back`,
      );
    } else if (each.finding.label.sequence < label.sequence - 1) {
      problems.push(
        `${each.path}: is older than the metadata device: it is an old copy; bring the right one back`,
      );
    } else if (!each.finding.whole || each.finding.label.sequence !== label.sequence) {
      behind.push(each.role);
    }
  }
  return problems.length > 0 ? refuse(problems) : { kind: "open", label, behind };
}
