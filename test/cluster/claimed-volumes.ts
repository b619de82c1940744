/** Claims and PersistentVolumes of one pool, and of what kube-controller-manager does with them the one thing that counts here. */
import { TOPOLOGY_KEY, type PoolUuid } from "../../src/core/ids.ts";
import type { RawApi } from "../../src/kube/raw.ts";

export const POOL = "0123456789abcdef0123456789abcdef" as PoolUuid;
const PROVISIONER = "external-provisioner.volume.kubernetes.io/finalizer";
export const VOLUMES = "/api/v1/persistentvolumes";
const CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims";

export interface Volume {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
    readonly deletionTimestamp?: string;
  };
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly persistentVolumeReclaimPolicy: string;
    readonly claimRef?: { readonly uid: string };
  };
  readonly status: { readonly phase: string };
}

interface List<T> {
  readonly items: readonly T[];
}

export const affinityTo = (node: string) => ({
  required: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: TOPOLOGY_KEY, operator: "In", values: [node] }] }],
  },
});

export class ClaimedVolumes {
  readonly #api: RawApi;
  readonly #notes: string;

  /** `namespace`: where notes are kept. */
  constructor(api: RawApi, namespace: string) {
    this.#api = api;
    this.#notes = `/api/v1/namespaces/${namespace}/configmaps`;
  }

  async all(): Promise<readonly Volume[]> {
    return (await this.#get<List<Volume>>(VOLUMES)).items;
  }

  one(name: string): Promise<Volume> {
    return this.#get(`${VOLUMES}/${name}`);
  }

  async notes(): Promise<number> {
    const { items } = await this.#get<List<Volume>>(this.#notes);
    return items.filter(({ metadata }) => metadata.name.startsWith("dmthin-")).length;
  }

  /** A volume whose claim is there is Bound, one whose claim is gone Released. */
  async bindAll(): Promise<void> {
    // Volumes first: one that is made meanwhile has a claim that the other list would not have.
    const volumes = await this.all();
    const claims = new Set((await this.#get<List<Volume>>(CLAIMS)).items.map(({ metadata }) => metadata.uid));
    for (const { metadata, spec, status } of volumes) {
      const { claimRef } = spec;
      const phase = claimRef === undefined ? "Available" : claims.has(claimRef.uid) ? "Bound" : "Released";
      if (status.phase === phase) continue;
      const path = `${VOLUMES}/${metadata.name}/status`;
      await this.#api.send({ method: "PATCH", path, body: { status: { phase } }, accept: [404, 409] });
    }
  }

  /** A claim and its PersistentVolume `pv-…`, or of another name, on `node-a`, as csi-provisioner makes it. `changes`: of its spec. */
  async provision(
    name: string,
    policy: string,
    changes: object = {},
    volume = `pv-${name}`,
  ): Promise<Volume> {
    const claim = (await this.#api.send({
      method: "POST",
      path: CLAIMS,
      body: claimOf(name, volume),
    })) as Volume;
    const body = volumeOf(volume, name, claim.metadata.uid, {
      persistentVolumeReclaimPolicy: policy,
      ...changes,
    });
    await this.#api.send({ method: "POST", path: VOLUMES, body });
    await this.bindAll();
    return this.one(volume);
  }

  deleteVolume(name: string): Promise<void> {
    return this.#delete(`${VOLUMES}/${name}`);
  }

  async deleteClaim(name: string): Promise<void> {
    await this.#delete(`${CLAIMS}/${name}`);
    await this.bindAll();
  }

  /** As long as a pod has it. */
  async deleteHeldClaim(name: string): Promise<void> {
    const path = `${CLAIMS}/${name}`;
    const body = { metadata: { finalizers: ["kubernetes.io/pvc-protection"] } };
    await this.#api.send({ method: "PATCH", path, body });
    await this.#api.send({ method: "DELETE", path });
  }

  /** A person gives the volume of claim `from`, which goes, to a new one. */
  async rebind(from: string, to: string): Promise<void> {
    await this.deleteClaim(from);
    const path = `${VOLUMES}/pv-${from}`;
    const claim = (await this.#api.send({
      method: "POST",
      path: CLAIMS,
      body: claimOf(to, `pv-${from}`),
    })) as Volume;
    const claimRef = { name: to, uid: claim.metadata.uid, resourceVersion: null };
    await this.#api.send({ method: "PATCH", path, body: { spec: { claimRef } } });
    await this.bindAll();
  }

  async callClaim(name: string, phase: "Bound" | "Lost"): Promise<void> {
    await this.#api.send({ method: "PATCH", path: `${CLAIMS}/${name}/status`, body: { status: { phase } } });
  }

  async clear(): Promise<void> {
    for (const { metadata } of await this.all()) await this.deleteVolume(metadata.name);
    const { items } = await this.#get<List<Volume>>(CLAIMS);
    for (const { metadata } of items) await this.#delete(`${CLAIMS}/${metadata.name}`);
  }

  async #get<T>(path: string): Promise<T> {
    return (await this.#api.send({ method: "GET", path })) as T;
  }

  /** Whatever holds it: the controllers that would let it go do not run here. */
  async #delete(path: string): Promise<void> {
    await this.#api.send({ method: "DELETE", path });
    await this.#api.send({ method: "PATCH", path, body: { metadata: { finalizers: [] } }, accept: [404] });
  }
}

const claimOf = (name: string, volumeName: string): object => ({
  metadata: { name },
  spec: {
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "1Gi" } },
    storageClassName: "dmthin",
    volumeName,
  },
});

const volumeOf = (volume: string, name: string, uid: string, changes: object): object => ({
  metadata: {
    name: volume,
    annotations: { "pv.kubernetes.io/provisioned-by": "csi.dmthin.io" },
    labels: { team: "one" },
    finalizers: [PROVISIONER],
  },
  spec: {
    capacity: { storage: "1Gi" },
    accessModes: ["ReadWriteOnce"],
    storageClassName: "dmthin",
    claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "default", name, uid },
    csi: {
      driver: "csi.dmthin.io",
      volumeHandle: `v-${POOL}-${name.padEnd(20, "0")}`,
      fsType: "ext4",
      volumeAttributes: { "storage.kubernetes.io/csiProvisionerIdentity": "someone" },
    },
    nodeAffinity: affinityTo("node-a"),
    ...changes,
  },
});
