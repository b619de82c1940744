/** Calls of all kinds at random, several at a time, on few objects: most of them succeed, and all may be refused by rule. */
import { randomUUID } from "node:crypto";

import { status, type ServiceError } from "@grpc/grpc-js";

import type { CsiClient } from "../../support/csi-client.ts";
import { fromSnapshot, fromVolume, type TestVolume, type VolumeLife } from "../../support/volume-life.ts";
import type { Random } from "../random.ts";

/** Codes that a caller has to expect while others work on the same objects. */
const BY_RULE: ReadonlySet<number> = new Set([
  status.ABORTED,
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.RESOURCE_EXHAUSTED,
  status.OUT_OF_RANGE,
]);
const MIB = 1n << 20n;
const MOST_OBJECTS = 12;

export class MixedOperations {
  readonly #csi: () => CsiClient;
  readonly #life: VolumeLife;
  readonly #random: Random;
  readonly #volumes = new Map<string, TestVolume>();
  readonly #snapshots = new Set<string>();
  readonly #groups = new Map<string, readonly string[]>();
  done = 0;
  refused = 0;

  constructor(csi: () => CsiClient, life: VolumeLife, random: Random) {
    this.#csi = csi;
    this.#life = life;
    this.#random = random;
  }

  /** `count` calls, `width` at a time. Throws what no rule allows. */
  async perform(count: number, width: number): Promise<void> {
    const goal = this.done + count;
    const lane = async (): Promise<void> => {
      while (this.done < goal) {
        this.done += 1;
        await this.#one();
      }
    };
    await Promise.all(Array.from({ length: width }, lane));
  }

  async deleteAll(): Promise<void> {
    for (const [id, members] of this.#groups) await this.#deleteGroup(id, members);
    for (const id of this.#snapshots) await this.#csi().controller.deleteSnapshot({ snapshot_id: id });
    for (const id of this.#volumes.keys()) await this.#csi().controller.deleteVolume({ volume_id: id });
    for (const all of [this.#groups, this.#snapshots, this.#volumes]) all.clear();
  }

  async #one(): Promise<void> {
    try {
      await this.#call();
    } catch (error) {
      if (!BY_RULE.has((error as ServiceError).code)) throw error;
      this.refused += 1;
    }
  }

  async #call(): Promise<unknown> {
    const { controller, identity } = this.#csi();
    const volume = this.#random.pick([...this.#volumes.values()]);
    const snapshot = this.#random.pick([...this.#snapshots]);
    const group = this.#random.pick([...this.#groups]);
    const full = this.#volumes.size + this.#snapshots.size >= MOST_OBJECTS;
    const kind = this.#random.between(0, full ? 11 : 19);
    if (kind <= 2 && volume !== undefined) return this.#deleteVolume(volume);
    if (kind <= 5 && snapshot !== undefined) return this.#deleteSnapshot(snapshot);
    if (kind === 6 && group !== undefined) return this.#deleteGroup(...group);
    if (kind === 7) return controller.listVolumes({});
    if (kind === 8) return controller.listSnapshots({});
    if (kind === 9) return controller.getCapacity({});
    if (kind === 10) return identity.probe({});
    if (kind === 11 && volume !== undefined) return this.#life.enlarge(volume, volume.size + 4n * MIB);
    if (kind <= 13 && volume !== undefined) return this.#cut(volume);
    if (kind === 14 && volume !== undefined) return this.#cutGroup(volume);
    if (kind === 15 && volume !== undefined) return this.#make(fromVolume(volume), volume.size);
    if (kind === 16 && snapshot !== undefined)
      return this.#make(fromSnapshot({ snapshot_id: snapshot }), 64n * MIB);
    return full ? controller.listVolumes({}) : this.#make();
  }

  async #make(source?: Parameters<VolumeLife["copy"]>[1], size = 16n * MIB): Promise<void> {
    const name = `soak-${randomUUID()}`;
    const volume =
      source === undefined
        ? await this.#life.create(name, "block", size)
        : await this.#life.copy(name, source, "block", size);
    this.#volumes.set(volume.id, volume);
  }

  async #cut(volume: TestVolume): Promise<void> {
    const { snapshot_id } = await this.#life.snapshot(`soak-${randomUUID()}`, volume);
    this.#snapshots.add(snapshot_id);
  }

  async #cutGroup(volume: TestVolume): Promise<void> {
    const others = [...this.#volumes.keys()].filter((id) => id !== volume.id).slice(0, 2);
    const { group_snapshot } = await this.#csi().groupController.createVolumeGroupSnapshot({
      name: `soak-${randomUUID()}`,
      source_volume_ids: [volume.id, ...others],
    });
    const members = group_snapshot?.snapshots.map(({ snapshot_id }) => snapshot_id) ?? [];
    this.#groups.set(group_snapshot?.group_snapshot_id ?? "", members);
  }

  async #deleteVolume(volume: TestVolume): Promise<void> {
    this.#volumes.delete(volume.id);
    await this.#life.delete(volume).catch((error: unknown) => {
      this.#volumes.set(volume.id, volume);
      throw error;
    });
  }

  async #deleteSnapshot(id: string): Promise<void> {
    this.#snapshots.delete(id);
    await this.#csi()
      .controller.deleteSnapshot({ snapshot_id: id })
      .catch((error: unknown) => {
        this.#snapshots.add(id);
        throw error;
      });
  }

  async #deleteGroup(id: string, members: readonly string[]): Promise<void> {
    this.#groups.delete(id);
    await this.#csi()
      .groupController.deleteVolumeGroupSnapshot({ group_snapshot_id: id, snapshot_ids: [...members] })
      .catch((error: unknown) => {
        this.#groups.set(id, members);
        throw error;
      });
  }
}
