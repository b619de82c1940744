/** A healthy loop pool beside one on a disk that goes bad, one driver for both; and the calls that are made meanwhile. */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { status, type ServiceError } from "@grpc/grpc-js";

import { sha256, writeRandom } from "../../support/content.ts";
import { startDriver, loopPool, type RawConfig, type TestDriver } from "../../support/driver.ts";
import { machineState, run, takeDown, type MachineState } from "../../support/machine-state.ts";
import { outcomeOf } from "../../support/node-bench.ts";
import { capabilityOf, SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../../support/volume-life.ts";
import { scratchDirectory } from "../../support/scratch.ts";
import { BadDisk } from "./bad-disk.ts";

export const DEADLINE_MS = 4000;
/** What a busy machine may add to any call. */
const SLACK_MS = 15_000;
export const ON_BAD = { parameters: { pool: "bad" } };

export class DiskBench {
  readonly directory: string;
  readonly disk: BadDisk;
  readonly calm: VolumeLife;
  readonly bad: VolumeLife;
  #driver: TestDriver | undefined;
  #usual: ReadonlyMap<string, number> = new Map();
  #rounds = 0;

  private constructor(directory: string, disk: BadDisk) {
    this.directory = directory;
    this.disk = disk;
    const lifeIn = (pool: string) =>
      new VolumeLife({ csi: () => this.driver.client, kubeletDirectory: `${directory}/kubelet`, pool });
    [this.calm, this.bad] = [lifeIn("calm"), lifeIn("bad")];
  }

  static async start(): Promise<DiskBench> {
    const bench = new DiskBench(await mkdtemp(`${scratchDirectory()}/failing-disk-`), await BadDisk.lay());
    await bench.begin();
    for (const each of SHARED_DIRECTORIES)
      await mkdir(`${bench.directory}/kubelet/${each}`, { recursive: true });
    bench.#usual = await bench.round();
    return bench;
  }

  get driver(): TestDriver {
    if (this.#driver === undefined) throw new Error("the driver is not running");
    return this.#driver;
  }

  /** A driver; the one before must have ended. */
  async begin(): Promise<void> {
    const { directory, disk } = this;
    const bad: RawConfig = {
      name: "bad",
      backing: "parts",
      data: disk.path("data"),
      metadata: disk.path("metadata"),
      catalog: disk.path("catalog"),
    };
    this.#driver = await startDriver({
      directory,
      pools: [loopPool(directory, "calm", "2GiB"), bad],
      config: { defaultPool: "calm" },
    });
  }

  async end(): Promise<void> {
    await this.driver.stop();
    for (const pool of ["calm", "bad"]) await takeDown(pool, [this.directory]);
    await this.disk.remove();
    await rm(this.directory, { recursive: true });
  }

  /** Of the bad pool's, without what the kernel counts of blocks: files and journals have grown. */
  async state(): Promise<MachineState> {
    const { client, kubeletDirectory } = this.driver;
    const state = await machineState({ pool: "bad", csi: client, kubeletDirectory });
    return { ...state, usedBlocks: "" };
  }

  /** Why the pool is not open, in the driver's words; undefined while it is. */
  async absence(): Promise<string | undefined> {
    const { code, details } = await outcomeOf(this.driver.client.controller.listVolumes({}));
    return code === "OK" ? undefined : details;
  }

  /** Asks again as long as told to, for two minutes: a pool that was absent for long is tried once a minute. */
  readonly again = async <T>(call: () => Promise<T>): Promise<T> => {
    const end = performance.now() + 120_000;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const code = status[(error as ServiceError).code];
        if (!MEANS_RETRY.has(code) || performance.now() > end) throw error;
      }
      await sleep(250);
    }
  };

  /** One call, with a deadline. */
  unpublish(volume: TestVolume): Promise<unknown> {
    const at = { volume_id: volume.id, target_path: volume.targetPath };
    return this.driver.client.node.nodeUnpublishVolume(at, { deadlineMs: DEADLINE_MS });
  }

  /** One call, with a deadline. */
  unstage(volume: TestVolume): Promise<unknown> {
    const at = { volume_id: volume.id, staging_target_path: volume.stagingPath };
    return this.driver.client.node.nodeUnstageVolume(at, { deadlineMs: DEADLINE_MS });
  }

  /** Resolves when the bad pool is open. Where its metadata need a check, it does what the driver says; no pod may use it. */
  async mended(): Promise<void> {
    const end = performance.now() + 120_000;
    for (let repaired = false; ; await sleep(500)) {
      const why = await this.absence();
      if (why === undefined) return;
      if (performance.now() > end) throw new Error(why);
      if (repaired || !why.includes("run dmthin pool repair bad")) continue;
      await this.#repair();
      repaired = true;
    }
  }

  async #repair(): Promise<void> {
    const main = join(import.meta.dirname, "../../../src/main.ts");
    const configuration = ["--config", join(this.directory, "dmthin.yaml")];
    await run(process.execPath, main, "pool", "repair", "bad", ...configuration);
  }

  /** Of the driver, all starts. */
  log(): Promise<string> {
    return readFile(this.driver.log, "utf8");
  }

  /** Commands of the driver that would lose writes. */
  async forcedUnmounts(): Promise<readonly string[]> {
    const lines = (await this.log()).split("\n");
    return lines.filter((line) => /"umount"/.test(line) && /"(-[a-z]*[fl][a-z]*|--force|--lazy)"/.test(line));
  }

  /** Everything about the healthy pool, in milliseconds. */
  async round(): Promise<ReadonlyMap<string, number>> {
    const { calm } = this;
    const times = new Map<string, number>();
    const timed = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
      const begin = performance.now();
      const answer = await call();
      times.set(what, performance.now() - begin);
      return answer;
    };
    const { identity, controller } = this.driver.client;
    const name = `calm-${this.#rounds++}`;
    const { ready } = await timed("Probe", () => identity.probe({}));
    if (ready?.value !== true) throw new Error("the driver is not ready");
    const volume = await timed("CreateVolume", () => calm.create(name, "ext4"));
    await timed("NodeStage", () => calm.stage(volume));
    await timed("NodePublish", () => calm.publish(volume));
    const snapshot = await timed("CreateSnapshot", () => calm.snapshot(name, volume));
    await timed("NodeGetVolumeStats", () => calm.stats(volume));
    await timed("ControllerExpand", () => calm.enlarge(volume, 80n << 20n));
    await timed("NodeExpand", () => calm.expandOnNode(volume));
    // While a pool is absent they would not be complete: refused at once.
    await timed("ListVolumes", () => outcomeOf(controller.listVolumes({})));
    await timed("GetCapacity", () => controller.getCapacity({}));
    await timed("NodeUnpublish", () => calm.unpublish(volume));
    await timed("NodeUnstage", () => calm.unstage(volume));
    await timed("DeleteSnapshot", () => calm.deleteSnapshots(snapshot));
    await timed("DeleteVolume", () => calm.delete(volume));
    return times;
  }

  /** Calls of the round that took so long that they must have waited for the bad disk. Not a speed. */
  tooSlow(times: ReadonlyMap<string, number>): readonly string[] {
    return [...times].flatMap(([what, ms]) =>
      ms > SLACK_MS + 8 * (this.#usual.get(what) ?? 0) ? [`${what} took ${Math.round(ms)} ms`] : [],
    );
  }

  /** Everything one can ask of the bad pool, several times over, each with a deadline. What came of it, sorted. */
  async calls(tag: string, volumes: BadVolumes, times: number): Promise<readonly string[]> {
    const begin = performance.now();
    const asked = Array.from({ length: times }, (_, index) => this.#kinds(`${tag}-${index}`, volumes)).flat();
    const ends = asked.map(async ([kind, call]) => {
      const { code, details } = await outcomeOf(call);
      const late = performance.now() - begin - DEADLINE_MS;
      if (late > SLACK_MS) return `${kind}: ${Math.round(late)} ms after its deadline`;
      return MEANS_RETRY.has(code) ? "" : `${kind}: ${code} ${details}`;
    });
    return [...new Set(await Promise.all(ends))].filter((text) => text !== "").toSorted();
  }

  #kinds(name: string, { written, staged, idle }: BadVolumes): (readonly [string, Promise<unknown>])[] {
    const { controller, groupController, node } = this.driver.client;
    const deadline = { deadlineMs: DEADLINE_MS };
    const volume_capability = capabilityOf("ext4");
    const size = { required_bytes: 64 << 20 };
    const made = { volume_capabilities: [volume_capability], capacity_range: size, ...ON_BAD };
    const target = { target_path: written.targetPath };
    const at = (volume: TestVolume) => ({ volume_id: volume.id, staging_target_path: volume.stagingPath });
    return [
      ["CreateVolume", controller.createVolume({ name, ...made }, deadline)],
      ["CreateSnapshot", controller.createSnapshot({ name, source_volume_id: written.id }, deadline)],
      [
        "CreateSnapshot",
        controller.createSnapshot({ name: `${name}-i`, source_volume_id: idle.id }, deadline),
      ],
      [
        "CreateVolumeGroupSnapshot",
        groupController.createVolumeGroupSnapshot({ name, source_volume_ids: [staged.id] }, deadline),
      ],
      ["NodeStage", node.nodeStageVolume({ ...at(idle), volume_capability }, deadline)],
      ["NodePublish", node.nodePublishVolume({ ...at(written), ...target, volume_capability }, deadline)],
      [
        "NodeGetVolumeStats",
        node.nodeGetVolumeStats({ volume_id: written.id, volume_path: written.targetPath }, deadline),
      ],
      [
        "ControllerExpand",
        controller.controllerExpandVolume(
          { volume_id: idle.id, capacity_range: { required_bytes: 80 << 20 } },
          deadline,
        ),
      ],
    ];
  }

  /** Retries what `calls` asked for, as the sidecars do; then takes it back. */
  async settle(tag: string, { written, staged, idle }: BadVolumes, times: number): Promise<void> {
    const { bad, again } = this;
    const { groupController } = this.driver.client;
    for (let index = 0; index < times; index += 1) {
      const name = `${tag}-${index}`;
      const volume = await again(() => bad.create(name, "ext4", 64n << 20n, ON_BAD));
      const cuts = [
        await again(() => bad.snapshot(name, written)),
        await again(() => bad.snapshot(`${name}-i`, idle)),
      ];
      const { group_snapshot: group } = await again(() =>
        groupController.createVolumeGroupSnapshot({ name, source_volume_ids: [staged.id] }),
      );
      await bad.delete(volume);
      await bad.deleteSnapshots(...cuts);
      await groupController.deleteVolumeGroupSnapshot({
        group_snapshot_id: group?.group_snapshot_id ?? "",
        snapshot_ids: group?.snapshots.map(({ snapshot_id }) => snapshot_id) ?? [],
      });
    }
    await again(() => bad.enlarge(idle, 80n << 20n));
  }
}

/** For all that csi-provisioner, csi-snapshotter and kubelet do after an error. */
const MEANS_RETRY: ReadonlySet<string> = new Set([
  "OK",
  "ABORTED",
  "DEADLINE_EXCEEDED",
  "UNAVAILABLE",
  "CANCELLED",
]);

/** On the bad pool. */
export interface BadVolumes {
  /** In use by a program that writes. */
  readonly written: TestVolume;
  /** In use by nobody: only staged. */
  readonly staged: TestVolume;
  /** A raw device, published. */
  readonly raw: TestVolume;
  /** Not staged. */
  readonly idle: TestVolume;
  /** sha256 of `letter` in `written`. */
  readonly letter: string;
}

/** Made, and in the state that their names say. */
export async function makeBadVolumes(bench: DiskBench, tag: string): Promise<BadVolumes> {
  const { bad } = bench;
  const make = (name: string, content: "ext4" | "xfs" | "block", mib: bigint): Promise<TestVolume> =>
    bad.create(`${tag}-${name}`, content, mib << 20n, ON_BAD);
  const written = await make("written", "ext4", 64n);
  const staged = await make("staged", "xfs", 300n);
  const raw = await make("raw", "block", 64n);
  const idle = await make("idle", "ext4", 64n);
  await bad.use(written);
  const letter = await writeRandom(`${written.targetPath}/letter`, 4);
  await bad.stage(staged);
  await bad.use(raw);
  const directory = idle.stagingPath;
  await bad.use(idle);
  await bad.release(idle);
  await mkdir(directory, { recursive: true });
  return { written, staged, raw, idle, letter };
}

export const letterIn = ({ written }: BadVolumes): Promise<string> => sha256(`${written.targetPath}/letter`);
