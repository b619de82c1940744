/** Kubernetes' objects, as far as they say whose a volume or a snapshot is, and where drivers run. Pure. */
import { z } from "zod";
import { ParseError } from "../core/errors.ts";
import { DRIVER_NAME } from "../core/ids.ts";

const text = z.string();
const named = z.object({ name: text, namespace: text.optional() });
const listOf = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item) });

const volumes = listOf(
  z.object({
    metadata: named,
    spec: z.object({
      csi: z.object({ driver: text, volumeHandle: text }).optional(),
      claimRef: z.object({ namespace: text, name: text }).optional(),
    }),
  }),
);
const pods = listOf(
  z.object({
    metadata: named,
    spec: z.object({
      nodeName: text.optional(),
      volumes: z
        .array(
          z.object({
            name: text,
            persistentVolumeClaim: z.object({ claimName: text }).optional(),
            ephemeral: z.unknown().optional(),
          }),
        )
        .optional(),
    }),
    status: z.object({ phase: text.optional() }).optional(),
  }),
);
const contents = listOf(
  z.object({
    metadata: named,
    spec: z.object({ driver: text, volumeSnapshotRef: z.object({ namespace: text, name: text }) }),
    status: z.object({ snapshotHandle: text.optional() }).optional(),
  }),
);
const nodes = listOf(z.object({ metadata: named }));
const driverPods = listOf(
  z.object({
    metadata: z.object({
      name: text,
      creationTimestamp: text.optional(),
      deletionTimestamp: text.optional(),
    }),
    spec: z.object({ nodeName: text.optional() }),
    status: z
      .object({
        containerStatuses: z
          .array(z.object({ name: text, state: z.object({ running: z.unknown().optional() }).optional() }))
          .optional(),
      })
      .optional(),
  }),
);

export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

/** By CSI's id of the volume. */
export interface Owner {
  readonly persistentVolume: string;
  readonly claim?: NamespacedName;
}

/** Throws ParseError. */
export function ownersOf(json: string): ReadonlyMap<string, Owner> {
  const owners = new Map<string, Owner>();
  for (const { metadata, spec } of parse("persistentvolumes", volumes, json).items) {
    if (spec.csi?.driver !== DRIVER_NAME) continue;
    const claim = spec.claimRef;
    owners.set(spec.csi.volumeHandle, {
      persistentVolume: metadata.name,
      ...(claim === undefined ? {} : { claim: { namespace: claim.namespace, name: claim.name } }),
    });
  }
  return owners;
}

/** Names of pods that have not ended, by `namespace/claim`. Throws ParseError. */
export function usersOf(json: string): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  for (const { metadata, spec, status } of parse("pods", pods, json).items) {
    if (status?.phase === "Succeeded" || status?.phase === "Failed") continue;
    for (const volume of spec.volumes ?? []) {
      // The claim of a generic ephemeral volume is named after pod and volume.
      const claim =
        volume.persistentVolumeClaim?.claimName ??
        (volume.ephemeral === undefined ? undefined : `${metadata.name}-${volume.name}`);
      if (claim === undefined) continue;
      const key = keyOf({ namespace: metadata.namespace ?? "", name: claim });
      users.set(key, [...(users.get(key) ?? []), metadata.name]);
    }
  }
  return users;
}

export const keyOf = ({ namespace, name }: NamespacedName): string => `${namespace}/${name}`;

/** The VolumeSnapshot, by CSI's id of the snapshot. Throws ParseError. */
export function snapshotOwnersOf(json: string): ReadonlyMap<string, NamespacedName> {
  const owners = new Map<string, NamespacedName>();
  for (const { spec, status } of parse("volumesnapshotcontents", contents, json).items) {
    const { namespace, name } = spec.volumeSnapshotRef;
    if (spec.driver === DRIVER_NAME && status?.snapshotHandle !== undefined)
      owners.set(status.snapshotHandle, { namespace, name });
  }
  return owners;
}

/** Throws ParseError. */
export const nodeNamesOf = (json: string): readonly string[] =>
  parse("nodes", nodes, json).items.map(({ metadata }) => metadata.name);

/** Node → the pod whose driver runs there; undefined where none does. Throws ParseError. */
export function driversOf(json: string): ReadonlyMap<string, string | undefined> {
  const drivers = new Map<string, string | undefined>();
  const byAge = parse("pods", driverPods, json).items.toSorted((one, other) =>
    (one.metadata.creationTimestamp ?? "") < (other.metadata.creationTimestamp ?? "") ? -1 : 1,
  );
  for (const { metadata, spec, status } of byAge) {
    if (spec.nodeName === undefined) continue;
    const driver = status?.containerStatuses?.find(({ name }) => name === "driver");
    const runs = metadata.deletionTimestamp === undefined && driver?.state?.running !== undefined;
    drivers.set(spec.nodeName, runs ? metadata.name : drivers.get(spec.nodeName));
  }
  return drivers;
}

function parse<Schema extends z.ZodType>(what: string, schema: Schema, json: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ParseError(`kubectl get ${what}`, "text", json.slice(0, 80), "JSON");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ParseError(`kubectl get ${what}`, issue?.path.join(".") ?? "", issue?.message ?? "", "a list");
}
