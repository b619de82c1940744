/** What the fuzzer knows of the driver's objects: plausible requests to start from, and the way back to nothing. */
import { readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";

import { parseId } from "../../../src/core/ids.ts";
import { identifyMount, readMountInfo } from "../../../src/host/mount-info.ts";
import { outcomeOf, type NodeBench } from "../../support/node-bench.ts";
import { retried } from "../../support/retried.ts";
import { capabilityOf, type Content } from "../../support/volume-life.ts";
import type { Random } from "../random.ts";
import type { Message } from "./contract.ts";
import type { TextSource } from "./hostile-values.ts";

export const NAMES = ["alpha", "beta", "gamma"] as const;
type Name = (typeof NAMES)[number];
/** What the volume of that name has, most of the time. */
const CONTENTS: Readonly<Record<Name, Content>> = { alpha: "ext4", beta: "block", gamma: "xfs" };
/** How often a request is about one volume and its own paths throughout. */
const CONSISTENT = 0.85;

export class World {
  readonly #bench: NodeBench;
  readonly #badPaths: readonly string[];
  readonly #stagingPaths: readonly string[];
  readonly #targetPaths: readonly string[];
  readonly #kept = new Set<string>();
  /** By id. */
  readonly #names = new Map<string, Name>();
  #volumes: readonly string[] = [];
  #snapshots: readonly string[] = [];
  #groups: readonly string[] = [];

  constructor(bench: NodeBench, badPaths: readonly string[]) {
    this.#bench = bench;
    this.#badPaths = badPaths;
    const { kubeletDirectory } = bench;
    this.#stagingPaths = NAMES.map((name) => `${kubeletDirectory}/plugins/fuzz-${name}`);
    this.#targetPaths = NAMES.flatMap((name) =>
      [1, 2].map((pod) => `${kubeletDirectory}/pods/fuzz-${name}-${pod}`),
    );
  }

  /** A volume that is not the fuzzer's: no request names it. */
  keeping(id: string): this {
    this.#kept.add(id);
    return this;
  }

  /** kubelet makes staging directories before it asks. */
  async start(): Promise<void> {
    for (const path of this.#stagingPaths) await mkdir(path);
  }

  get source(): TextSource {
    return {
      names: NAMES,
      ids: [...this.#volumes, ...this.#snapshots, ...this.#groups],
      paths: [...this.#stagingPaths, ...this.#targetPaths],
      badPaths: this.#badPaths,
    };
  }

  /** Asks the driver what there is. */
  async look(): Promise<void> {
    const { controller } = this.#bench.csi;
    const { entries: volumes } = await controller.listVolumes({});
    const { entries: snapshots } = await controller.listSnapshots({});
    this.#volumes = volumes.map(({ volume }) => volume?.volume_id ?? "").filter((id) => !this.#kept.has(id));
    this.#snapshots = snapshots.map(({ snapshot }) => snapshot?.snapshot_id ?? "");
    this.#groups = [...new Set(snapshots.map(({ snapshot }) => snapshot?.group_snapshot_id ?? ""))].filter(
      (id) => id !== "",
    );
  }

  /** The answer of a CreateVolume that succeeded says which volume has a name. */
  learn(message: Message, response: Message): void {
    const name = NAMES.find((each) => each === message["name"]);
    const { volume_id: id } = (response["volume"] ?? {}) as Message;
    if (name !== undefined && typeof id === "string") this.#names.set(id, name);
  }

  /** A request of any rpc as a sidecar or kubelet could send it. Fields that the rpc does not have do no harm. */
  plausible(random: Random): Message {
    const volume_id = random.pick(this.#volumes) ?? "";
    const own = this.#names.get(volume_id) ?? "alpha";
    const name = random.pick(NAMES) ?? "alpha";
    const used = random.chance(CONSISTENT) ? own : name;
    const { kubeletDirectory } = this.#bench;
    const mode = random.chance(0.5) ? "SINGLE_NODE_WRITER" : "SINGLE_NODE_MULTI_WRITER";
    const staging = `${kubeletDirectory}/plugins/fuzz-${used}`;
    const target = `${kubeletDirectory}/pods/fuzz-${used}-${random.between(1, 2)}`;
    const more = random.chance(0.2) ? 16 : 0;
    return {
      name,
      capacity_range: { required_bytes: String(((CONTENTS[name] === "xfs" ? 300 : 64) + more) << 20) },
      volume_capabilities: [capabilityOf(CONTENTS[name])],
      volume_capability: capabilityOf(CONTENTS[used], { mode }),
      volume_content_source: this.#contentSource(random),
      volume_id,
      source_volume_id: volume_id,
      source_volume_ids: random.sample(this.#volumes, 2),
      snapshot_id: random.pick(this.#snapshots) ?? "",
      group_snapshot_id: random.pick(this.#groups) ?? "",
      snapshot_ids: random.sample(this.#snapshots, 2),
      staging_target_path: staging,
      target_path: target,
      volume_path: random.chance(0.5) ? staging : target,
      max_entries: 0,
    };
  }

  #contentSource(random: Random): unknown {
    const [volume_id, snapshot_id] = [random.pick(this.#volumes), random.pick(this.#snapshots)];
    const roll = random.between(0, 9);
    if (roll === 0 && volume_id !== undefined) return { volume: { volume_id } };
    if (roll === 1 && snapshot_id !== undefined) return { snapshot: { snapshot_id } };
    return undefined;
  }

  /**
   * Unpublishes, unstages and deletes in order, once, by the driver's own calls. Nothing may go on any more of what callers
   * began who have gone (`left-calls.ts`): a mount that appears behind the look would rightly keep its volume, and its
   * path, from being taken down. Rejects where a call is refused, and where something is listed afterwards.
   */
  async clear(): Promise<void> {
    await this.look();
    await this.#takeDown();
    await this.look();
    const listed = [...this.#volumes, ...this.#snapshots];
    if (listed.length > 0) throw new Error(`listed after all was taken down: ${listed.join(", ")}`);
    for (const path of this.#stagingPaths) await rm(path, { recursive: true, force: true });
  }

  async #takeDown(): Promise<void> {
    const { node } = this.#bench.csi;
    // What was mounted last goes first.
    for (const { id, path } of this.#mounted().toReversed()) {
      const unpublish = retried(() => node.nodeUnpublishVolume({ volume_id: id, target_path: path }));
      if ((await outcomeOf(unpublish)).code !== "OK")
        await retried(() => node.nodeUnstageVolume({ volume_id: id, staging_target_path: path }));
    }
    // A raw volume that is staged shows nowhere.
    for (const volume_id of this.#volumes)
      for (const staging_target_path of [...this.#stagingPaths, ...this.#targetPaths])
        await retried(() => node.nodeUnstageVolume({ volume_id, staging_target_path }));
    await this.#deleteAll();
  }

  async #deleteAll(): Promise<void> {
    const { controller, groupController } = this.#bench.csi;
    const { entries } = await controller.listSnapshots({});
    const found = entries.flatMap(({ snapshot }) => (snapshot === null ? [] : [snapshot]));
    for (const group of this.#groups) {
      const members = found.filter((each) => each.group_snapshot_id === group);
      await retried(() =>
        groupController.deleteVolumeGroupSnapshot({
          group_snapshot_id: group,
          snapshot_ids: members.map(({ snapshot_id }) => snapshot_id),
        }),
      );
    }
    for (const { snapshot_id } of found.filter((each) => each.group_snapshot_id === ""))
      await retried(() => controller.deleteSnapshot({ snapshot_id }));
    for (const volume_id of this.#volumes) await retried(() => controller.deleteVolume({ volume_id }));
  }

  /** Volumes of the pool by their mounts in kubelet's directory. */
  #mounted(): readonly { readonly id: string; readonly path: string }[] {
    const entries = readMountInfo();
    return entries
      .filter(({ mountPoint }) => mountPoint.startsWith(`${this.#bench.kubeletDirectory}/`))
      .flatMap((entry) => {
        const { number } = identifyMount(entry, entries) ?? {};
        const id = this.#volumes.find(
          (each) => number !== undefined && keyOfDevice(number) === parseId(each)?.key,
        );
        return id === undefined ? [] : [{ id, path: entry.mountPoint }];
      });
  }
}

function keyOfDevice(number: string): string | undefined {
  return readFileSync(`/sys/dev/block/${number}/dm/uuid`, "utf8").trim().split("-").at(-1);
}
