/** One loop pool, the mount engine on it and a kubelet directory, on the test kernel. `clear` leaves nothing behind. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

import type { PoolName, VolumeId } from "../../src/core/ids.ts";
import { keyOf, thinDeviceName } from "../../src/core/ids.ts";
import { Operations } from "../../src/core/operations.ts";
import type { LoopPoolOptions } from "../../src/core/pool-options.ts";
import type { FsType, Source, VolumeRecord } from "../../src/core/records.ts";
import { type Bytes, bytes, GIB, MIB } from "../../src/core/units.ts";
import { findDmDevice } from "../../src/host/dm-sysfs.ts";
import type { ResumeGuard } from "../../src/host/guard-client.ts";
import { readMountInfo } from "../../src/host/mount-info.ts";
import { createRunner, type Runner } from "../../src/host/run.ts";
import { findTools } from "../../src/host/tools.ts";
import type {
  AccessMode,
  MountEngine,
  PublishIntent,
  StagedAccess,
  StageIntent,
} from "../../src/mounts/engine.ts";
import { createMountEngine } from "../../src/mounts/kernel-mounts.ts";
import { Trims } from "../../src/mounts/trims.ts";
import type { OwnedVolume, Pool } from "../../src/pool/engine.ts";
import { PoolClaims } from "../../src/pool/claims.ts";
import { LeftDevices } from "../../src/pool/left-devices.ts";
import { startPools, type SupervisedPools } from "../../src/pool/set.ts";
import { loopOptions } from "./loop-options.ts";
import { scratchDirectory } from "./scratch.ts";
import { sh } from "./sh.ts";

/** Durable, as an application would have it. */
export function writeDurably(path: string, text: string): void {
  const file = openSync(path, "a");
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
}

/** The smallest that each filesystem takes. */
export const SMALL: Readonly<Record<FsType, Bytes>> = {
  ext4: bytes(64n * MIB),
  xfs: bytes(300n * MIB),
  btrfs: bytes(256n * MIB),
};

export const mountAs = (fsType: FsType, flags: readonly string[] = []): StagedAccess => ({
  kind: "mount",
  fsType,
  flags,
});
export const BLOCK: StagedAccess = { kind: "block" };

const NAME = "mnt" as PoolName;
const PATIENCE = { totalMs: 600, pauseMs: 100 };
const CLAIMS = new PoolClaims();
const GUARD: ResumeGuard = {
  arm: async () => ({ disarm: async () => "disarmed" as const, fire: () => undefined }),
  close: () => undefined,
};

/** A volume as the tests use it. */
export interface BenchVolume {
  readonly id: VolumeId;
  readonly access: StagedAccess;
  readonly staging: string;
  readonly target: string;
}

export class MountBench {
  readonly kubelet: string;
  mounts: MountEngine;
  readonly #runner: Runner;
  readonly #scratch: string;
  #pools: SupervisedPools;

  private constructor(runner: Runner, scratch: string, pools: SupervisedPools) {
    this.#runner = runner;
    this.#scratch = scratch;
    this.#pools = pools;
    this.kubelet = join(scratch, "kubelet");
    mkdirSync(this.kubelet);
    this.mounts = this.#engine();
  }

  static async create(): Promise<MountBench> {
    const scratch = mkdtempSync(join(scratchDirectory(), "mounts-"));
    mkdirSync(join(scratch, "state"), { mode: 0o700 });
    const runner = createRunner(findTools());
    return new MountBench(runner, scratch, await openBench(runner, scratch));
  }

  get pool(): Pool {
    const [pool] = this.#pools.pools;
    if (pool === undefined) throw new Error(`the pool is not open: ${this.#pools.absent[0]?.reason ?? ""}`);
    return pool;
  }

  /** As a new driver process would find everything. */
  async restart(): Promise<void> {
    await this.#pools.close();
    this.#pools = await openBench(this.#runner, this.#scratch);
    this.mounts = this.#engine();
  }

  async volume(
    name: string,
    access: StagedAccess,
    changes: {
      readonly size?: Bytes;
      readonly source?: Source;
      readonly mkfsOptions?: readonly string[];
    } = {},
  ): Promise<BenchVolume> {
    const fsType = access.kind === "mount" ? (access.fsType ?? "ext4") : undefined;
    const { record } = await this.pool.createVolume({
      name,
      range: { required: changes.size ?? SMALL[fsType ?? "ext4"] },
      source: changes.source ?? { kind: "empty" },
      access: [access.kind],
      mkfsOptions: changes.mkfsOptions ?? [],
      ...(fsType === undefined ? {} : { fsType }),
    });
    const staging = join(this.kubelet, "plugins", name);
    const target = join(this.kubelet, "pods", name, "mount");
    mkdirSync(staging, { recursive: true });
    mkdirSync(dirname(target), { recursive: true });
    return { id: record.id, access, staging, target };
  }

  record({ id }: BenchVolume): VolumeRecord {
    const record = this.pool.volume(id);
    if (record === undefined) throw new Error(`no record of ${id}`);
    return record;
  }

  stage(volume: BenchVolume, changes: Partial<StageIntent> = {}): Promise<void> {
    const { id, access, staging } = volume;
    return this.mounts.stage(this.pool, { id, path: staging, access, readOnly: false, ...changes });
  }

  publish(volume: BenchVolume, changes: Partial<PublishIntent> = {}): Promise<void> {
    const { id, access, staging: stagingPath, target: targetPath } = volume;
    const accessMode: AccessMode = "SINGLE_NODE_WRITER";
    const intent = { id, stagingPath, targetPath, access, readOnly: false, accessMode, ...changes };
    return this.mounts.publish(this.pool, intent);
  }

  unpublish({ id, target }: BenchVolume, path: string = target): Promise<void> {
    return this.mounts.unpublish(this.pool, { id, path });
  }

  unstage({ id, staging }: BenchVolume): Promise<void> {
    return this.mounts.unstage(this.pool, { id, path: staging });
  }

  own<T>({ id }: BenchVolume, work: (volume: OwnedVolume) => Promise<T>): Promise<T> {
    return this.pool.withVolume(id, "test", `test ${id}`, work);
  }

  /** `/dev/dm-N` of an active volume. */
  device({ id }: BenchVolume): string | undefined {
    return findDmDevice(thinDeviceName(NAME, keyOf(id)))?.path;
  }

  /** Mount points in kubelet's directory. */
  mountPoints(): readonly string[] {
    return readMountInfo()
      .map((entry) => entry.mountPoint)
      .filter((path) => path.startsWith(`${this.kubelet}/`));
  }

  /** Unmounts, deactivates and deletes every volume; the pool stays. */
  async clearVolumes(): Promise<void> {
    for (const path of this.mountPoints().toReversed()) sh("umount", path);
    for (const snapshot of this.pool.snapshots()) await this.pool.deleteSnapshot(snapshot.id);
    for (const { id } of this.pool.volumes()) {
      await this.pool.withVolume(id, "clear", `clear ${id}`, async (volume) => {
        await volume.setStaging(undefined);
        await volume.deactivate();
      });
      await this.pool.deleteVolume(id);
    }
    for (const directory of ["plugins", "pods"])
      rmSync(join(this.kubelet, directory), { recursive: true, force: true });
  }

  async clear(): Promise<void> {
    await this.clearVolumes();
    await this.#pools.close();
    for (const role of ["pool", "meta", "spare", "data"]) sh("dmsetup", "remove", `dmthin-${NAME}-${role}`);
    const entries = readMountInfo().map((entry) => entry.mountPoint);
    for (const path of entries.filter((each) => each.startsWith(`${this.#scratch}/`)).toReversed())
      sh("umount", path);
    if (existsSync(`/dev/mapper/dmthin-${NAME}-catalog`)) sh("dmsetup", "remove", `dmthin-${NAME}-catalog`);
    for (const line of sh("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE").split("\n")) {
      const [node = "", file = ""] = line.trim().split(/\s+/);
      if (file.startsWith(`${this.#scratch}/`)) sh("losetup", "--detach", node);
    }
    rmSync(this.#scratch, { recursive: true });
  }

  #engine(): MountEngine {
    const leftDevices = new LeftDevices({
      runner: this.#runner,
      stateDirectory: join(this.#scratch, "state"),
      claims: CLAIMS,
    });
    return createMountEngine({
      runner: this.#runner,
      kubeletDirectory: this.kubelet,
      leftDevices,
      trims: new Trims(this.#runner),
      patience: PATIENCE,
    });
  }
}

async function openBench(runner: Runner, scratch: string): Promise<SupervisedPools> {
  const options: LoopPoolOptions = {
    ...loopOptions(NAME),
    directory: join(scratch, "pool"),
    dataSize: bytes(12n * GIB),
  };
  const pools = startPools(
    { pools: [options] },
    {
      stateDirectory: join(scratch, "state"),
      runner,
      guard: GUARD,
      operations: new Operations(),
      claims: CLAIMS,
      report: () => undefined,
      now: () => new Date(),
      afterStep: async () => undefined,
    },
  );
  await pools.settled;
  return pools;
}
