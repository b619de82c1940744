/**
 * NodePublishVolume and NodeUnpublishVolume. A publish is a bind mount of the staging directory, or of the device node
 * onto a file. What is published is read from mountinfo, never remembered.
 */
import { mkdir, open, rmdir, unlink, lstat } from "node:fs/promises";

import type { BlockDevice } from "../core/dm.ts";
import {
  IncompatibleExistingError,
  InvalidRequestError,
  PreconditionError,
  systemErrnoOf,
} from "../core/errors.ts";
import type { Staging, VolumeRecord } from "../core/records.ts";
import { readAttribute } from "../host/dm-sysfs.ts";
import type { DeviceMount } from "../host/mount-info.ts";
import { bindMount } from "../host/mount.ts";
import { describeStaging, fsTypeOf, sameStaging, wantedStaging } from "../plan/stage.ts";
import type { Pool } from "../pool/engine.ts";
import type { PublishIntent, VolumePath } from "./engine.ts";
import { parseMountFlags } from "./mount-flags.ts";
import type { LocatedPath } from "./paths.ts";
import { observeVolume, shownAt, unmountVolume, type VolumePresence } from "./presence.ts";
import type { MountHands } from "./stager.ts";

const TARGET = "target_path";
const STAGING = "staging_target_path";

/** One publish, checked. */
interface Publish {
  readonly intent: PublishIntent;
  readonly staging: Staging;
  readonly device: BlockDevice;
  readonly presence: VolumePresence;
  readonly target: LocatedPath;
  readonly readOnly: boolean;
}

export class Publisher {
  readonly #hands: MountHands;

  constructor(hands: MountHands) {
    this.#hands = hands;
  }

  async publish(pool: Pool, record: VolumeRecord, intent: PublishIntent): Promise<void> {
    const target = await this.#hands.paths.locate(intent.targetPath, TARGET);
    const stagingPath = await this.#hands.paths.place(intent.stagingPath, STAGING);
    requireOutside(target.path, stagingPath);
    const presence = observeVolume(pool, intent.id, await this.#hands.paths.directory());
    const { staging, device } = requireStaged(record, stagingPath, presence);
    requireSameCapability(record, staging, intent);
    const readOnly = intent.readOnly || intent.accessMode === "SINGLE_NODE_READER_ONLY";
    const publish: Publish = { intent, staging, device, presence, target, readOnly };
    if (isPublished(publish)) return;
    requireRoomForAnother(publish);
    if (target.kind === "no-parent")
      throw new InvalidRequestError(TARGET, "its parent directory does not exist");
    await this.#bind(publish);
  }

  async unpublish(record: VolumeRecord | undefined, at: VolumePath): Promise<void> {
    const { path, kind } = await this.#hands.paths.locate(at.path, TARGET);
    if (kind === "no-parent" || kind === "nothing") return;
    if (record?.staging?.path === path) {
      throw new PreconditionError(`${path} is where volume ${at.id} is staged, not where it is published`);
    }
    await unmountVolume(this.#hands.runner, at.id, path, this.#hands.patience);
    await removeTarget(path);
  }

  async #bind({ staging, device, presence, target, readOnly }: Publish): Promise<void> {
    const { runner } = this.#hands;
    const block = staging.access === "block";
    if (block) await this.#protect(device, readOnly);
    const made = await makeTarget(target, block ? "file" : "directory");
    const kept = shownAt(presence, staging.path)?.entry.options ?? [];
    try {
      await bindMount(runner, block ? device.path : staging.path, target.path, { readOnly, kept });
    } catch (error) {
      if (made) await removeTarget(target.path);
      throw error;
    }
  }

  /**
   * A read-only mount of a device node does not keep anybody from writing to the device, so the device itself is made
   * read-only. That holds for all who have it, hence `requireRoomForAnother`.
   */
  async #protect(device: BlockDevice, readOnly: boolean): Promise<void> {
    if (isWriteProtected(device) === readOnly) return;
    await this.#hands.runner.run("blockdev", [readOnly ? "--setro" : "--setrw", device.path]);
  }
}

/** A target inside the volume would be made by writing into it. */
function requireOutside(target: string, staging: string): void {
  if (target === staging || target.startsWith(`${staging}/`) || staging.startsWith(`${target}/`)) {
    throw new InvalidRequestError(TARGET, `and ${STAGING} must not contain each other`);
  }
}

function requireStaged(
  record: VolumeRecord,
  path: string,
  presence: VolumePresence,
): { readonly staging: Staging; readonly device: BlockDevice } {
  const { staging } = record;
  const { device } = presence;
  if (staging === undefined || staging.path !== path) {
    throw new PreconditionError(`volume ${record.id} is not staged at ${path}: call NodeStageVolume first`);
  }
  const live =
    device !== undefined && (staging.access === "block" || shownAt(presence, path)?.kind === "filesystem");
  if (!live) {
    throw new PreconditionError(
      `volume ${record.id} was staged at ${path} and is there no more (a reboot, or somebody unmounted it): stage it again`,
    );
  }
  return { staging, device };
}

function requireSameCapability(record: VolumeRecord, staging: Staging, { access }: PublishIntent): void {
  const fsType = access.kind === "mount" ? fsTypeOf(record, access.fsType) : undefined;
  const wanted = wantedStaging(
    record,
    staging.path,
    access.kind === "block" ? access : { ...access, flags: parseMountFlags(access.flags, fsType) },
  );
  if (sameStaging(staging, wanted)) return;
  throw new IncompatibleExistingError(
    `volume ${record.id} is staged ${describeStaging(staging)}, not ${describeStaging(wanted)}`,
  );
}

/** Done already? IncompatibleExistingError where it was done differently, PreconditionError for somebody else's mount. */
function isPublished({ intent, presence, target, readOnly, staging }: Publish): boolean {
  if (target.kind !== "mount") return false;
  const there = shownAt(presence, target.path);
  if (there === undefined || !isPublish(there, staging)) {
    throw new PreconditionError(`${target.path}: something else is mounted there; unmount it first`);
  }
  if (there.entry.options.includes("ro") === readOnly) return true;
  throw new IncompatibleExistingError(
    `volume ${intent.id} is published at ${target.path} ${readOnly ? "writable" : "read-only"}: unpublish it first`,
  );
}

function isPublish({ kind }: DeviceMount, staging: Staging): boolean {
  return kind === (staging.access === "block" ? "node" : "filesystem");
}

/** What kubelet binds for itself (subpaths, its map of devices) stands below a publish of ours, so it counts too. */
function requireRoomForAnother({ intent, presence, staging, device, readOnly }: Publish): void {
  const others = presence.mounts
    .map(({ entry }) => entry.mountPoint)
    .filter((point) => point !== staging.path);
  if (others.length === 0) return;
  if (intent.accessMode !== "SINGLE_NODE_MULTI_WRITER") {
    throw new PreconditionError(
      `volume ${intent.id} is published at ${others.join(", ")} already, and ${intent.accessMode} allows one path`,
    );
  }
  if (staging.access === "block" && isWriteProtected(device) !== readOnly) {
    throw new PreconditionError(
      `volume ${intent.id} is published ${readOnly ? "writable" : "read-only"} at ${others.join(", ")}: a raw device is either for all who have it`,
    );
  }
}

function isWriteProtected(device: BlockDevice): boolean {
  return readAttribute(`/sys/dev/block/${device.number}/ro`) === "1";
}

/** True where it was made here. An empty one that is there already is used. */
async function makeTarget({ path, kind }: LocatedPath, wanted: "directory" | "file"): Promise<boolean> {
  if (kind === wanted) return false;
  if (kind !== "nothing") {
    throw new PreconditionError(`${path} exists and is not a ${wanted}: remove it, the driver makes it`);
  }
  if (wanted === "directory") await mkdir(path, { mode: 0o750 });
  else await (await open(path, "wx", 0o640)).close();
  return true;
}

/** Only what `makeTarget` makes: an empty directory, an empty file. Already gone counts. */
async function removeTarget(path: string): Promise<void> {
  try {
    const stats = await lstat(path);
    if (stats.isDirectory()) await rmdir(path);
    else if (stats.isFile() && stats.size === 0) await unlink(path);
    else
      throw new PreconditionError(
        `${path} is neither an empty directory nor an empty file: it is left alone`,
      );
  } catch (error) {
    const code = systemErrnoOf(error);
    if (code === "ENOENT") return;
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "EBUSY") throw error;
    throw new PreconditionError(
      `${path} is not empty, or in use: see what was put there while nothing was mounted`,
      {
        cause: error,
      },
    );
  }
}
