/** Filesystems and mounts as values. `host/` reads them from disks and from the kernel. */
import type { DevNumber } from "./dm.ts";
import type { FsType } from "./records.ts";
import type { Bytes } from "./units.ts";

/**
 * What the head of a device holds. `blank` means only that the probed ranges read as zeros: it never allows a format
 * by itself (promise 1). A read error is an error, never one of these.
 */
export type Superblock =
  | {
      readonly kind: "filesystem";
      readonly fsType: FsType;
      /** The size the filesystem believes it has, which may differ from its device's. */
      readonly size: Bytes;
      /** 32 lower-case hex digits; for btrfs the fsid. */
      readonly uuid: string;
      readonly label?: string;
      /** btrfs: a log tree waits for its replay, so offline tools must not rewrite the filesystem. */
      readonly dirtyLog: boolean;
    }
  | { readonly kind: "blank" }
  | { readonly kind: "unknown" };

/** One line of mountinfo: one mount of this mount namespace. Paths have their escapes undone. */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** `st_dev` of the mount's files; btrfs shows an anonymous number (major 0) here. */
  readonly device: DevNumber;
  /** What of the filesystem is mounted: `/` for all of it, the source's path for a bind mount of a part. */
  readonly root: string;
  readonly mountPoint: string;
  /** Options of this mount (`ro`, `nosuid`, …). */
  readonly options: readonly string[];
  readonly fsType: string;
  readonly source: string;
  /** Options of the filesystem, shared by all its mounts. */
  readonly superOptions: readonly string[];
}

/** How full a mounted filesystem, or how large a raw volume is. */
export type Usage =
  | {
      readonly kind: "filesystem";
      readonly bytes: { readonly total: Bytes; readonly used: Bytes; readonly available: Bytes };
      /** Absent where the filesystem has no fixed number of inodes (btrfs). */
      readonly inodes?: { readonly total: bigint; readonly used: bigint; readonly available: bigint };
    }
  | { readonly kind: "block"; readonly total: Bytes };
