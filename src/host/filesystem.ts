/** Making, checking and growing filesystems with their own tools. Whether one may is decided before: `plan/stage.ts`. */
import { writeFileSync } from "node:fs";

import type { BlockDevice } from "../core/dm.ts";
import { DamagedVolumeError, EnvironmentError, messageOf, ToolError } from "../core/errors.ts";
import type { FsType } from "../core/records.ts";
import type { Runner, RunResult } from "./run.ts";

export interface NewFilesystem {
  readonly fsType: FsType;
  /** Its path. Must be blank: no tool is told to overwrite. */
  readonly device: string;
  /** From the closed set of `mounts/mkfs-options.ts`; they win over the defaults. */
  readonly options: readonly string[];
  /** Unwritten parts of a new block read as zeros, so nothing has to be written to make them so. */
  readonly prezeroed: boolean;
}

/** Without discards: the thin is empty. Takes the thin's stripe hints by itself. */
export async function makeFilesystem(runner: Runner, made: NewFilesystem): Promise<void> {
  const { fsType, device, options } = made;
  if (fsType === "ext4") {
    const extended = await ext4Extended(runner, made.prezeroed);
    // 4 KiB blocks at any size: smaller ones, mkfs' choice for small volumes, would stay when the volume grows.
    const defaults = ["-q", "-b", "4096", "-m", "0", "-E", extended];
    await runner.run("mkfs.ext4", [...defaults, ...options, device]);
    return;
  }
  if (fsType === "xfs") await runner.run("mkfs.xfs", ["-q", "-K", ...options, device]);
  else await runner.run("mkfs.btrfs", ["-q", "-K", ...options, device]);
}

const PREZEROED_SINCE = [1, 47] as const;

/**
 * On zeroing thins nothing of the inode tables is ever written (8 MiB instead of 1.6 GiB on 100 GiB). Otherwise the
 * kernel zeroes them after the mount.
 */
async function ext4Extended(runner: Runner, prezeroed: boolean): Promise<string> {
  if (prezeroed) {
    const { stdout, stderr } = await runner.run("mkfs.ext4", ["-V"]);
    const [, major = "0", minor = "0"] = /mke2fs (\d+)\.(\d+)/.exec(stdout + stderr) ?? [];
    const [sinceMajor, sinceMinor] = PREZEROED_SINCE;
    const known = Number(major) > sinceMajor || (Number(major) === sinceMajor && Number(minor) >= sinceMinor);
    if (known) return "nodiscard,assume_storage_prezeroed=1";
  }
  return "nodiscard,lazy_itable_init=1";
}

/** e2fsck's exit codes up to 3: nothing wrong, or everything put right. */
const EXT4_FINE = new Set([0, 1, 2, 3]);
const EXT4_ALL = Array.from({ length: 64 }, (_each, code) => code);

/**
 * Before the mount of an unmounted filesystem. ext4: replays the journal and mends what needs no decision.
 * xfs and btrfs repair themselves when mounted. DamagedVolumeError where a person must decide.
 */
export async function checkFilesystem(runner: Runner, fsType: FsType, device: string): Promise<void> {
  if (fsType !== "ext4") return;
  const result = await runner.run("e2fsck", ["-p", device], { accept: EXT4_ALL });
  if (EXT4_FINE.has(result.exitCode)) return;
  // Mounted in another mount namespace, which keeps a copy of a mount that ended here: the filesystem lives, and the
  // kernel shows that very one again. Whatever else has the device for itself makes the mount fail.
  if (/ is (?:mounted|in use)\.?$/m.test(result.stdout + result.stderr)) return;
  throw new DamagedVolumeError(
    `the ext4 on ${device} is not mounted: e2fsck ended with ${result.exitCode}: ${lastWords(result)}; ` +
      "take a snapshot, then run e2fsck on the device by hand, or restore an older snapshot",
  );
}

function lastWords({ stdout, stderr }: RunResult): string {
  const lines = `${stdout}\n${stderr}`.split("\n").map((line) => line.trim());
  return (
    lines
      .filter((line) => line !== "")
      .slice(-3)
      .join("; ") || "no message"
  );
}

/** Brings a mounted filesystem up to its device; already there counts. `mountPoint` shows it whole and writable. */
export async function growFilesystem(
  runner: Runner,
  fsType: FsType,
  device: string,
  mountPoint: string,
): Promise<void> {
  if (fsType === "ext4") await runner.run("resize2fs", [device]);
  else if (fsType === "xfs") await runner.run("xfs_growfs", ["-d", mountPoint]);
  else await runner.run("btrfs", ["filesystem", "resize", "max", mountPoint]);
}

/**
 * Gives an unmounted btrfs its own fsid, so that it can be mounted beside the one it was copied from. Its log must have
 * been replayed: btrfstune writes a transaction of its own, after which the log fits no more and the filesystem cannot
 * be mounted at all.
 */
export async function renewBtrfsIdentity(runner: Runner, device: string): Promise<void> {
  try {
    await runner.run("btrfstune", ["-f", "-m", device]);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new DamagedVolumeError(
      `the copied btrfs on ${device} got no identity of its own and is not mounted: ${error.message}; nothing was written to it yet: delete this copy and make it again from its source`,
      { cause: error },
    );
  }
}

/**
 * A full pool gives xfs ENOSPC for its metadata; by default it tries for ever, also in umount. It is to shut down
 * instead. Per mount, under `/sys/fs/xfs/dm-N`.
 */
export function failWhenFull(device: BlockDevice, sys = "/sys"): void {
  const name = device.path.slice(device.path.lastIndexOf("/") + 1);
  const path = `${sys}/fs/xfs/${name}/error/metadata/ENOSPC/max_retries`;
  try {
    writeFileSync(path, "0\n");
  } catch (error) {
    throw new EnvironmentError(
      `${messageOf(error)}: without it an xfs on a full pool can never be unmounted; give dmthin a writable /sys`,
      { cause: error },
    );
  }
}
