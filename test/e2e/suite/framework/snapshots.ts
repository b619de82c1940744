/** Snapshots of claims. */
import { snapshot } from "./manifests.ts";
import type { KubeObject } from "./kubectl.ts";
import { expect, type World } from "./world.ts";

export const SNAPSHOTS = "volumesnapshots.snapshot.storage.k8s.io";
export const SNAPSHOT_CLASSES = "volumesnapshotclasses.snapshot.storage.k8s.io";
export const CONTENTS = "volumesnapshotcontents.snapshot.storage.k8s.io";

interface SnapshotError {
  readonly message?: string;
}

export interface VolumeSnapshot extends KubeObject {
  readonly status?: {
    readonly readyToUse?: boolean;
    readonly boundVolumeSnapshotContentName?: string;
    readonly restoreSize?: string;
    readonly error?: SnapshotError;
  };
}

export interface VolumeSnapshotContent extends KubeObject {
  readonly spec: { readonly volumeSnapshotRef: { readonly name: string } };
  readonly status?: { readonly snapshotHandle?: string; readonly readyToUse?: boolean };
}

export async function takeSnapshot(world: World, name: string, claim: string): Promise<VolumeSnapshot> {
  await world.apply(snapshot(name, world.classes.snapshots, { persistentVolumeClaimName: claim }));
  return untilReadyToUse(world, name);
}

export function untilReadyToUse(world: World, name: string): Promise<VolumeSnapshot> {
  return world.phase("snapshots", () =>
    world.watch<VolumeSnapshot, VolumeSnapshot>({
      get: [SNAPSHOTS, `--field-selector=metadata.name=${name}`],
      what: `snapshot ${name} is ready`,
      judge: ([found]) => (found?.status?.readyToUse === true ? found : undefined),
    }),
  );
}

export async function contentOf(world: World, name: string): Promise<VolumeSnapshotContent> {
  const { status } = await world.get<VolumeSnapshot>(SNAPSHOTS, name);
  const content = status?.boundVolumeSnapshotContentName;
  expect(content !== undefined, `snapshot ${name} has no content`);
  return world.kubectl.json<VolumeSnapshotContent>(["get", CONTENTS, content]);
}
