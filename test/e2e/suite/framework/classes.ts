/** StorageClasses and snapshot classes that scenarios share; made at the beginning of a run, deleted at its end. */
import type { Cluster } from "./cluster.ts";
import { snapshotClass, storageClass, type ClassOptions } from "./manifests.ts";

export interface Classes {
  readonly ext4: string;
  readonly xfs: string;
  readonly btrfs: string;
  readonly immediate: string;
  /** Of the small pool. */
  readonly small: string;
  readonly snapshots: string;
  readonly groupSnapshots: string;
}

export const CLASSES: Classes = {
  ext4: "dmthin-e2e-ext4",
  xfs: "dmthin-e2e-xfs",
  btrfs: "dmthin-e2e-btrfs",
  immediate: "dmthin-e2e-immediate",
  small: "dmthin-e2e-small",
  snapshots: "dmthin-e2e",
  groupSnapshots: "dmthin-e2e",
};

export async function makeClasses({
  settings,
  kubectl,
  lacking,
  groupSnapshotVersion,
}: Cluster): Promise<void> {
  const pool = settings.pool === undefined ? {} : { pool: settings.pool };
  const plain: readonly ClassOptions[] = [
    { name: CLASSES.ext4, filesystem: "ext4", ...pool },
    { name: CLASSES.xfs, filesystem: "xfs", ...pool },
    { name: CLASSES.btrfs, filesystem: "btrfs", ...pool },
    { name: CLASSES.immediate, filesystem: "ext4", binding: "Immediate", ...pool },
    ...(settings.smallPool === undefined ? [] : [{ name: CLASSES.small, pool: settings.smallPool }]),
  ];
  await kubectl.apply(settings.namespace, ...plain.map(storageClass));
  if (!lacking.has("snapshots")) await kubectl.apply(settings.namespace, snapshotClass(CLASSES.snapshots));
  if (!lacking.has("group-snapshots"))
    await kubectl.apply(settings.namespace, {
      ...snapshotClass(CLASSES.groupSnapshots),
      apiVersion: `groupsnapshot.storage.k8s.io/${groupSnapshotVersion}`,
      kind: "VolumeGroupSnapshotClass",
    });
}

export async function deleteClasses({ kubectl, lacking }: Cluster): Promise<void> {
  const { ext4, xfs, btrfs, immediate, small } = CLASSES;
  const gone = (kind: string, ...names: readonly string[]) =>
    kubectl.run(["delete", kind, ...names, "--ignore-not-found"]);
  await gone("storageclasses", ext4, xfs, btrfs, immediate, small);
  if (!lacking.has("snapshots"))
    await gone("volumesnapshotclasses.snapshot.storage.k8s.io", CLASSES.snapshots);
  if (!lacking.has("group-snapshots"))
    await gone("volumegroupsnapshotclasses.groupsnapshot.storage.k8s.io", CLASSES.groupSnapshots);
}
