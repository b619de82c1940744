/** Raw volumes of one pool, staged as soon as they are made, and overwritten as a whole. */
import type { VolumeContentSource, VolumeGroupSnapshot__Output } from "../../../src/generated/csi.ts";
import { run } from "../../support/machine-state.ts";
import type { TestVolume, VolumeLife } from "../../support/volume-life.ts";
import { MIB, type FullBench, type FullPool } from "./full-bench.ts";

/** No more is overwritten between two commits of the kernel than a small pool holds back for that. */
const CHUNK = 16n * MIB;

export class RawPool {
  readonly #bench: FullBench;
  readonly #pool: FullPool;

  constructor(bench: FullBench, name: string) {
    this.#bench = bench;
    this.#pool = bench.pool(name);
  }

  get life(): VolumeLife {
    return this.#pool.life;
  }

  available(): Promise<bigint> {
    return this.#pool.available();
  }

  async create(name: string, size: bigint, source?: VolumeContentSource): Promise<TestVolume> {
    const origin = source === undefined ? {} : { volume_content_source: source };
    const volume = await this.#pool.create(name, "block", size, {
      parameters: { pool: this.#pool.name },
      ...origin,
    });
    await this.life.stage(volume);
    return volume;
  }

  /** Every byte of it, past the page cache. */
  async fill(volume: TestVolume): Promise<void> {
    for (let at = 0n; at < volume.size; at += CHUNK) {
      const place = [`seek=${at / MIB}`, `count=${CHUNK / MIB}`, "bs=1M", "oflag=direct", "conv=notrunc"];
      await run("dd", "if=/dev/zero", `of=/dev/mapper/${volume.device}`, ...place);
      await this.status();
    }
  }

  async remove(volume: TestVolume): Promise<void> {
    await this.life.unstage(volume);
    await this.life.delete(volume);
  }

  async createGroup(name: string, members: readonly TestVolume[]): Promise<VolumeGroupSnapshot__Output> {
    const { group_snapshot } = await this.#groups.createVolumeGroupSnapshot({
      name,
      source_volume_ids: members.map(({ id }) => id),
    });
    if (group_snapshot === null) throw new Error("CreateVolumeGroupSnapshot answered no group");
    return group_snapshot;
  }

  async deleteGroup({ group_snapshot_id, snapshots }: VolumeGroupSnapshot__Output): Promise<void> {
    const snapshot_ids = snapshots.map(({ snapshot_id }) => snapshot_id);
    await this.#groups.deleteVolumeGroupSnapshot({ group_snapshot_id, snapshot_ids });
  }

  /** The kernel commits before it answers. */
  async status(): Promise<{ readonly mode: string; readonly used: bigint; readonly total: bigint }> {
    await run("dmsetup", "status", `dmthin-${this.#pool.name}-pool`);
    const { mode, used, total } = await this.#pool.status();
    return { mode, used, total };
  }

  get #groups(): FullBench["driver"]["client"]["groupController"] {
    return this.#bench.driver.client.groupController;
  }
}
