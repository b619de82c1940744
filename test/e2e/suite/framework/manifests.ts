/** Objects as users write them. */
import type { V1PersistentVolumeClaim, V1Pod, V1PodSpec, V1StorageClass } from "@kubernetes/client-node";

import { DRIVER_NAME } from "../../../../src/core/ids.ts";
import type { KubeObject } from "./kubectl.ts";

export const MOUNT_PATH = "/data";
export const DEVICE_PATH = "/dev/volume";

export interface ClaimOptions {
  readonly name: string;
  readonly class: string;
  /** A quantity. */
  readonly size: string;
  readonly mode?: "ReadWriteOnce" | "ReadWriteOncePod" | "ReadWriteMany";
  readonly block?: boolean;
  readonly source?: { readonly snapshot: string } | { readonly claim: string };
  /** Static: binds to that PersistentVolume. */
  readonly volume?: string;
}

export function claim(options: ClaimOptions) {
  const { source } = options;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: options.name },
    spec: {
      accessModes: [options.mode ?? "ReadWriteOnce"],
      storageClassName: options.class,
      resources: { requests: { storage: options.size } },
      volumeMode: options.block === true ? "Block" : "Filesystem",
      ...(options.volume === undefined ? {} : { volumeName: options.volume }),
      ...(source === undefined
        ? {}
        : {
            dataSource:
              "snapshot" in source
                ? { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: source.snapshot }
                : { kind: "PersistentVolumeClaim", name: source.claim },
          }),
    },
  } satisfies V1PersistentVolumeClaim;
}

export interface PodOptions {
  readonly name: string;
  readonly image: string;
  readonly claim: string;
  readonly block?: boolean;
  /** Only there. */
  readonly node?: string;
  /** There, if it can be. */
  readonly preferred?: string;
  /** Runs for a day unless given. */
  readonly command?: readonly string[];
  readonly mount?: { readonly readOnly?: boolean; readonly subPath?: string };
  readonly labels?: Readonly<Record<string, string>>;
  readonly security?: V1PodSpec["securityContext"];
}

export function pod(options: PodOptions): V1Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: options.name, labels: { ...options.labels } },
    spec: podSpec(options),
  };
}

/** One container, called `main`, with one volume. No grace: its processes do not listen to signals. */
export function podSpec(options: Omit<PodOptions, "name" | "labels">) {
  const { image, node, preferred, security } = options;
  const volume = { name: "volume", persistentVolumeClaim: { claimName: options.claim } };
  return {
    restartPolicy: "Never",
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(node === undefined ? {} : { nodeSelector: { "kubernetes.io/hostname": node } }),
    ...(preferred === undefined ? {} : { affinity: preferenceFor(preferred) }),
    ...(security === undefined ? {} : { securityContext: security }),
    volumes: [volume],
    containers: [
      {
        name: "main",
        image,
        imagePullPolicy: "IfNotPresent",
        command: [...(options.command ?? ["sleep", "86400"])],
        ...(options.block === true
          ? { volumeDevices: [{ name: "volume", devicePath: DEVICE_PATH }] }
          : { volumeMounts: [{ name: "volume", mountPath: MOUNT_PATH, ...options.mount }] }),
      },
    ],
  } satisfies V1PodSpec;
}

const preferenceFor = (node: string): NonNullable<V1PodSpec["affinity"]> => ({
  nodeAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        preference: {
          matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }],
        },
      },
    ],
  },
});

export interface ClassOptions {
  readonly name: string;
  readonly pool?: string;
  readonly filesystem?: "ext4" | "xfs" | "btrfs";
  readonly binding?: "Immediate" | "WaitForFirstConsumer";
  readonly reclaim?: "Delete" | "Retain";
  readonly mkfsOptions?: string;
  readonly mountOptions?: readonly string[];
}

export function storageClass(options: ClassOptions): V1StorageClass {
  const { pool, filesystem, mkfsOptions, mountOptions } = options;
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: options.name },
    provisioner: DRIVER_NAME,
    parameters: {
      ...(pool === undefined ? {} : { pool }),
      ...(mkfsOptions === undefined ? {} : { mkfsOptions }),
      ...(filesystem === undefined ? {} : { "csi.storage.k8s.io/fstype": filesystem }),
    },
    ...(mountOptions === undefined ? {} : { mountOptions: [...mountOptions] }),
    reclaimPolicy: options.reclaim ?? "Delete",
    volumeBindingMode: options.binding ?? "WaitForFirstConsumer",
    allowVolumeExpansion: true,
  };
}

export const SNAPSHOT_API = "snapshot.storage.k8s.io/v1";

export const snapshotClass = (name: string): KubeObject & Readonly<Record<string, unknown>> => ({
  apiVersion: SNAPSHOT_API,
  kind: "VolumeSnapshotClass",
  metadata: { name },
  driver: DRIVER_NAME,
  deletionPolicy: "Delete",
});

export const snapshot = (
  name: string,
  className: string,
  source: { readonly persistentVolumeClaimName: string } | { readonly volumeSnapshotContentName: string },
): KubeObject & Readonly<Record<string, unknown>> => ({
  apiVersion: SNAPSHOT_API,
  kind: "VolumeSnapshot",
  metadata: { name },
  spec: { volumeSnapshotClassName: className, source },
});
