/** Smallest volumes that hold a useful filesystem; CreateVolume raises smaller requests to these. */
import type { FsType } from "../core/records.ts";
import { bytes, type Bytes, MIB } from "../core/units.ts";

/**
 * ext4: 4 KiB blocks and a journal need 8 MiB; half of that would be journal, so twice as much.
 * xfs: mkfs.xfs refuses less than 300 MiB. btrfs: mkfs.btrfs refuses less than 109 MiB with duplicated metadata.
 */
export const MIN_FS_BYTES: Readonly<Record<FsType, Bytes>> = {
  ext4: bytes(16n * MIB),
  xfs: bytes(300n * MIB),
  btrfs: bytes(109n * MIB),
};
