/**
 * StorageClass parameter `mkfsOptions`: a closed set for each filesystem, split on blanks, never seen by a shell. Left
 * out: whatever names a path, a device, an external log, a label or a UUID; sizes of the filesystem itself; what forces;
 * what gives up the journal. The tools judge whether allowed options fit each other.
 */
import { InvalidRequestError } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import type { FsType } from "../core/records.ts";

/** Judges the value of an option; true = allowed. */
type Judge = (value: string) => boolean;

const matches =
  (pattern: RegExp): Judge =>
  (value) =>
    pattern.test(value);

const oneOf = (...values: readonly string[]): Judge => {
  const allowed = new Set(values);
  return (value) => allowed.has(value);
};

/** `a,b,^c`: each name known; `^` only where `switchable`. */
function features(known: readonly string[], switchable: readonly string[]): Judge {
  const on = new Set([...known, ...switchable]);
  const off = new Set(switchable.map((name) => `^${name}`));
  return (value) => value.split(",").every((each) => on.has(each) || off.has(each));
}

/** `key=value,key=value`: each key known, its value judged. */
function pairs(judges: Readonly<Record<string, Judge>>): Judge {
  return (value) =>
    value.split(",").every((pair) => {
      const [key = "", text, ...more] = pair.split("=");
      return (
        text !== undefined && more.length === 0 && Object.hasOwn(judges, key) && judges[key]?.(text) === true
      );
    });
}

const SWITCH = oneOf("0", "1");
const SIZE = matches(/^\d{1,9}[kKmMgG]?$/);
const COUNT = matches(/^\d{1,9}$/);
const PERCENT = matches(/^(?:\d{1,2}|100)$/);

/** Blocks larger than 4 KiB cannot be mounted where the kernel's pages are 4 KiB. */
const BLOCK = oneOf("512", "1024", "2048", "4096", "1k", "2k", "4k");

/** dmthin counts on them: a journal for what fsync promised, extents to know an ext4 when it sees one. */
const EXT4_FIXED = "extent extents has_journal filetype 64bit large_file sparse_super ext_attr".split(" ");
const EXT4_SWITCHABLE = (
  "dir_index dir_nlink ea_inode extra_isize fast_commit flex_bg huge_file inline_data large_dir metadata_csum " +
  "metadata_csum_seed orphan_file project quota resize_inode stable_inodes"
).split(" ");

const EXT4: Readonly<Record<string, Judge>> = {
  "-b": oneOf("1024", "2048", "4096"),
  "-i": matches(/^\d{4,8}$/),
  "-I": oneOf("128", "256", "512", "1024"),
  "-m": matches(/^(?:[0-4]?\d(?:\.\d{1,3})?|50)$/),
  "-N": COUNT,
  "-g": COUNT,
  "-G": COUNT,
  "-T": oneOf("default", "small", "big", "huge", "news", "largefile", "largefile4"),
  "-J": pairs({ size: matches(/^\d{1,5}$/) }),
  "-O": features(EXT4_FIXED, EXT4_SWITCHABLE),
};

const XFS: Readonly<Record<string, Judge>> = {
  "-b": pairs({ size: BLOCK }),
  "-m": pairs({
    crc: SWITCH,
    finobt: SWITCH,
    inobtcount: SWITCH,
    reflink: SWITCH,
    rmapbt: SWITCH,
    bigtime: SWITCH,
  }),
  "-i": pairs({
    size: oneOf("256", "512", "1024", "2048"),
    maxpct: PERCENT,
    sparse: SWITCH,
    nrext64: SWITCH,
    align: SWITCH,
    attr: oneOf("2"),
    projid32bit: SWITCH,
  }),
  "-d": pairs({ agcount: COUNT, agsize: SIZE, su: SIZE, sw: COUNT, sunit: COUNT, swidth: COUNT }),
  "-l": pairs({
    size: SIZE,
    su: SIZE,
    sunit: COUNT,
    version: oneOf("2"),
    "lazy-count": SWITCH,
    internal: oneOf("1"),
  }),
  "-n": pairs({ size: SIZE, version: oneOf("2", "ci"), ftype: SWITCH }),
  "-s": pairs({ size: oneOf("512", "4096", "4k") }),
};

const BTRFS_NODE = oneOf("4096", "8192", "16384", "32768", "65536", "4k", "8k", "16k", "32k", "64k");
const BTRFS_PROFILE = oneOf("single", "dup", "SINGLE", "DUP");
const BTRFS_CHECKSUM = oneOf("crc32c", "xxhash", "sha256", "blake2");

const BTRFS: Readonly<Record<string, Judge>> = {
  "-m": BTRFS_PROFILE,
  "--metadata": BTRFS_PROFILE,
  "-d": BTRFS_PROFILE,
  "--data": BTRFS_PROFILE,
  "-n": BTRFS_NODE,
  "--nodesize": BTRFS_NODE,
  "-s": oneOf("4096", "4k"),
  "--sectorsize": oneOf("4096", "4k"),
  "--csum": BTRFS_CHECKSUM,
  "--checksum": BTRFS_CHECKSUM,
  "-O": features(
    ["extref", "skinny-metadata"],
    ["no-holes", "free-space-tree", "block-group-tree", "quota", "squota"],
  ),
};

const OPTIONS: Readonly<Record<FsType, Readonly<Record<string, Judge>>>> = {
  ext4: EXT4,
  xfs: XFS,
  btrfs: BTRFS,
};

const MAX_BYTES = 1024;

/**
 * The options as an argument vector: `-O quota -I 512` gives four words, and so does `-Oquota -I512`.
 * Throws InvalidRequestError naming the word.
 */
export function parseMkfsOptions(text: string, fsType: FsType): readonly string[] {
  const field = "parameters.mkfsOptions";
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new InvalidRequestError(field, `is longer than ${MAX_BYTES} bytes`);
  const words = text.split(/[ \t]+/).filter((word) => word !== "");
  const options: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const [option, joined] = splitOption(word);
    const judge = Object.hasOwn(OPTIONS[fsType], option) ? OPTIONS[fsType][option] : undefined;
    if (judge === undefined)
      throw new InvalidRequestError(field, `${quote(word)} is not allowed for ${fsType}`);
    if (options.includes(option)) throw new InvalidRequestError(field, `${quote(option)} is given twice`);
    if (joined === undefined) at += 1;
    const value = joined ?? words[at];
    if (value === undefined) throw new InvalidRequestError(field, `${quote(option)} needs a value`);
    if (!judge(value))
      throw new InvalidRequestError(field, `${option} ${quote(value)} is not allowed for ${fsType}`);
    options.push(option, value);
  }
  return options;
}

/** `-O`, `-Oquota`, `--csum`, `--csum=xxhash`. */
function splitOption(word: string): readonly [string, string | undefined] {
  if (word.startsWith("--")) {
    const at = word.indexOf("=");
    return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
  }
  return word.length > 2 ? [word.slice(0, 2), word.slice(2)] : [word, undefined];
}
