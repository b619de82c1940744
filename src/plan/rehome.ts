/**
 * A pool has moved to another node: what is to be done with each PersistentVolume that says it were on the old one. Pure.
 *
 * Kubernetes lets nobody change where a PersistentVolume is, so each is deleted and made again under its name, with its claim. What
 * it was is noted down before; a plan that was cut short is planned again from the notes and from what is there. Why no two calls can
 * come in each other's way: docs/adr/0027-persistent-volumes-are-made-again.md.
 */
import type { PoolUuid } from "../core/ids.ts";

export interface VolumeClaim {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What the call that is at work on a PersistentVolume has written on it. */
export interface Mark {
  /** The reclaim policy that it had. */
  readonly policy: string;
  /** The uid of the claim that had it; empty: none. */
  readonly claim: string;
  /** Of the call whose turn it is: whoever takes it ends the turn of any other, which sees that before its next write. */
  readonly turn: string;
}

/** A PersistentVolume of the pool, or one that has the name of a noted one. */
export interface VolumeSight {
  readonly name: string;
  readonly uid: string;
  /** The resourceVersion of this text of it: of two texts the later one has the higher number. */
  readonly revision: bigint;
  /** CSI's id of the volume. */
  readonly handle: string;
  /** The reclaim policy that it is to have in the end: its own; of one that is retained only until it has moved, the one that it had. */
  readonly policy: string;
  /** Whether its reclaim policy is Retain now. */
  readonly isRetained: boolean;
  /** Of one that was retained in order to be moved. */
  readonly mark?: Mark;
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
  readonly notes: readonly RehomeNote[];
}

/** A PersistentVolume as it was noted down in a turn, before it was deleted. Nobody changes a note. */
export interface RehomeNote {
  /** Of the ConfigMap. */
  readonly name: string;
  readonly before: VolumeSight;
}

/** In this order, for each PersistentVolume. Each may be repeated. */
export type RehomeStep =
  /**
   * Takes the turn, and Retain with it, in one write: from here on nobody deletes the volume behind it. So it is before the note: that
   * one which is noted and gone was deleted by nobody else than this command is true only then.
   */
  | { readonly kind: "retain" }
  /** Its whole text, with the mark, into a ConfigMap of this turn. */
  | { readonly kind: "note" }
  /** The object alone; the finalizers that protect it from this are taken away. */
  | { readonly kind: "remove" }
  | { readonly kind: "create" }
  /** All notes that this plan knows. Before the policy is back: one that is noted is retained as long. */
  | { readonly kind: "forget" }
  /** The policy it had, once Kubernetes says that its claim has it, and no mark; where its claim is gone, it stays retained. */
  | { readonly kind: "restore-policy" };

export interface VolumePlan {
  readonly name: string;
  /** Of the one that is there; absent: it is made from the last of `notes`. */
  readonly uid?: string;
  /** Whose it is now; absent: nobody's. */
  readonly turn?: string;
  /** It is about to go. */
  readonly isLeaving: boolean;
  /** Names of those that are done with when it is. */
  readonly notes: readonly string[];
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
  const present = new Map(sight.volumes.map((volume) => [volume.name, volume]));
  const notes = Map.groupBy(sight.notes, ({ before }) => before.name);
  const names = [...new Set([...present.keys(), ...notes.keys()])].toSorted();
  const fates = names.map((name) => fateOf(present.get(name), notes.get(name) ?? [], sight));
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

function fateOf(volume: VolumeSight | undefined, notes: readonly RehomeNote[], { to }: RehomeSight): Fate {
  const sorted = inOrder(notes);
  const before = volume ?? sorted.at(-1)?.before;
  if (before === undefined) throw new RangeError("neither there nor noted");
  const { name, handle } = before;
  if (sorted.some((note) => note.before.handle !== handle))
    return {
      kind: "left",
      name,
      problem: `its name was another volume's, and that is noted: ConfigMap ${sorted.map((note) => note.name).join(", ")}`,
    };
  if (volume === undefined) return planned(before, sorted, AFTERWARDS);
  const isNoted = sorted.some((note) => note.before.uid === volume.uid);
  if (volume.home === to && !volume.isLeaving) return fateAtHome(volume, sorted, isNoted);
  const problem = objectionTo(volume, isNoted);
  return problem === undefined
    ? planned(volume, sorted, WHOLE, { uid: volume.uid })
    : { kind: "left", name, problem };
}

/** One note, but for calls that were at it at once: then what it says last counts. */
export const inOrder = <Note extends RehomeNote>(notes: readonly Note[]): readonly Note[] =>
  notes.toSorted(({ before: one }, { before: other }) =>
    one.revision < other.revision ? -1 : one.revision > other.revision ? 1 : 0,
  );

/** It is where it should be. `isNoted`: as it is, so the pool has come home again. Whoever is at it must stop. */
function fateAtHome(volume: VolumeSight, notes: readonly RehomeNote[], isNoted: boolean): Fate {
  const { name, uid, mark } = volume;
  if (!isNoted && mark === undefined)
    return notes.length > 0 ? planned(volume, notes, [{ kind: "forget" }], { uid }) : { kind: "done", name };
  if (isBeingDeleted(volume)) return { kind: "left", name, problem: BEING_DELETED };
  const steps = [{ kind: "retain" }, { kind: "forget" }, { kind: "restore-policy" }] as const;
  return planned(volume, notes, steps, { uid });
}

const BEING_DELETED = "its claim is gone, and it is being deleted with its volume";

/** `isNoted`: so it may have been this command that deleted it. */
function objectionTo(volume: VolumeSight, isNoted: boolean): string | undefined {
  const { home, isLeaving, finalizers } = volume;
  if (home === undefined) return "its node affinity does not name one node by dmthin's label alone";
  if (isLeaving && !isNoted) return "somebody has deleted it, and it is about to go";
  if (isBeingDeleted(volume)) return BEING_DELETED;
  const foreign = finalizers.filter((each) => !KNOWN_FINALIZERS.includes(each));
  return foreign.length === 0 ? undefined : `others hold it: finalizers ${foreign.join(", ")}`;
}

/** Its claim is gone. csi-provisioner deletes what is so and has the policy Delete, and its volume with it. */
export const isReleased = ({ phase }: Pick<VolumeSight, "phase">): boolean =>
  phase === "Released" || phase === "Failed";

/** csi-provisioner has begun with it, or is about to. */
export const isBeingDeleted = (volume: VolumeSight): boolean => !volume.isRetained && isReleased(volume);

const AFTERWARDS: readonly RehomeStep[] = [
  { kind: "create" },
  { kind: "forget" },
  { kind: "restore-policy" },
];
const WHOLE: readonly RehomeStep[] = [
  { kind: "retain" },
  { kind: "note" },
  { kind: "remove" },
  ...AFTERWARDS,
];

function planned(
  volume: VolumeSight,
  notes: readonly RehomeNote[],
  steps: readonly RehomeStep[],
  more: Pick<VolumePlan, "uid"> = {},
): Fate {
  const { name, claim, home = "", policy, mark, isLeaving } = volume;
  const staysRetained = isReleased(volume) && policy === RETAIN && (mark ?? { policy }).policy !== RETAIN;
  const plan = {
    name,
    ...(mark === undefined ? {} : { turn: mark.turn }),
    isLeaving: isLeaving && more.uid !== undefined,
    notes: notes.map((note) => note.name),
    ...(claim === undefined ? {} : { claim: `${claim.namespace}/${claim.name}` }),
    from: home,
    policy,
    steps,
    ...(staysRetained ? { remark: STAYS_RETAINED } : {}),
    ...more,
  };
  return { kind: "plan", plan };
}

/** Of one that was to get its policy back. */
export const STAYS_RETAINED = `its claim is gone: its reclaim policy stays ${RETAIN}, and its volume is a person's to delete`;
