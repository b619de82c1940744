/** Plays the part of csi-provisioner, csi-snapshotter and kubelet: the same calls, the same kinds of paths. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { DmName } from "../src/core/ids.ts";
import { isPoolName, parseId, thinDeviceName } from "../src/core/ids.ts";
import type { Bytes } from "../src/core/units.ts";
import { bytes } from "../src/core/units.ts";
import type { VolumeCapability, VolumeContentSource } from "../src/generated/csi.ts";
import type { CsiClient } from "../test/support/csi-client.ts";

export type Content = "ext4" | "xfs" | "block";

/** A volume in the hands of the demo. */
export interface DemoVolume {
  readonly name: string;
  readonly id: string;
  readonly content: Content;
  readonly size: Bytes;
  readonly device: DmName;
  /** Where the driver mounts it once for the node. */
  readonly stagingPath: string;
  /** Where a pod sees it. */
  readonly targetPath: string;
}

export class Kubelet {
  readonly #directory: string;
  readonly #pool: string;
  readonly #csi: () => CsiClient;
  readonly #published = new Map<string, DemoVolume>();

  constructor(options: { readonly directory: string; readonly pool: string; readonly csi: () => CsiClient }) {
    this.#directory = options.directory;
    this.#pool = options.pool;
    this.#csi = options.csi;
  }

  /** Volumes that some pod uses now. */
  get published(): readonly DemoVolume[] {
    return [...this.#published.values()];
  }

  async createVolume(
    name: string,
    content: Content,
    size: Bytes,
    source?: VolumeContentSource,
  ): Promise<DemoVolume> {
    const { volume } = await this.#csi().controller.createVolume({
      name,
      capacity_range: { required_bytes: size.toString() },
      volume_capabilities: [capabilityFor(content)],
      parameters: { pool: this.#pool },
      ...(source === undefined ? {} : { volume_content_source: source }),
    });
    if (volume === null) throw new Error("CreateVolume answered no volume");
    return {
      name,
      id: volume.volume_id,
      content,
      size: bytes(BigInt(volume.capacity_bytes)),
      device: this.#deviceOf(volume.volume_id),
      ...this.#paths(name, content),
    };
  }

  /** NodeStageVolume: the driver activates, formats if new, checks and mounts. */
  async stage(volume: DemoVolume): Promise<void> {
    await mkdir(volume.stagingPath, { recursive: true });
    await this.#csi().node.nodeStageVolume({
      volume_id: volume.id,
      staging_target_path: volume.stagingPath,
      volume_capability: capabilityFor(volume.content),
    });
  }

  /** NodePublishVolume: the volume appears in a pod's directory. */
  async publish(volume: DemoVolume): Promise<void> {
    await mkdir(dirname(volume.targetPath), { recursive: true });
    await this.#csi().node.nodePublishVolume({
      volume_id: volume.id,
      staging_target_path: volume.stagingPath,
      target_path: volume.targetPath,
      volume_capability: capabilityFor(volume.content),
    });
    this.#published.set(volume.id, volume);
  }

  async use(volume: DemoVolume): Promise<void> {
    await this.stage(volume);
    await this.publish(volume);
  }

  /** NodeUnpublishVolume and NodeUnstageVolume. */
  async release(volume: DemoVolume): Promise<void> {
    await this.#csi().node.nodeUnpublishVolume({ volume_id: volume.id, target_path: volume.targetPath });
    await this.#csi().node.nodeUnstageVolume({
      volume_id: volume.id,
      staging_target_path: volume.stagingPath,
    });
    this.#published.delete(volume.id);
  }

  /** ControllerExpandVolume, then NodeExpandVolume as kubelet does. Answers the size that the node reports. */
  async grow(volume: DemoVolume, size: Bytes): Promise<Bytes> {
    const range = { required_bytes: size.toString() };
    const { node_expansion_required } = await this.#csi().controller.controllerExpandVolume({
      volume_id: volume.id,
      capacity_range: range,
      volume_capability: capabilityFor(volume.content),
    });
    if (!node_expansion_required) throw new Error("ControllerExpandVolume asks for no node expansion");
    const { capacity_bytes } = await this.#csi().node.nodeExpandVolume({
      volume_id: volume.id,
      volume_path: volume.targetPath,
      staging_target_path: volume.stagingPath,
      capacity_range: range,
      volume_capability: capabilityFor(volume.content),
    });
    return bytes(BigInt(capacity_bytes));
  }

  #deviceOf(volumeId: string): DmName {
    const parsed = parseId(volumeId);
    if (parsed === undefined || !isPoolName(this.#pool)) throw new Error(`not a volume id: ${volumeId}`);
    return thinDeviceName(this.#pool, parsed.key);
  }

  #paths(name: string, content: Content): Pick<DemoVolume, "stagingPath" | "targetPath"> {
    const plugins = `${this.#directory}/plugins/kubernetes.io/csi`;
    return content === "block"
      ? {
          stagingPath: `${plugins}/volumeDevices/staging/${name}`,
          targetPath: `${plugins}/volumeDevices/publish/${name}/pod-${name}`,
        }
      : {
          stagingPath: `${plugins}/csi.dmthin.io/${name}/globalmount`,
          targetPath: `${this.#directory}/pods/pod-${name}/volumes/kubernetes.io~csi/${name}/mount`,
        };
  }
}

function capabilityFor(content: Content): VolumeCapability {
  const mode = { mode: "SINGLE_NODE_WRITER" } as const;
  return content === "block"
    ? { access_mode: mode, block: {} }
    : { access_mode: mode, mount: { fs_type: content } };
}
