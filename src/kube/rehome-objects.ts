/** PersistentVolumes and the notes about them, as the API server has them, and as `plan/rehome.ts` sees them. Pure. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { DRIVER_NAME, parseId, TOPOLOGY_KEY, type PoolUuid } from "../core/ids.ts";
import { isReleased, RETAIN, type Mark, type RehomeNote, type VolumeSight } from "../plan/rehome.ts";

const affinitySchema = z.object({
  required: z
    .object({
      nodeSelectorTerms: z.array(
        z.object({
          matchExpressions: z
            .array(
              z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() }),
            )
            .optional(),
          matchFields: z.array(z.unknown()).optional(),
        }),
      ),
    })
    .optional(),
});

const volumeSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    finalizers: z.array(z.string()).optional(),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.looseObject({
    csi: z.looseObject({ driver: z.string(), volumeHandle: z.string() }).optional(),
    persistentVolumeReclaimPolicy: z.string().default(RETAIN),
    claimRef: z
      .looseObject({ namespace: z.string(), name: z.string(), uid: z.string().default("") })
      .optional(),
    nodeAffinity: affinitySchema.optional(),
  }),
  status: z.looseObject({ phase: z.string().default("") }).default({ phase: "" }),
});

export type VolumeObject = z.infer<typeof volumeSchema>;

/** Every field is kept, known here or not. */
export const parseVolume = (value: unknown): VolumeObject => volumeSchema.parse(value);

export const isOfPool = ({ spec: { csi } }: VolumeObject, pool: PoolUuid): boolean => {
  if (csi?.driver !== DRIVER_NAME) return false;
  const id = parseId(csi.volumeHandle);
  return id?.kind === "volume" && id.pool === pool;
};

const MARK = "dmthin.io/rehome";

const markSchema = z.object({ policy: z.string(), claim: z.string(), turn: z.string() });

/** One that is none of ours says nothing: others can write an annotation, too. */
function markOf({ metadata }: VolumeObject): Mark | undefined {
  try {
    return markSchema.parse(JSON.parse(metadata.annotations?.[MARK] ?? ""));
  } catch {
    return undefined;
  }
}

/** Changes for a merge patch: retained, and of that turn, in a way that what its policy is to be in the end is known, … */
export function retention(volume: VolumeObject, turn: string) {
  const mark: Mark = { policy: policyOf(volume), claim: volume.spec.claimRef?.uid ?? "", turn };
  return {
    metadata: { annotations: { [MARK]: JSON.stringify(mark) } },
    spec: { persistentVolumeReclaimPolicy: RETAIN },
  };
}

/** … and of that policy again, with nothing left to say about it. */
export const restoration = (policy: string) => ({
  metadata: { annotations: { [MARK]: null } },
  spec: { persistentVolumeReclaimPolicy: policy },
});

/**
 * Only what a CSI driver's volumes have but Retain. And for that claim alone, as long as it is there: whoever has the volume without it
 * has it because it is retained.
 */
function policyOf(volume: VolumeObject): string {
  const { spec, status } = volume;
  const now = spec.persistentVolumeReclaimPolicy;
  const mark = markOf(volume);
  const isIts = mark?.claim === (spec.claimRef?.uid ?? "") && !isReleased(status);
  return now === RETAIN && mark?.policy === "Delete" && isIts ? "Delete" : now;
}

export function sightOf(volume: VolumeObject): VolumeSight {
  const { metadata, spec, status } = volume;
  const home = homeOf(spec.nodeAffinity);
  const mark = markOf(volume);
  const { claimRef } = spec;
  return {
    name: metadata.name,
    uid: metadata.uid,
    revision: BigInt(metadata.resourceVersion),
    handle: spec.csi?.volumeHandle ?? "",
    policy: policyOf(volume),
    isRetained: spec.persistentVolumeReclaimPolicy === RETAIN,
    ...(mark === undefined ? {} : { mark }),
    phase: status.phase,
    finalizers: metadata.finalizers ?? [],
    isLeaving: metadata.deletionTimestamp !== undefined,
    ...(claimRef === undefined
      ? {}
      : { claim: { namespace: claimRef.namespace, name: claimRef.name, uid: claimRef.uid } }),
    ...(home === undefined ? {} : { home }),
  };
}

/** Whether nobody has said anything else about it since. */
export const isSameText = (one: VolumeObject, other: VolumeObject): boolean =>
  isDeepStrictEqual(textOf(one), textOf(other));

const textOf = ({ metadata: { labels = {}, annotations = {} }, spec }: VolumeObject): object => ({
  labels,
  annotations,
  spec,
});

/** Where each term names the same one node by dmthin's label, and says nothing else: any other condition has a reason. */
function homeOf(affinity: z.infer<typeof affinitySchema> | undefined): string | undefined {
  const terms = affinity?.required?.nodeSelectorTerms ?? [];
  const homes = terms.map(({ matchExpressions = [], matchFields = [] }) => {
    const [only, ...others] = matchExpressions;
    if (only === undefined || others.length > 0 || matchFields.length > 0) return undefined;
    const [value, ...further] = only.values ?? [];
    return only.key === TOPOLOGY_KEY && only.operator === "In" && further.length === 0 ? value : undefined;
  });
  return new Set(homes).size === 1 ? homes[0] : undefined;
}

/** What is made anew: of the name, with all that was said about it and the mark, at its new place. It is kept until its policy is restored. */
export function movedVolume({ metadata, spec }: VolumeObject, to: string): object {
  const { name, labels, annotations, finalizers } = metadata;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, labels, annotations, finalizers },
    spec: {
      ...spec,
      persistentVolumeReclaimPolicy: RETAIN,
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: TOPOLOGY_KEY, operator: "In", values: [to] }] }],
        },
      },
    },
  };
}

/** Of each note; its value is the pool. */
export const NOTE_LABEL = "dmthin.io/rehome";

/** Of all notes of that pool. */
export const notesOf = (pool: PoolUuid): string => `${NOTE_LABEL}=${pool}`;

/** By the turn: what is noted in another one is another note. */
export const noteName = (turn: string): string => `dmthin-rehome-${turn}`;

const noteSchema = z.object({
  metadata: z.object({ name: z.string() }),
  data: z.object({ "volume.json": z.string() }),
});

export interface Note extends RehomeNote {
  readonly object: VolumeObject;
}

export function parseNote(value: unknown): Note {
  const { metadata, data } = noteSchema.parse(value);
  const object = parseVolume(JSON.parse(data["volume.json"]));
  return { name: metadata.name, object, before: sightOf(object) };
}

export const noteObject = (volume: VolumeObject, pool: PoolUuid, turn: string) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: {
    name: noteName(turn),
    labels: { "app.kubernetes.io/name": "dmthin", [NOTE_LABEL]: pool },
    annotations: { "dmthin.io/persistent-volume": volume.metadata.name },
  },
  immutable: true,
  data: { "volume.json": JSON.stringify(volume) },
});

const labelsSchema = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()).optional() }),
});

/** What a Node has for dmthin's topology label. */
export const labelOf = (node: unknown): string | undefined =>
  labelsSchema.parse(node).metadata.labels?.[TOPOLOGY_KEY];

const claimSchema = z.object({
  metadata: z.object({ uid: z.string(), deletionTimestamp: z.string().optional() }),
  status: z.object({ phase: z.string().optional() }).optional(),
});

/** Of a claim by its name: whether it is that one, and stays, and what Kubernetes calls it. */
export function claimState(
  claim: unknown,
  uid: string,
): { readonly isThere: boolean; readonly isLost: boolean } {
  const { metadata, status } = claimSchema.parse(claim);
  const isIts = metadata.uid === uid;
  return {
    isThere: isIts && metadata.deletionTimestamp === undefined,
    isLost: isIts && status?.phase === "Lost",
  };
}

const reportSchema = z.object({
  spec: z.object({ node: z.string() }),
  status: z.object({ uuid: z.string().optional(), mode: z.string().optional() }).optional(),
});

/** The node, where a ThinPool says that this pool is open on it. */
export function openOn(thinPool: unknown, pool: PoolUuid): string | undefined {
  const { spec, status } = reportSchema.parse(thinPool);
  const isOpen = status?.mode !== undefined && !["not-open", "unknown"].includes(status.mode);
  return status?.uuid === pool && isOpen ? spec.node : undefined;
}
