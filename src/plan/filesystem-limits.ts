/** Smallest volumes that hold a useful filesystem; CreateVolume raises smaller requests to these. */
import type { FsType } from "../core/records.ts";
import { bytes, type Bytes, MIB } from "../core/units.ts";

/**
 * ext4: 4 KiB blocks and a journal need 8 MiB; half of that would be journal, so twice as much.
 * xfs: mkfs.xfs refuses less than 300 MiB. btrfs: mkfs.btrfs takes 109 MiB, but the kernel refuses every later change of
 * size below 256 MiB (EINVAL), a change to the size it has included.
 */
export const MIN_FS_BYTES: Readonly<Record<FsType, Bytes>> = {
  ext4: bytes(16n * MIB),
  xfs: bytes(300n * MIB),
  btrfs: bytes(256n * MIB),
};
