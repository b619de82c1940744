/** PersistentVolumes as csi-provisioner and the volume binder leave them. */
import { CoreV1Api, type KubeConfig, type V1PersistentVolume } from "@kubernetes/client-node";
import { DRIVER_NAME } from "../../src/core/ids.ts";

export interface VolumeObject {
  readonly name: string;
  readonly handle: string;
  /** Of its claim, in namespace `apps`; `Released`: the claim has gone. */
  readonly claim: string;
  readonly phase?: "Bound" | "Released";
  readonly policy?: "Delete" | "Retain";
  readonly driver?: string;
}

export async function installVolume(admin: KubeConfig, volume: VolumeObject): Promise<void> {
  const core = admin.makeApiClient(CoreV1Api);
  const { name, handle, claim, phase = "Bound", policy = "Delete", driver = DRIVER_NAME } = volume;
  const body: V1PersistentVolume = {
    metadata: { name },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "1Gi" },
      csi: { driver, volumeHandle: handle },
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace: "apps",
        name: claim,
        uid: `uid-of-${claim}`,
      },
      persistentVolumeReclaimPolicy: policy,
      storageClassName: "dmthin",
    },
  };
  await core.createPersistentVolume({ body });
  const made = await core.readPersistentVolume({ name });
  await core.replacePersistentVolumeStatus({ name, body: Object.assign(made, { status: { phase } }) });
}
