/** The life of volumes as csi-provisioner, csi-snapshotter and kubelet lead it: the same calls, the same kinds of paths. */
import { mkdir, rmdir } from "node:fs/promises";
import { dirname } from "node:path";

import type {
  CreateVolumeRequest,
  Snapshot__Output,
  VolumeCapability,
  VolumeCapability_AccessMode_Mode,
  VolumeContentSource,
  VolumeUsage__Output,
} from "../../src/generated/csi.ts";
import { parseId } from "../../src/core/ids.ts";
import type { CsiClient } from "./csi-client.ts";

export type Content = "ext4" | "xfs" | "btrfs" | "block";

export const FILESYSTEMS = ["ext4", "xfs", "btrfs"] as const;

/** Sizes that are taken as they are. */
export const SMALL: Readonly<Record<Content, bigint>> = {
  ext4: 64n << 20n,
  xfs: 300n << 20n,
  btrfs: 256n << 20n,
  block: 64n << 20n,
};

/** Of all volumes together; they are there from the start. */
export const SHARED_DIRECTORIES = [
  "pods",
  "plugins/kubernetes.io/csi/csi.dmthin.io",
  "plugins/kubernetes.io/csi/volumeDevices/staging",
  "plugins/kubernetes.io/csi/volumeDevices/publish",
] as const;

export interface TestVolume {
  readonly name: string;
  readonly id: string;
  readonly content: Content;
  /** Bytes, as answered by CreateVolume. */
  readonly size: bigint;
  /** Name of its dm device. */
  readonly device: string;
  readonly stagingPath: string;
  /** Where the first pod has it. */
  readonly targetPath: string;
}

export interface Usage {
  readonly mode?: VolumeCapability_AccessMode_Mode;
  readonly flags?: readonly string[];
  /** Another capability than the volume's own. */
  readonly content?: Content;
}

export interface PublishUsage extends Usage {
  readonly target?: string;
  readonly readonly?: boolean;
}

export function capabilityOf(
  content: Content,
  { mode = "SINGLE_NODE_WRITER", flags = [] }: Usage = {},
): VolumeCapability {
  const access_mode = { mode };
  return content === "block"
    ? { access_mode, block: {} }
    : { access_mode, mount: { fs_type: content, mount_flags: [...flags] } };
}

export const fromSnapshot = (snapshot: Pick<Snapshot__Output, "snapshot_id">): VolumeContentSource => ({
  snapshot: { snapshot_id: snapshot.snapshot_id },
});
export const fromVolume = (volume: TestVolume): VolumeContentSource => ({ volume: { volume_id: volume.id } });

export class VolumeLife {
  readonly #csi: () => CsiClient;
  readonly #directory: string;
  readonly #pool: string;

  /** `csi` is asked for at each call: the driver may have been restarted in between. */
  constructor(options: {
    readonly csi: () => CsiClient;
    readonly kubeletDirectory: string;
    readonly pool: string;
  }) {
    this.#csi = options.csi;
    this.#directory = options.kubeletDirectory;
    this.#pool = options.pool;
  }

  async create(
    name: string,
    content: Content,
    size: bigint = SMALL[content],
    changes: CreateVolumeRequest = {},
  ): Promise<TestVolume> {
    const { volume } = await this.#csi().controller.createVolume({
      name,
      capacity_range: { required_bytes: size.toString() },
      volume_capabilities: [capabilityOf(content)],
      ...changes,
    });
    if (volume === null) throw new Error("CreateVolume answered no volume");
    return this.known(name, volume.volume_id, content, BigInt(volume.capacity_bytes));
  }

  /** A volume that was created before. */
  known(name: string, id: string, content: Content, size: bigint): TestVolume {
    const device = `dmthin-${this.#pool}-v-${parseId(id)?.key}`;
    return { name, id, content, size, device, ...this.#paths(name, content) };
  }

  copy(name: string, source: VolumeContentSource, content: Content, size: bigint): Promise<TestVolume> {
    return this.create(name, content, size, { volume_content_source: source });
  }

  async stage(volume: TestVolume, usage: Usage = {}): Promise<void> {
    await mkdir(volume.stagingPath, { recursive: true });
    await this.#csi().node.nodeStageVolume({
      volume_id: volume.id,
      staging_target_path: volume.stagingPath,
      volume_capability: capabilityOf(usage.content ?? volume.content, usage),
    });
  }

  async publish(volume: TestVolume, usage: PublishUsage = {}): Promise<void> {
    const target = usage.target ?? volume.targetPath;
    await mkdir(dirname(target), { recursive: true });
    await this.#csi().node.nodePublishVolume({
      volume_id: volume.id,
      staging_target_path: volume.stagingPath,
      target_path: target,
      volume_capability: capabilityOf(usage.content ?? volume.content, usage),
      readonly: usage.readonly ?? false,
    });
  }

  /** A path where another pod of the node would have it. */
  otherTarget(volume: TestVolume, pod: string): string {
    return this.#paths(volume.name, volume.content, pod).targetPath;
  }

  async unpublish(volume: TestVolume, target: string = volume.targetPath): Promise<void> {
    await this.#csi().node.nodeUnpublishVolume({ volume_id: volume.id, target_path: target });
    await removeEmpty(dirname(target), this.#directory);
  }

  async unstage(volume: TestVolume): Promise<void> {
    await this.#csi().node.nodeUnstageVolume({
      volume_id: volume.id,
      staging_target_path: volume.stagingPath,
    });
    await removeEmpty(volume.stagingPath, this.#directory);
  }

  async use(volume: TestVolume, usage: Usage = {}): Promise<void> {
    await this.stage(volume, usage);
    await this.publish(volume, usage);
  }

  async release(volume: TestVolume): Promise<void> {
    await this.unpublish(volume);
    await this.unstage(volume);
  }

  async delete(...volumes: readonly TestVolume[]): Promise<void> {
    for (const { id } of volumes) await this.#csi().controller.deleteVolume({ volume_id: id });
  }

  /** Unpublish, unstage, delete. */
  async end(...volumes: readonly TestVolume[]): Promise<void> {
    for (const volume of volumes) {
      await this.release(volume);
      await this.delete(volume);
    }
  }

  async snapshot(name: string, volume: TestVolume): Promise<Snapshot__Output> {
    const { snapshot } = await this.#csi().controller.createSnapshot({ name, source_volume_id: volume.id });
    if (snapshot === null) throw new Error("CreateSnapshot answered no snapshot");
    return snapshot;
  }

  async deleteSnapshots(...snapshots: readonly Snapshot__Output[]): Promise<void> {
    for (const { snapshot_id } of snapshots) await this.#csi().controller.deleteSnapshot({ snapshot_id });
  }

  /** ControllerExpandVolume. Answers the new size. */
  async enlarge(volume: TestVolume, size: bigint): Promise<bigint> {
    const { capacity_bytes } = await this.#csi().controller.controllerExpandVolume({
      volume_id: volume.id,
      capacity_range: { required_bytes: size.toString() },
      volume_capability: capabilityOf(volume.content),
    });
    return BigInt(capacity_bytes);
  }

  /** NodeExpandVolume; without a size as some callers do it. Answers the size the node reports. */
  async expandOnNode(volume: TestVolume, size?: bigint, path: string = volume.targetPath): Promise<bigint> {
    const { capacity_bytes } = await this.#csi().node.nodeExpandVolume({
      volume_id: volume.id,
      volume_path: path,
      staging_target_path: volume.stagingPath,
      volume_capability: capabilityOf(volume.content),
      ...(size === undefined ? {} : { capacity_range: { required_bytes: size.toString() } }),
    });
    return BigInt(capacity_bytes);
  }

  async stats(volume: TestVolume, path: string = volume.targetPath): Promise<readonly VolumeUsage__Output[]> {
    const { usage } = await this.#csi().node.nodeGetVolumeStats({ volume_id: volume.id, volume_path: path });
    return usage;
  }

  #paths(name: string, content: Content, pod = "first"): Pick<TestVolume, "stagingPath" | "targetPath"> {
    const plugins = `${this.#directory}/plugins/kubernetes.io/csi`;
    return content === "block"
      ? {
          stagingPath: `${plugins}/volumeDevices/staging/${name}`,
          targetPath: `${plugins}/volumeDevices/publish/${name}/${pod}`,
        }
      : {
          stagingPath: `${plugins}/csi.dmthin.io/${name}/globalmount`,
          targetPath: `${this.#directory}/pods/${name}-${pod}/volumes/kubernetes.io~csi/${name}/mount`,
        };
  }
}

/**
 * Directories that kubelet makes and takes away itself, as far as they belong to one volume. What the driver left in
 * them stays, and shows in the state of the machine.
 */
async function removeEmpty(path: string, kubeletDirectory: string): Promise<void> {
  const keep = new Set(SHARED_DIRECTORIES.map((each) => `${kubeletDirectory}/${each}`));
  for (let each = path; !keep.has(each) && each !== kubeletDirectory; each = dirname(each)) {
    try {
      await rmdir(each);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "ENOENT") continue;
      if (code === "ENOTEMPTY") return;
      throw error;
    }
  }
}
