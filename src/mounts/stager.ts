/** NodeStageVolume and NodeUnstageVolume: performs the plans of `plan/stage.ts` on a volume held exclusively. */
import type { BlockDevice } from "../core/dm.ts";
import {
  DamagedVolumeError,
  errnoOf,
  ForeignDeviceError,
  InvalidRequestError,
  messageOf,
  OutcomeUnknownError,
  PoolUnavailableError,
  PreconditionError,
} from "../core/errors.ts";
import type { VolumeId } from "../core/ids.ts";
import type { Staging } from "../core/records.ts";
import {
  checkFilesystem,
  failWhenFull,
  growFilesystem,
  makeFilesystem,
  renewBtrfsIdentity,
} from "../host/filesystem.ts";
import { identifyMount, readMountInfo, topMountAt } from "../host/mount-info.ts";
import { mountFilesystem, type Patience } from "../host/mount.ts";
import type { Runner } from "../host/run.ts";
import { readSuperblock } from "../host/superblock.ts";
import {
  fsTypeOf,
  judgeStaging,
  mountFlagsFor,
  planRestage,
  planStage,
  type StagePlan,
  type StageStep,
  type WantedAccess,
  wantedStaging,
} from "../plan/stage.ts";
import type { AfterStep } from "../plan/step.ts";
import type { OwnedVolume, Pool } from "../pool/engine.ts";
import type { StageIntent, VolumePath } from "./engine.ts";
import { parseMkfsOptions } from "./mkfs-options.ts";
import { parseMountFlags } from "./mount-flags.ts";
import type { KubeletPaths } from "./paths.ts";
import { mountPointsOf, observeVolume, unmountVolume } from "./presence.ts";

/** What mounting needs of the machine. */
export interface MountHands {
  /** For what needs no pool: unmounting. What writes to a volume goes through its pool's own runner. */
  readonly runner: Runner;
  readonly paths: KubeletPaths;
  readonly patience: Patience;
  readonly afterStep: AfterStep;
}

/** One stage under way. */
interface Work {
  readonly pool: Pool;
  readonly runner: Runner;
  readonly volume: OwnedVolume;
  readonly device: BlockDevice;
  readonly staging: Staging;
}

const FIELD = "staging_target_path";

export class Stager {
  readonly #hands: MountHands;

  constructor(hands: MountHands) {
    this.#hands = hands;
  }

  async stage(pool: Pool, volume: OwnedVolume, intent: StageIntent): Promise<void> {
    const { path, kind } = await this.#hands.paths.locate(intent.path, FIELD);
    const wanted = wantedStaging(volume.record, path, validated(volume, intent));
    if (kind !== "directory" && kind !== "mount") {
      throw new InvalidRequestError(FIELD, "must be a directory that exists");
    }
    const seen = observeVolume(pool, intent.id, await this.#hands.paths.directory());
    const presence = {
      active: seen.device !== undefined,
      mountPoints: seen.mounts.map(({ entry }) => entry.mountPoint),
    };
    const verdict = judgeStaging(volume.record, wanted, presence);
    if (verdict === "staged") {
      await this.growStaged(pool, volume, wanted);
      return;
    }
    if (kind === "mount") await unmountVolume(this.#hands.runner, intent.id, path, this.#hands.patience);
    try {
      await this.#stageFresh(pool, volume, wanted);
    } catch (error) {
      await this.#takeBack(volume, wanted, error);
      throw error;
    }
  }

  async unstage(pool: Pool, volume: OwnedVolume, at: VolumePath): Promise<void> {
    const path = await this.#hands.paths.place(at.path, FIELD);
    const { device, mounts } = observeVolume(pool, at.id, await this.#hands.paths.directory());
    const { staging } = volume.record;
    const elsewhere = mounts.map(({ entry }) => entry.mountPoint).filter((point) => point !== path);
    if (staging !== undefined && staging.path !== path) {
      const live = device !== undefined && (staging.access === "block" || elsewhere.includes(staging.path));
      if (live) return;
    }
    if (elsewhere.length > 0) throw stillPublished(at.id, elsewhere);
    await unmountVolume(this.#hands.runner, at.id, path, this.#hands.patience);
    if (staging !== undefined) await volume.setStaging(undefined);
    if (device !== undefined) await volume.deactivate();
  }

  /** For a volume whose pool is not open: all but its device, by what the kernel shows. */
  async unstageLeft(at: VolumePath): Promise<void> {
    const path = await this.#hands.paths.place(at.path, FIELD);
    const elsewhere = mountPointsOf(at.id, await this.#hands.paths.directory()).filter(
      (point) => point !== path,
    );
    if (elsewhere.length > 0) throw stillPublished(at.id, elsewhere);
    await unmountVolume(this.#hands.runner, at.id, path, this.#hands.patience);
  }

  /** For a volume without a record: what is left of it in the kernel at that path. */
  async unstageUnknown(at: VolumePath): Promise<void> {
    const path = await this.#hands.paths.place(at.path, FIELD);
    await unmountVolume(this.#hands.runner, at.id, path, this.#hands.patience);
  }

  /** Table and filesystem up to the record; used by NodeExpandVolume too. Answers the device as it is then. */
  async growStaged(pool: Pool, volume: OwnedVolume, staging: Staging): Promise<BlockDevice> {
    const present = await volume.device();
    // A pool that takes no changes still serves what is staged already and large enough.
    const device =
      present !== undefined && present.size >= volume.record.size ? present : await volume.activate();
    const runner = pool.runner;
    await this.#performAll({ pool, runner, volume, device, staging }, planRestage(staging, device.size));
    return device;
  }

  async #stageFresh(pool: Pool, volume: OwnedVolume, staging: Staging): Promise<void> {
    // Also before raw use: what a user wrote would go with the thin at the next stage.
    if (volume.record.format.state === "formatting") await volume.renewThin();
    const device = await volume.activate();
    if (staging.access === "block") return volume.setStaging(staging);
    const { record } = volume;
    const runner = pool.runner;
    const view = {
      record,
      staging,
      deviceSize: device.size,
      superblock: await readSuperblock(runner, device.path),
      ...(record.format.state === "blank" ? { mapped: await volume.mappedSectors() } : {}),
    };
    await this.#performAll({ pool, runner, volume, device, staging }, planStage(view));
  }

  async #performAll(work: Work, plan: StagePlan): Promise<void> {
    for (const step of plan) {
      await this.#perform(work, step);
      await this.#hands.afterStep(step);
    }
  }

  async #perform(work: Work, step: StageStep): Promise<void> {
    const { device, runner, staging, volume } = work;
    switch (step.kind) {
      case "set-format":
        return volume.setFormat(step.format);
      case "make-filesystem": {
        const options = parseMkfsOptions(step.options.join(" "), step.fsType);
        const prezeroed = work.pool.zeroesNewBlocks;
        return makeFilesystem(runner, { fsType: step.fsType, device: device.path, options, prezeroed });
      }
      case "check-filesystem":
        return checkFilesystem(runner, step.fsType, device.path);
      case "replay-log":
        return this.#replayLog(work);
      case "renew-identity":
        return renewBtrfsIdentity(runner, device.path);
      case "mount":
        return this.#mount(work, step.flags);
      case "grow-filesystem":
        return growFilesystem(runner, step.fsType, device.path, staging.path);
      case "fail-when-full":
        return failWhenFull(device);
      case "record-staging":
        return volume.setStaging(step.staging);
      case "renew-thin":
        // `#stageFresh` renews before it looks: a plan of what it saw has no such step, and nothing may go on with one.
        throw new RangeError(`${volume.record.id}: its formatting was cut off, and it was not renewed`);
    }
  }

  /** An old kernel may show another btrfs of the same fsid: what is mounted is looked at before anybody writes. */
  async #mount({ volume, runner, device, staging }: Work, flags: readonly string[]): Promise<void> {
    const { path } = staging;
    const fsType = fsTypeOf(volume.record, staging.fsType);
    try {
      await mountFilesystem(runner, { device: device.path, path, fsType, flags });
    } catch (error) {
      if (errnoOf(error) !== "EUCLEAN") throw error;
      throw new DamagedVolumeError(
        `volume ${volume.record.id}: the kernel finds its ${fsType} damaged: ${messageOf(error)}; ` +
          "take a snapshot, then repair the filesystem by hand, or restore an older snapshot",
        { cause: error },
      );
    }
    const entries = readMountInfo();
    const top = topMountAt(entries, path);
    const shown = top === undefined ? undefined : identifyMount(top, entries)?.number;
    if (shown === device.number) return;
    throw new DamagedVolumeError(
      `volume ${volume.record.id}: the kernel shows device ${shown ?? "of unknown number"} at ${path} instead of ${device.number}; ` +
        "unmount it by hand before anything uses it",
    );
  }

  async #replayLog(work: Work): Promise<void> {
    const { record } = work.volume;
    try {
      await this.#mount(work, mountFlagsFor("btrfs", []));
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      throw new PreconditionError(
        `volume ${record.id} is a btrfs copied after a crash: its log has to be replayed, which this kernel cannot do while the origin is mounted; unstage the origin for a moment, or use kernel 6.7 or later`,
        { cause: error },
      );
    }
    await unmountVolume(work.runner, record.id, work.staging.path, this.#hands.patience);
  }

  /** A stage that failed leaves neither mount nor device. What it cannot take back, unstage or the next stage does. */
  async #takeBack(volume: OwnedVolume, staging: Staging, error: unknown): Promise<void> {
    if (error instanceof ForeignDeviceError) return;
    // Disks that do not answer would not answer this either.
    if (error instanceof PoolUnavailableError || error instanceof OutcomeUnknownError) return;
    try {
      await unmountVolume(this.#hands.runner, volume.record.id, staging.path, this.#hands.patience);
      await volume.deactivate();
    } catch {
      // The first error is the one to report.
    }
  }
}

const stillPublished = (id: VolumeId, points: readonly string[]): PreconditionError =>
  new PreconditionError(`volume ${id} is still published at ${points.join(", ")}: unpublish it first`);

function validated(volume: OwnedVolume, { access }: StageIntent): WantedAccess {
  if (access.kind === "block") return access;
  const fsType = fsTypeOf(volume.record, access.fsType);
  return { ...access, flags: parseMountFlags(access.flags, fsType) };
}
