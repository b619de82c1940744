/**
 * A pool has moved to another node: what is to be done with each PersistentVolume that says it were on the old one. Pure.
 *
 * Kubernetes lets nobody change where a PersistentVolume is, so each is deleted and made again under its name, with its claim. What
 * it was is noted down before; a plan that was cut short is planned again from the notes and from what is there.
 */
import type { PoolUuid } from "../core/ids.ts";

export interface VolumeClaim {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** A PersistentVolume of the pool, or one that has the name of a noted one. */
export interface VolumeSight {
  readonly name: string;
  readonly uid: string;
  /** CSI's id of the volume. */
  readonly handle: string;
  /** The reclaim policy that it is to have in the end: its own; of one that is retained only until it has moved, the one that it had. */
  readonly policy: string;
  /** Whether its reclaim policy is Retain now. */
  readonly isRetained: boolean;
  /** Whether it says that it was retained in order to be moved. */
  readonly isMarked: boolean;
  /** `Bound`, `Released`, … */
  readonly phase: string;
  readonly finalizers: readonly string[];
  /** Somebody has deleted it; finalizers hold it. */
  readonly isLeaving: boolean;
  readonly claim?: VolumeClaim;
  /** The node's value of the topology label; absent: it does not name exactly one. */
  readonly home?: string;
}

export interface RehomeSight {
  readonly pool: PoolUuid;
  /** The new node, and its value of the topology label. */
  readonly node: string;
  readonly to: string;
  /** What the Node object has for that label; absent: nothing, or there is no such Node. */
  readonly label?: string;
  /** Nodes of which a ThinPool says that the pool is open there; absent: nothing is known. */
  readonly reportedBy?: readonly string[];
  readonly volumes: readonly VolumeSight[];
  /** PersistentVolumes as they were when they were noted down, each before it was deleted. */
  readonly noted: readonly VolumeSight[];
}

/** In this order, for each PersistentVolume. Each may be repeated. */
export type RehomeStep =
  /**
   * Its reclaim policy, in one write with a mark that says what it was: from here on nobody deletes the volume behind it. So it is before
   * the note: that one which is noted and gone was deleted by nobody else than this command is true only then.
   */
  | { readonly kind: "retain" }
  /** Its whole text, with the mark, into a ConfigMap. */
  | { readonly kind: "note" }
  /** The object alone; the finalizers that protect it from this are taken away. */
  | { readonly kind: "remove" }
  | { readonly kind: "create" }
  /** Before the policy is back: one that is noted is retained as long. */
  | { readonly kind: "forget" }
  /** The policy it had, once Kubernetes says that its claim has it, and no mark; where its claim is gone, it stays retained. */
  | { readonly kind: "restore-policy" };

export interface VolumePlan {
  readonly name: string;
  readonly claim?: string;
  readonly from: string;
  /** As it was before anything was done. */
  readonly policy: string;
  readonly steps: readonly RehomeStep[];
  /** For people, beside the steps. */
  readonly remark?: string;
}

export interface RehomePlan {
  /** Nothing at all is done with one of these. */
  readonly refused: readonly string[];
  readonly volumes: readonly VolumePlan[];
  /** There already. */
  readonly done: readonly string[];
  /** Those that must be left as they are, each with the reason. */
  readonly left: readonly { readonly name: string; readonly problem: string }[];
}

/** The one reclaim policy with which nobody deletes what is behind a PersistentVolume. */
export const RETAIN = "Retain";
/** Kubernetes' own, while a claim has it; and csi-provisioner's, so that it is asked before the volume is lost. */
export const KNOWN_FINALIZERS: readonly string[] = [
  "kubernetes.io/pv-protection",
  "external-provisioner.volume.kubernetes.io/finalizer",
];

export function planRehome(sight: RehomeSight): RehomePlan {
  const noted = new Map(sight.noted.map((before) => [before.name, before]));
  const present = new Map(sight.volumes.map((volume) => [volume.name, volume]));
  const names = [...new Set([...present.keys(), ...noted.keys()])].toSorted();
  const fates = names.map((name) => fateOf(present.get(name), noted.get(name), sight));
  return {
    refused: objections(sight),
    volumes: fates.flatMap((fate) => (fate.kind === "plan" ? [fate.plan] : [])),
    done: fates.flatMap((fate) => (fate.kind === "done" ? [fate.name] : [])),
    left: fates.flatMap((fate) => (fate.kind === "left" ? [{ name: fate.name, problem: fate.problem }] : [])),
  };
}

function objections({ node, to, label, reportedBy, pool }: RehomeSight): readonly string[] {
  return [
    ...(label === to
      ? []
      : [
          `node ${node} has no label ${to} of dmthin: no driver has registered there, or there is no such node`,
        ]),
    ...(reportedBy === undefined || reportedBy.length === 0 || reportedBy.includes(node)
      ? []
      : [`pool ${pool} is open on ${reportedBy.join(", ")}, and not on ${node}`]),
  ];
}

type Fate =
  | { readonly kind: "plan"; readonly plan: VolumePlan }
  | { readonly kind: "done"; readonly name: string }
  | { readonly kind: "left"; readonly name: string; readonly problem: string };

function fateOf(volume: VolumeSight | undefined, before: VolumeSight | undefined, { to }: RehomeSight): Fate {
  if (before !== undefined) return fateOfNoted(volume, before, to);
  if (volume === undefined) throw new RangeError("neither there nor noted");
  const { name, home, isMarked, isLeaving } = volume;
  if (home === to)
    return isMarked && !isLeaving ? planned(volume, unmarking(volume)) : { kind: "done", name };
  const problem = objectionTo(volume);
  return problem === undefined ? planned(volume, wholeMove(volume)) : { kind: "left", name, problem };
}

function objectionTo(volume: VolumeSight): string | undefined {
  const { home, isLeaving, finalizers } = volume;
  if (home === undefined) return "its node affinity does not name one node by dmthin's label alone";
  if (isLeaving) return "somebody has deleted it, and it is about to go";
  if (isBeingDeleted(volume)) return "its claim is gone, and it is being deleted with its volume";
  const foreign = finalizers.filter((each) => !KNOWN_FINALIZERS.includes(each));
  return foreign.length === 0 ? undefined : `others hold it: finalizers ${foreign.join(", ")}`;
}

/** Its claim is gone. csi-provisioner deletes what is so and has the policy Delete, and its volume with it. */
export const isReleased = ({ phase }: Pick<VolumeSight, "phase">): boolean =>
  phase === "Released" || phase === "Failed";

/** csi-provisioner has begun with it, or is about to. */
export const isBeingDeleted = (volume: VolumeSight): boolean => !volume.isRetained && isReleased(volume);

/**
 * It was begun before, for this node or for another. Nobody but this command deletes a PersistentVolume that is noted, and not yet made
 * again; where it was made again, it says itself.
 */
function fateOfNoted(volume: VolumeSight | undefined, before: VolumeSight, to: string): Fate {
  if (volume === undefined) return planned(before, afterwards(before));
  return volume.uid === before.uid ? fateOfUntouched(volume, before, to) : fateOfMade(volume, before, to);
}

function fateOfUntouched(volume: VolumeSight, before: VolumeSight, to: string): Fate {
  const { name, home, isLeaving, finalizers } = volume;
  // The pool has come home again. What somebody has deleted cannot stay, though.
  if (home === to && !isLeaving) return planned(volume, [{ kind: "forget" }, ...unmarking(volume)]);
  const foreign = finalizers.filter((each) => !KNOWN_FINALIZERS.includes(each));
  if (foreign.length > 0)
    return { kind: "left", name, problem: `others hold it: finalizers ${foreign.join(", ")}` };
  if (isBeingDeleted(volume))
    return { kind: "left", name, problem: "its claim is gone, and somebody took Retain away" };
  return planned(before, [...retained(volume), { kind: "remove" }, ...afterwards(before)]);
}

function fateOfMade(volume: VolumeSight, before: VolumeSight, to: string): Fate {
  const { name, home, handle, claim } = volume;
  if (handle !== before.handle || home === undefined || claim?.uid !== before.claim?.uid)
    return {
      kind: "left",
      name,
      problem: "another one of its name is there now, and is not what was to be made; what it was is noted",
    };
  if (home === to) return planned(volume, [{ kind: "forget" }, ...unmarking(volume)]);
  // It was made for another node than this one: its note has done its work, and it is as any other.
  const problem = objectionTo(volume);
  if (problem !== undefined) return { kind: "left", name, problem };
  return planned(volume, [{ kind: "forget" }, ...wholeMove(volume)]);
}

const wholeMove = (volume: VolumeSight): readonly RehomeStep[] => [
  ...retained(volume),
  { kind: "note" },
  { kind: "remove" },
  ...afterwards(volume),
];

const retained = ({ isRetained }: VolumeSight): readonly RehomeStep[] =>
  isRetained ? [] : [{ kind: "retain" }];

/** `before`: as it is noted, or will be. One that is not retained yet is marked by then. */
const afterwards = (before: VolumeSight): readonly RehomeStep[] => [
  { kind: "create" },
  { kind: "forget" },
  ...unmarking({ isMarked: before.isMarked || !before.isRetained }),
];

const unmarking = ({ isMarked }: Pick<VolumeSight, "isMarked">): readonly RehomeStep[] =>
  isMarked ? [{ kind: "restore-policy" }] : [];

function planned(volume: VolumeSight, steps: readonly RehomeStep[]): Fate {
  const { name, claim, home = "", policy, isMarked } = volume;
  const plan = {
    name,
    ...(claim === undefined ? {} : { claim: `${claim.namespace}/${claim.name}` }),
    from: home,
    policy,
    steps,
    ...(isMarked && isReleased(volume) ? { remark: STAYS_RETAINED } : {}),
  };
  return { kind: "plan", plan };
}

/** Of one that was to get its policy back. */
export const STAYS_RETAINED = `its claim is gone: its reclaim policy stays ${RETAIN}, and its volume is a person's to delete`;
