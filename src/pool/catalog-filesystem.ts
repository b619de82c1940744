/**
 * The small ext4 that holds a pool's catalog: mounted for the driver alone at `<state>/<uuid>/catalog`.
 *
 * `<state>/<uuid>` is first bound onto itself and made private, so that the mount inside reaches no other mount
 * namespace: a copy of it there would hold the device for ever.
 */
import { mkdir, realpath } from "node:fs/promises";
import type { BlockDevice } from "../core/dm.ts";
import { messageOf, PoolSetupError } from "../core/errors.ts";
import type { MountEntry } from "../core/filesystem.ts";
import { isClaimed, isReadOnly } from "../host/block-device.ts";
import { checkFilesystem } from "../host/filesystem.ts";
import { bindMount, mountFilesystem, unmount } from "../host/mount.ts";
import { readMountInfo, topMountAt } from "../host/mount-info.ts";
import type { Runner } from "../host/run.ts";
import type { Report } from "./backing.ts";

const FLAGS = ["nodev", "nosuid", "noexec", "noatime", "errors=remount-ro"] as const;

/** Everything is written when it is made: later writes need no allocation and no lazy work in the background. */
const MKFS: readonly string[] =
  "-q -F -b 4096 -m 0 -L dmthin-catalog -E nodiscard,lazy_itable_init=0,lazy_journal_init=0".split(" ");

interface CatalogPlace {
  /** `<state>/<uuid>`, real path. */
  readonly root: string;
  readonly target: string;
}

/** Makes the filesystem (again). Only while the pool's label says `creating`, and not mounted. */
export async function makeCatalogFilesystem(runner: Runner, device: BlockDevice): Promise<void> {
  await runner.run("mkfs.ext4", [...MKFS, device.path]);
}

/**
 * Mounts, after a check; what a killed driver left mounted is taken over where it is sound. Returns the directory.
 * Throws PoolSetupError where the filesystem needs a person, or something else is mounted there.
 */
export async function mountCatalog(
  runner: Runner,
  report: Report,
  device: BlockDevice,
  directory: string,
): Promise<string> {
  const { target } = await preparePlace(runner, directory);
  const left = topMountAt(readMountInfo(), target);
  if (left !== undefined) {
    if (left.device !== device.number) throw occupied(left, device);
    if (isWritable(left)) return target;
    await unmount(runner, left);
  }
  if (isReadOnly(device.number)) {
    throw new PoolSetupError(
      `the catalog's device ${device.path} is read-only; see why, then make it writable with blockdev --setrw`,
    );
  }
  if (await isClaimed(device.path)) {
    // Another mount namespace of a dying driver still shows it: the kernel shares the one filesystem, sound as it is.
    report("warn", `${device.path} is mounted elsewhere too; the catalog is mounted without a check`);
  } else await check(runner, device);
  await mountFilesystem(runner, { device: device.path, path: target, fsType: "ext4", flags: FLAGS });
  await runner.run("mount", ["--make-private", target]);
  return target;
}

/** Unmounts the catalog and the private place around it; not mounted: done. PreconditionError while it is in use. */
export async function unmountCatalog(runner: Runner, directory: string): Promise<void> {
  const place = await placeOf(directory).catch(() => undefined);
  if (place === undefined) return;
  for (const path of [place.target, place.root]) {
    for (;;) {
      const entry = topMountAt(readMountInfo(), path);
      if (entry === undefined) break;
      await unmount(runner, entry);
    }
  }
}

async function placeOf(directory: string): Promise<CatalogPlace> {
  const root = await realpath(directory);
  return { root, target: `${root}/catalog` };
}

async function preparePlace(runner: Runner, directory: string): Promise<CatalogPlace> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const place = await placeOf(directory);
  if (topMountAt(readMountInfo(), place.root) === undefined) {
    await bindMount(runner, place.root, place.root, { readOnly: false, kept: [] });
  }
  // Said each time: a driver killed between the two commands left it shared.
  await runner.run("mount", ["--make-private", place.root]);
  await mkdir(place.target, { recursive: true, mode: 0o700 });
  return place;
}

async function check(runner: Runner, device: BlockDevice): Promise<void> {
  try {
    await checkFilesystem(runner, "ext4", device.path);
  } catch (error) {
    throw new PoolSetupError(`the catalog's filesystem cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** ext4 turns itself read-only at the first error. */
const isWritable = ({ options, superOptions }: MountEntry): boolean =>
  !options.includes("ro") && !superOptions.includes("ro");

const occupied = (entry: MountEntry, device: BlockDevice): PoolSetupError =>
  new PoolSetupError(
    `${entry.mountPoint} shows ${entry.source} (${entry.device}), not the catalog (${device.number}); unmount it`,
  );
