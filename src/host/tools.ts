/**
 * The closed set of programs dmthin may start. Each is looked up once, at start, in a fixed list of directories: PATH
 * is not consulted, so no environment can put another program in its place.
 */
import { accessSync, constants, statSync } from "node:fs";

import { EnvironmentError } from "../core/errors.ts";

interface ToolFacts {
  /** The Debian package that brings it, for the error text. */
  readonly package: string;
  /** Required: dmthin does not start without it. Others are missed by the feature that needs them, when it is used. */
  readonly required: boolean;
}

const required = (name: string): ToolFacts => ({ package: name, required: true });
const optional = (name: string): ToolFacts => ({ package: name, required: false });

const TOOLS = {
  dmsetup: required("dmsetup"),
  losetup: required("mount"),
  mount: required("mount"),
  umount: required("mount"),
  blkid: required("util-linux"),
  flock: required("util-linux"),
  fsfreeze: required("util-linux"),
  setpriv: required("util-linux"),
  sync: required("coreutils"),
  od: required("coreutils"),
  "mkfs.ext4": required("e2fsprogs"),
  e2fsck: required("e2fsprogs"),
  resize2fs: required("e2fsprogs"),
  thin_check: required("thin-provisioning-tools"),
  thin_ls: required("thin-provisioning-tools"),
  thin_dump: optional("thin-provisioning-tools"),
  thin_repair: optional("thin-provisioning-tools"),
  thin_restore: optional("thin-provisioning-tools"),
  "mkfs.xfs": optional("xfsprogs"),
  xfs_growfs: optional("xfsprogs"),
  "mkfs.btrfs": optional("btrfs-progs"),
  btrfs: optional("btrfs-progs"),
  btrfstune: optional("btrfs-progs"),
  modprobe: optional("kmod"),
  blockdev: optional("util-linux"),
  blkdiscard: optional("util-linux"),
  fstrim: optional("util-linux"),
  fallocate: optional("util-linux"),
  sfdisk: optional("fdisk"),
} as const satisfies Record<string, ToolFacts>;

export type ToolName = keyof typeof TOOLS;

/** Where programs are, verified at start. */
export interface Tools {
  /** Absolute path. Throws EnvironmentError, naming the Debian package, for an optional tool that is not installed. */
  path(tool: ToolName): string;
  has(tool: ToolName): boolean;
}

const isToolName = (text: string): text is ToolName => Object.hasOwn(TOOLS, text);

export const TOOL_NAMES: readonly ToolName[] = Object.keys(TOOLS).filter(isToolName);

export const TOOL_DIRECTORIES: readonly string[] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Absolute path of the first that is there and may be started. */
export function locateTool(
  tool: ToolName,
  directories: readonly string[] = TOOL_DIRECTORIES,
): string | undefined {
  return directories.map((directory) => `${directory}/${tool}`).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Every tool, and where it is; for people who want to know before they start the driver. */
export const seenTools = (directories: readonly string[] = TOOL_DIRECTORIES) =>
  TOOL_NAMES.map((name) => ({ name, ...TOOLS[name], path: locateTool(name, directories) }));

const describe = (tool: ToolName): string => `${tool} (Debian package ${TOOLS[tool].package})`;

/** Finds every tool. Throws EnvironmentError listing all required tools that are missing, with their packages. */
export function findTools(directories: readonly string[] = TOOL_DIRECTORIES): Tools {
  const tools = presentTools(directories);
  const missing = TOOL_NAMES.filter((tool) => TOOLS[tool].required && !tools.has(tool));
  if (missing.length === 0) return tools;
  throw new EnvironmentError(
    `missing tools: ${missing.map(describe).join(", ")}; searched ${directories.join(", ")}`,
  );
}

/** Those that there are; for whoever needs but one. */
export function presentTools(directories: readonly string[] = TOOL_DIRECTORIES): Tools {
  const found = new Map<ToolName, string>();
  for (const tool of TOOL_NAMES) {
    const path = locateTool(tool, directories);
    if (path !== undefined) found.set(tool, path);
  }
  return {
    has(tool) {
      return found.has(tool);
    },
    path(tool) {
      const path = found.get(tool);
      if (path === undefined) {
        throw new EnvironmentError(`missing tool: ${describe(tool)}; install it and restart dmthin`);
      }
      return path;
    },
  };
}
