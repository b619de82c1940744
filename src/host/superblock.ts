/**
 * What the head of a device holds, by its superblocks: ext4 at 1 KiB, xfs at 0, btrfs at 64 KiB. Layouts: the kernel's
 * documentation of ext4 and btrfs, the XFS algorithms and data structures book.
 */
import { PoolUnavailableError, ToolError } from "../core/errors.ts";
import type { Superblock } from "../core/filesystem.ts";
import { bytes } from "../core/units.ts";
import type { Runner } from "./run.ts";

type Filesystem = Extract<Superblock, { kind: "filesystem" }>;

/** Up to the end of btrfs' first superblock. */
export const PROBED_BYTES = 68 * 1024;
const READ_TIMEOUT_MS = 30_000;

/**
 * Reads the head of an unmounted device and judges it. In a process with a deadline: a read from a stuck disk cannot be
 * taken back, and must not hold one of the driver's own threads.
 * PoolUnavailableError where it cannot be read: that is never "blank".
 */
export async function readSuperblock(runner: Runner, device: string): Promise<Superblock> {
  // Eight bytes a number, first byte first: byte by byte takes od four times as long.
  const args = ["-An", "-v", "-tx8", "--endian=big", "-w64", `-N${PROBED_BYTES}`, device];
  try {
    const { stdout } = await runner.run("od", args, { timeoutMs: READ_TIMEOUT_MS });
    return judgeHead(Buffer.from(stdout.replaceAll(/\s+/g, ""), "hex"));
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new PoolUnavailableError(
      `${device} cannot be read, so nothing is decided about its content: ${error.message}; check the pool's disks`,
      { cause: error },
    );
  }
}

/** Two filesystems at once are no filesystem: mounting the wrong one would destroy the other. */
export function judgeHead(head: Uint8Array): Superblock {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const found = [parseExt4(view), parseXfs(view), parseBtrfs(view)].filter((each) => each !== undefined);
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  return found.length === 0 && head.length > 0 && head.every((byte) => byte === 0)
    ? { kind: "blank" }
    : { kind: "unknown" };
}

const has = (view: DataView, length: number): boolean => view.byteLength >= length;

function hex(view: DataView, offset: number, length: number): string {
  return Buffer.from(view.buffer, view.byteOffset + offset, length).toString("hex");
}

/** Text up to the first NUL. */
function text(view: DataView, offset: number, length: number): string {
  const [head = ""] = Buffer.from(view.buffer, view.byteOffset + offset, length)
    .toString()
    .split("\0");
  return head;
}

const labelled = (label: string): { readonly label?: string } => (label === "" ? {} : { label });

const EXT4 = { at: 1024, length: 1024, magic: 0xef53 };
const EXT4_EXTENTS = 0x40;
const EXT4_64BIT = 0x80;
const EXT4_JOURNAL_DEVICE = 0x8;

/** Only with extents: ext2 and ext3 share the magic, and dmthin makes neither. */
function parseExt4(view: DataView): Filesystem | undefined {
  const { at, length, magic } = EXT4;
  if (!has(view, at + length) || view.getUint16(at + 0x38, true) !== magic) return undefined;
  const incompatible = view.getUint32(at + 0x60, true);
  if ((incompatible & EXT4_EXTENTS) === 0 || (incompatible & EXT4_JOURNAL_DEVICE) !== 0) return undefined;
  const high = (incompatible & EXT4_64BIT) === 0 ? 0 : view.getUint32(at + 0x150, true);
  const blocks = (BigInt(high) << 32n) | BigInt(view.getUint32(at + 4, true));
  const blockShift = view.getUint32(at + 0x18, true);
  if (blockShift > 6) return undefined;
  return {
    kind: "filesystem",
    fsType: "ext4",
    size: bytes(blocks * (1024n << BigInt(blockShift))),
    uuid: hex(view, at + 0x68, 16),
    dirtyLog: false,
    ...labelled(text(view, at + 0x78, 16)),
  };
}

const XFS_MAGIC = 0x58_46_53_42;

/** Not while `sb_inprogress` is set: then mkfs.xfs has not ended. */
function parseXfs(view: DataView): Filesystem | undefined {
  if (!has(view, 512) || view.getUint32(0) !== XFS_MAGIC || view.getUint8(126) !== 0) return undefined;
  return {
    kind: "filesystem",
    fsType: "xfs",
    size: bytes(view.getBigUint64(8) * BigInt(view.getUint32(4))),
    uuid: hex(view, 32, 16),
    dirtyLog: false,
    ...labelled(text(view, 108, 12)),
  };
}

const BTRFS = { at: 64 * 1024, length: 4096, magic: "_BHRfS_M" };

function parseBtrfs(view: DataView): Filesystem | undefined {
  const { at, length, magic } = BTRFS;
  if (!has(view, at + length) || text(view, at + 0x40, 8) !== magic) return undefined;
  return {
    kind: "filesystem",
    fsType: "btrfs",
    size: bytes(view.getBigUint64(at + 0x70, true)),
    uuid: hex(view, at + 0x20, 16),
    dirtyLog: view.getBigUint64(at + 0x60, true) !== 0n,
    ...labelled(text(view, at + 0x12b, 256)),
  };
}
