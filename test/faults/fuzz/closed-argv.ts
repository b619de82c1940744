/**
 * What the driver may put on a command line: for each tool a closed set of arguments, written down apart from the code
 * that makes them. `kubelet` and `own` are directories: paths must lie in them.
 */
export interface Directories {
  readonly kubelet: string;
  /** Of pools, state and sockets. */
  readonly own: readonly string[];
}

/** One command as the driver's log has it. */
export type Argv = readonly string[];

const DEVICE = /^\/dev\/dm-\d+$/;
const NAME = /^dmthin-[a-z0-9-]+$/;
const UUID = /^DMTHIN-[0-9a-f]{32}-[a-z0-9-]+$/;
const NUMBER = /^\d+$/;
const EXT4 = [/^-[qFV]$/, /^-[bmiE]$/, /^-L$/, /^dmthin-catalog$/, NUMBER, DEVICE];
const EXTENDED = /^(?:nodiscard|lazy_itable_init=0|lazy_journal_init=0|assume_storage_prezeroed=[01])$/;
/** `relatime`: no request of this suite names it; a read-only publication repeats it from its source's mount (host/mount.ts). */
const FLAG =
  /^(?:noatime|relatime|nodev|nosuid|noexec|discard|commit=5|nouuid|errors=remount-ro|bind|ro|norecovery)$/;

const listOf =
  (pattern: RegExp) =>
  (text: string): boolean =>
    text.split(",").every((each) => pattern.test(each));
const is =
  (...patterns: readonly RegExp[]) =>
  (text: string): boolean =>
    patterns.some((pattern) => pattern.test(text));

type Judge = (text: string) => boolean;

function judges({ kubelet, own }: Directories): Readonly<Record<string, readonly Judge[]>> {
  const below = (directories: readonly string[]): Judge => {
    return (text) =>
      directories.some((each) => text.startsWith(`${each}/`)) &&
      !text.split("/").includes("..") &&
      !/\p{Cc}/u.test(text);
  };
  const shown = below([kubelet]);
  const mine = below(own);
  return {
    dmsetup: [
      is(/^(?:clear|create|info|load|message|remove|resume|status|suspend|table|targets|version|wait)$/),
      is(/^--(?:uuid|table|noflush|nolockfs|noheadings|separator|inactive|target)$/, /^-[co]$/, /^\|$/),
      is(/^(?:name,uuid,major,minor,open,suspended,tables_loaded|events)$/, /^thin$/, NUMBER, NAME, UUID),
      is(/^(?:create_thin|create_snap|delete|set_transaction_id) \d+(?: \d+)?$/),
      is(/^(?:reserve|release)_metadata_snap$/),
      is(/^0 \d+ (?:thin \d+:\d+ \d+|thin-pool [\d: a-z_]+|linear \d+:\d+ \d+)$/),
    ],
    losetup: [
      is(/^--(?:find|show|direct-io=on|list|json|output|detach)$/, /^[A-Z,:-]+$/, /^\/dev\/loop\d+$/),
      mine,
    ],
    flock: [is(/^--(?:exclusive|timeout|nonblock)$/, /^[\d.]+$/)],
    fallocate: [is(/^--length$/, NUMBER), mine],
    mount: [
      is(/^--(?:no-canonicalize|internal-only|rw|make-private)$/, /^-[to]$/, /^(?:ext4|xfs|btrfs)$/, DEVICE),
      listOf(FLAG),
      shown,
      mine,
    ],
    umount: [is(/^--(?:no-canonicalize|internal-only)$/), shown, mine],
    "mkfs.ext4": [is(...EXT4), listOf(EXTENDED)],
    "mkfs.xfs": [is(/^-[qK]$/, DEVICE)],
    "mkfs.btrfs": [is(/^-[qK]$/, DEVICE)],
    e2fsck: [is(/^-p$/, DEVICE)],
    resize2fs: [is(DEVICE)],
    xfs_growfs: [is(/^-d$/), shown],
    btrfs: [is(/^(?:filesystem|resize|max)$/), shown],
    btrfstune: [is(/^-[fm]$/, DEVICE)],
    blkid: [is(/^--?[a-z]+$/, DEVICE)],
    blockdev: [is(/^--set(?:ro|rw)$/, DEVICE)],
    fsfreeze: [is(/^--(?:un)?freeze$/), shown],
    sync: [is(/^--file-system$/), shown],
    od: [is(/^-(?:An|v|tx8|-endian=big|w64|N69632)$/, DEVICE)],
    thin_ls: [is(/^--(?:metadata-snap|no-headers|format)$/, /^[A-Z,_]+$/, DEVICE)],
    thin_check: [is(/^--[a-z-]+$/, /^-q$/, DEVICE)],
    modprobe: [is(/^dm_thin_pool$/)],
  };
}

/** The commands that hold anything else. */
export function strangeCommands(commands: readonly Argv[], directories: Directories): readonly Argv[] {
  const allowed = judges(directories);
  return commands.filter(([tool = "", ...args]) => {
    const own = Object.hasOwn(allowed, tool) ? allowed[tool] : undefined;
    return own === undefined || !args.every((arg) => own.some((judge) => judge(arg)));
  });
}
