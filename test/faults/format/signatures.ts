/** What the format guard meets on a disk: damage, and what other owners left. */
import { run } from "../../support/machine-state.ts";
import { put } from "../../support/under-disk.ts";
import type { Content } from "../../support/volume-life.ts";
import type { Random } from "../random.ts";

const MIB = 1n << 20n;
/** The smallest of each. */
export const SIZES: Readonly<Record<Content, bigint>> = {
  ext4: 16n * MIB,
  xfs: 300n * MIB,
  btrfs: 256n * MIB,
  block: 16n * MIB,
};
/** Of the first superblock of each filesystem. */
export const SUPERBLOCKS = { ext4: 1024, xfs: 0, btrfs: 65_536 } as const;

/** No byte of it is zero. */
export const noiseOf = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.between(1, 255)));

export interface Signature {
  readonly what: string;
  /** Puts it on a device of `size` bytes. */
  readonly write: (device: string, size: bigint) => Promise<void>;
}

const SECTOR = 512;

/** A device is whole in its sectors: what is put there is padded. */
const at =
  (offset: (size: bigint) => bigint, text: string | Uint8Array): Signature["write"] =>
  async (device, size) => {
    const content = Buffer.alloc(4096);
    content.set(Buffer.from(text));
    await put(device, Number(offset(size)), content);
  };

/** LUKS 2: magic, version, length of the header. */
function luks(): Uint8Array {
  const header = Buffer.alloc(4096);
  header.write("LUKS\u00BA\u00BE", 0, "latin1");
  header.writeUInt16BE(2, 6);
  header.writeBigUInt64BE(16_384n, 8);
  return header;
}

/** DOS, one partition of Linux from 1 MiB on. */
function partitionTable(): Uint8Array {
  const sector = Buffer.alloc(SECTOR);
  sector.writeUInt8(0x83, 446 + 4);
  sector.writeUInt32LE(2048, 446 + 8);
  sector.writeUInt32LE(20_000, 446 + 12);
  sector.writeUInt16LE(0xaa_55, 510);
  return sector;
}

/** Magic and version of a member of a software RAID; 1.2 has it at 4 KiB, 0.90 near the end. */
function raidMember(version: number): Uint8Array {
  const superblock = Buffer.alloc(4096);
  superblock.writeUInt32LE(0xa9_2b_4e_fc, 0);
  superblock.writeUInt32LE(version, 4);
  return superblock;
}

export const SIGNATURES: readonly Signature[] = [
  {
    what: "an LVM physical volume",
    write: async (device) => {
      const real = await run("readlink", "--canonicalize", device);
      await run("pvcreate", "--quiet", "--yes", "--devices", real, real);
    },
  },
  { what: "LUKS", write: at(() => 0n, luks()) },
  { what: "a partition table", write: at(() => 0n, partitionTable()) },
  {
    what: "swap space",
    write: async (device) => {
      await run("mkswap", "--force", device);
    },
  },
  { what: "a RAID member, version 1.2", write: at(() => 4096n, raidMember(1)) },
  {
    what: "a RAID member, version 0.90",
    write: at((size) => (size & ~0xff_ffn) - 0x1_00_00n, raidMember(0)),
  },
  {
    what: "two filesystems at once",
    write: async (device) => {
      await run("mkfs.ext4", "-q", "-F", device);
      const head = Buffer.alloc(SECTOR);
      head.write("XFSB", 0, "latin1");
      await put(device, 0, head);
    },
  },
];
