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
  /** Its own reclaim policy, `Delete`, `Retain`, …; of one that is retained only until it has moved, the one that it had. */
  readonly policy: string;
  /** Whether its reclaim policy is Retain now. */
  readonly isRetained: boolean;
  /** `Bound`, `Released`, … */
  readonly phase: string;
  readonly finalizers: readonly string[];
  /** Somebody has deleted it; finalizers hold it. */
  readonly isLeaving: boolean;
  readonly claim?: VolumeClaim;
  /** The node's value of the topology label; absent: it does not name exactly one. */
  readonly home?: string;
}

/** What was noted down before a PersistentVolume was touched. */
export interface RehomeNote {
  readonly before: VolumeSight;
  readonly to: string;
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
  readonly notes: readonly RehomeNote[];
}

/** In this order, for each PersistentVolume. Each may be repeated. */
export type RehomeStep =
  /**
   * Its reclaim policy, in one write with what it was: from here on nobody deletes the volume behind it. So it is before the note: that
   * one which is noted and gone was deleted by nobody else than this command is true only then.
   */
  | { readonly kind: "retain" }
  /** Its whole text, into a ConfigMap. */
  | { readonly kind: "note" }
  /** The object alone; the finalizers that protect it from this are taken away. */
  | { readonly kind: "remove" }
  | { readonly kind: "create" }
  /** The policy it had, once Kubernetes has it in the phase it was in. */
  | { readonly kind: "restore-policy" }
  | { readonly kind: "forget" };

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
  const noted = new Map(sight.notes.map((note) => [note.before.name, note]));
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

function fateOf(volume: VolumeSight | undefined, note: RehomeNote | undefined, { to }: RehomeSight): Fate {
  if (note !== undefined) return fateOfNoted(volume, note, to);
  if (volume === undefined) throw new RangeError("neither there nor noted");
  const { name, home } = volume;
  if (home === to) return { kind: "done", name };
  const problem = objectionTo(volume);
  if (problem !== undefined) return { kind: "left", name, problem };
  return {
    kind: "plan",
    plan: planOf(volume, [...retained(volume), { kind: "note" }, { kind: "remove" }, ...afterwards(volume)]),
  };
}

function objectionTo(volume: VolumeSight): string | undefined {
  const { home, isLeaving, finalizers } = volume;
  if (home === undefined) return "its node affinity does not name one node by dmthin's label alone";
  if (isLeaving) return "somebody has deleted it, and it is about to go";
  if (isBeingDeleted(volume)) return "its claim is gone, and it is being deleted with its volume";
  const foreign = finalizers.filter((each) => !KNOWN_FINALIZERS.includes(each));
  return foreign.length === 0 ? undefined : `others hold it: finalizers ${foreign.join(", ")}`;
}

/** csi-provisioner has begun with it, or is about to. */
export const isBeingDeleted = ({ phase, isRetained }: VolumeSight): boolean =>
  !isRetained && (phase === "Released" || phase === "Failed");

/** It was begun before. Nobody but this command deletes a PersistentVolume that is noted, and not yet made again. */
function fateOfNoted(volume: VolumeSight | undefined, note: RehomeNote, to: string): Fate {
  const { before } = note;
  const { name } = before;
  if (note.to !== to)
    return {
      kind: "left",
      name,
      problem: `it is on its way to ${note.to}: end that first (--to ${note.to})`,
    };
  if (volume === undefined) return { kind: "plan", plan: planOf(before, afterwards(before)) };
  if (volume.uid === before.uid) {
    const foreign = volume.finalizers.filter((each) => !KNOWN_FINALIZERS.includes(each));
    if (foreign.length > 0)
      return { kind: "left", name, problem: `others hold it: finalizers ${foreign.join(", ")}` };
    if (isBeingDeleted(volume))
      return { kind: "left", name, problem: "its claim is gone, and somebody took Retain away" };
    return {
      kind: "plan",
      plan: planOf(before, [...retained(volume), { kind: "remove" }, ...afterwards(before)]),
    };
  }
  if (volume.handle !== before.handle || volume.home !== to || volume.claim?.uid !== before.claim?.uid)
    return {
      kind: "left",
      name,
      problem: "another one of its name is there now, and is not what was to be made; what it was is noted",
    };
  if (before.phase === "Bound" && volume.phase === "Released")
    return {
      kind: "plan",
      plan: {
        ...planOf(before, [{ kind: "forget" }]),
        remark: `its claim is gone: its reclaim policy stays ${volume.policy}`,
      },
    };
  return { kind: "plan", plan: planOf(before, [...policyBack(before), { kind: "forget" }]) };
}

const retained = ({ isRetained }: VolumeSight): readonly RehomeStep[] =>
  isRetained ? [] : [{ kind: "retain" }];

const afterwards = (before: VolumeSight): readonly RehomeStep[] => [
  { kind: "create" },
  ...policyBack(before),
  { kind: "forget" },
];

const policyBack = ({ policy }: VolumeSight): readonly RehomeStep[] =>
  policy === RETAIN ? [] : [{ kind: "restore-policy" }];

function planOf({ name, claim, home = "", policy }: VolumeSight, steps: readonly RehomeStep[]): VolumePlan {
  return {
    name,
    ...(claim === undefined ? {} : { claim: `${claim.namespace}/${claim.name}` }),
    from: home,
    policy,
    steps,
  };
}
