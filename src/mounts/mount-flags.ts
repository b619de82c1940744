/**
 * Mount flags a user may give: a closed set for each filesystem. Left out on purpose: what changes which device or
 * which part of it is mounted (`loop`, `bind`, `remount`, `subvol`, `device`, `logdev`), what weakens promises 2 and 6
 * (`nobarrier`, `norecovery`, `errors`), and what mount(8) itself acts on (`user`, `x-…`), but for `context`: kubelet gives
 * it, in quotes, where a pod has an SELinux label and the CSIDriver says seLinuxMount.
 */
import { InvalidRequestError } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import { FS_TYPES, type FsType } from "../core/records.ts";

/** Flag name → the pattern of its value; `undefined`: it takes none. */
type Flags = Readonly<Record<string, RegExp | undefined>>;

const NATURAL = /^\d{1,7}$/;
const SECONDS = /^(?:[1-9]|[1-9]\d|[12]\d\d|300)$/;
const SIZE = /^\d{1,7}[kKmM]?$/;

const bare = (...names: readonly string[]): Flags =>
  Object.fromEntries(names.map((name) => [name, undefined]));

/** `rw` is what staging does anyway. `ro` is not here: reader-only access modes and readOnly are for that. */
const COMMON: Flags = bare(
  "rw",
  "noatime",
  "relatime",
  "norelatime",
  "strictatime",
  "nodiratime",
  "lazytime",
  "sync",
  "dirsync",
  "nosuid",
  "nodev",
  "noexec",
  "discard",
  "nodiscard",
);

const COMMON_VALUES: Flags = { context: /^"[\w.-]+(?::[\w.-]+){2}(?::[\w.,:-]+)?"$/ };

const OWN: Readonly<Record<FsType, Flags>> = {
  ext4: {
    ...bare("acl", "user_xattr", "grpid", "nogrpid", "delalloc", "nodelalloc", "i_version"),
    ...bare("dioread_lock", "dioread_nolock", "auto_da_alloc", "noinit_itable", "journal_checksum"),
    ...bare("usrquota", "grpquota", "prjquota", "block_validity", "noblock_validity"),
    data: /^(?:ordered|journal|writeback)$/,
    commit: SECONDS,
    init_itable: NATURAL,
    inode_readahead_blks: NATURAL,
    max_batch_time: NATURAL,
    min_batch_time: NATURAL,
    stripe: NATURAL,
    journal_ioprio: /^[0-7]$/,
    max_dir_size_kb: NATURAL,
  },
  xfs: {
    ...bare("nouuid", "grpid", "nogrpid", "inode32", "inode64", "largeio", "nolargeio", "swalloc"),
    ...bare("filestreams", "wsync", "noalign", "noquota"),
    ...bare("uquota", "usrquota", "gquota", "grpquota", "pquota", "prjquota"),
    allocsize: /^\d{1,7}[kKmMgG]?$/,
    logbufs: /^[2-8]$/,
    logbsize: SIZE,
  },
  btrfs: {
    ...bare("acl", "noacl", "autodefrag", "noautodefrag", "ssd", "nossd", "ssd_spread", "nossd_spread"),
    ...bare("datacow", "nodatacow", "datasum", "nodatasum", "flushoncommit", "noflushoncommit"),
    ...bare("user_subvol_rm_allowed", "treelog", "notreelog", "skip_balance", "barrier"),
    compress: /^(?:no|none|lzo|zlib(?::[1-9])?|zstd(?::(?:[1-9]|1[0-5]))?)$/,
    "compress-force": /^(?:no|none|lzo|zlib(?::[1-9])?|zstd(?::(?:[1-9]|1[0-5]))?)$/,
    discard: /^(?:async|sync)$/,
    space_cache: /^v2$/,
    commit: SECONDS,
    max_inline: SIZE,
    metadata_ratio: NATURAL,
    thread_pool: /^(?:[1-9]|[1-5]\d|6[0-4])$/,
  },
};

/** Every name that can be accepted for a filesystem, for the documentation and the tests. */
export const mountFlagNames = (fsType: FsType): readonly string[] =>
  [...new Set([...Object.keys(COMMON), ...Object.keys(OWN[fsType])])].toSorted();

const MAX_TOTAL_BYTES = 4096;

/**
 * The flags, each once. Without a filesystem type, one must suit any of them; `stage` asks again when it is known.
 * Throws InvalidRequestError.
 */
export function parseMountFlags(
  flags: readonly string[],
  fsType?: FsType,
  field = "volume_capability.mount.mount_flags",
): readonly string[] {
  if (Buffer.byteLength(flags.join("")) > MAX_TOTAL_BYTES) {
    throw new InvalidRequestError(field, `has more than ${MAX_TOTAL_BYTES} bytes in all`);
  }
  const unique = [...new Set(flags)];
  const suiting = fsType === undefined ? FS_TYPES : [fsType];
  for (const flag of unique) {
    if (!suiting.some((type) => allows(type, flag)))
      throw new InvalidRequestError(field, refusal(flag, fsType));
  }
  requireOneValueEach(field, unique);
  return unique;
}

function allows(fsType: FsType, flag: string): boolean {
  const [name, value] = splitOnce(flag);
  const own = OWN[fsType];
  const bareAllowed = Object.hasOwn(COMMON, name) || (Object.hasOwn(own, name) && own[name] === undefined);
  if (value === undefined) return bareAllowed;
  return [own, COMMON_VALUES].some((all) => Object.hasOwn(all, name) && all[name]?.test(value) === true);
}

function splitOnce(flag: string): readonly [string, string | undefined] {
  const at = flag.indexOf("=");
  return at === -1 ? [flag, undefined] : [flag.slice(0, at), flag.slice(at + 1)];
}

function refusal(flag: string, fsType: FsType | undefined): string {
  if (flag === "ro") return `"ro" is not a flag here: ask for readOnly, or for a reader-only access mode`;
  const where = fsType === undefined ? "any filesystem dmthin makes" : fsType;
  return `${quote(flag)} is not among the flags allowed for ${where}`;
}

function requireOneValueEach(field: string, flags: readonly string[]): void {
  const names = flags.map((flag) => splitOnce(flag)[0]);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new InvalidRequestError(field, `${quote(twice)} is given twice, differently`);
}
