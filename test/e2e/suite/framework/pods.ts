/** Pods with a volume, and their claims. */
import type {
  CoreV1Event,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
} from "@kubernetes/client-node";

import { claim, pod, type ClaimOptions, type PodOptions } from "./manifests.ts";
import { nameOf } from "./settings.ts";
import { expect, type World } from "./world.ts";

const START_MS = 300_000;

/** Applies a pod with the tools, and waits until it runs. Without a command it does nothing. */
export async function startPod(world: World, options: Omit<PodOptions, "image">): Promise<V1Pod> {
  await applyPod(world, options);
  return untilRunning(world, options.name);
}

export function applyPod(world: World, options: Omit<PodOptions, "image">): Promise<void> {
  return world.apply(pod({ image: world.cluster.settings.image, ...options }));
}

/** Ready, to be exact. Throws at once where it has ended instead. */
export function untilRunning(world: World, name: string, timeoutMs = START_MS): Promise<V1Pod> {
  return world.phase("pods start", () =>
    world.watch<V1Pod, V1Pod>({
      get: ["pods", `--field-selector=metadata.name=${name}`],
      what: `pod ${name} runs`,
      timeoutMs,
      judge: ([found]) => {
        const phase = found?.status?.phase;
        if (phase === "Failed" || phase === "Succeeded") throw new Error(`pod ${name} has ended: ${phase}`);
        return found !== undefined && isReady(found) ? found : undefined;
      },
    }),
  );
}

export const isReady = ({ metadata, status }: V1Pod): boolean =>
  metadata?.deletionTimestamp === undefined &&
  status?.conditions?.some(({ type, status: holds }) => type === "Ready" && holds === "True") === true;

export const nodeOf = ({ spec }: V1Pod): string => spec?.nodeName ?? "";

/** Deletes pods and waits for their end: their volumes are unmounted then, and page caches of them are cold. */
export function endPods(world: World, ...names: readonly string[]): Promise<void> {
  return world.phase("pods end", () => world.delete("pods", names));
}

export const applyClaim = (world: World, options: ClaimOptions): Promise<void> => world.apply(claim(options));

/** Waits until it is bound; the claim as it is then. */
export function untilBound(
  world: World,
  name: string,
  timeoutMs = START_MS,
): Promise<V1PersistentVolumeClaim> {
  return world.phase("claims bind", () =>
    world.watch<V1PersistentVolumeClaim, V1PersistentVolumeClaim>({
      get: ["persistentvolumeclaims", `--field-selector=metadata.name=${name}`],
      what: `claim ${name} is bound`,
      timeoutMs,
      judge: ([found]) => (found?.status?.phase === "Bound" ? found : undefined),
    }),
  );
}

/** The PersistentVolume of a claim that is bound. */
export async function volumeOf(world: World, claimName: string): Promise<V1PersistentVolume> {
  const found = await world.get<V1PersistentVolumeClaim>("persistentvolumeclaims", claimName);
  const name = found.spec?.volumeName;
  expect(name !== undefined, `claim ${claimName} has no volume`);
  return world.kubectl.json<V1PersistentVolume>(["get", "persistentvolumes", name]);
}

/** The topology value that a volume is tied to. */
export function topologyOf({ spec }: V1PersistentVolume): string {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const values = terms
    .flatMap(({ matchExpressions }) => matchExpressions ?? [])
    .flatMap((each) => each.values ?? []);
  expect(values.length === 1, `a volume is tied to ${values.length} nodes`);
  return values[0] ?? "";
}

/** The node's name of a volume. */
export function ownerOf(world: World, volume: V1PersistentVolume): string {
  const topology = topologyOf(volume);
  const node = world.cluster.nodes.find((each) => each.topology === topology);
  expect(node !== undefined, `${nameOf(volume)} is tied to ${topology}, which is no node of the driver`);
  return node.name;
}

/** A claim and a pod that uses it, running. */
export async function startWithClaim(
  world: World,
  claimOptions: ClaimOptions,
  podOptions: Partial<PodOptions> = {},
): Promise<V1Pod> {
  await applyClaim(world, claimOptions);
  return startPod(world, {
    name: claimOptions.name,
    claim: claimOptions.name,
    block: claimOptions.block === true,
    ...podOptions,
  });
}

/** Waits for an Event about an object of the scenario's namespace. */
export function untilEvent(
  world: World,
  about: { readonly kind: string; readonly name: string },
  pattern: RegExp,
  timeoutMs?: number,
): Promise<CoreV1Event> {
  return world.phase("other waits", () =>
    world.watch<CoreV1Event, CoreV1Event>({
      get: ["events", `--field-selector=involvedObject.kind=${about.kind},involvedObject.name=${about.name}`],
      what: `an Event of ${about.kind}/${about.name} says ${pattern}`,
      judge: (events) => events.find(({ reason, message }) => pattern.test(`${reason}: ${message}`)),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }),
  );
}
