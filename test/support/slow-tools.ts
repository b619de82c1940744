/**
 * Tools that wait, or fail, where a fault test says so: a small program is mounted over each, in the mount namespace of
 * the test kernel, and starts the real one. What it does is told by src/fault-point.ts, command by command.
 */
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { locateTool, type ToolName } from "../../src/host/tools.ts";
import { sh } from "./sh.ts";

/** Those that change something. */
const TOOLS: readonly ToolName[] = [
  "dmsetup",
  "losetup",
  "mount",
  "umount",
  "fsfreeze",
  "mkfs.ext4",
  "e2fsck",
  "resize2fs",
  "mkfs.xfs",
  "xfs_growfs",
  "mkfs.btrfs",
  "btrfs",
  "btrfstune",
  "fallocate",
];

/** `before`: it waits, then does its work. `after`: the work is done, and it goes on running. */
export type Slowness = "before" | "after";

const REACH_MS = 30_000;

export class SlowTools {
  readonly #directory: string;
  readonly #orders: string;

  /** `faultFile`: DMTHIN_FAULT_FILE of the driver. */
  constructor(directory: string, faultFile: string) {
    this.#directory = directory;
    this.#orders = `${faultFile}.tools`;
    mkdirSync(`${directory}/real`, { recursive: true });
    const program = `${directory}/tool`;
    writeFileSync(program, scriptOf(directory, this.#orders));
    chmodSync(program, 0o755);
    for (const tool of TOOLS) {
      const path = locateTool(tool);
      if (path === undefined) throw new Error(`${tool} is not installed`);
      // By its own name: some are one program that goes by the name.
      copyFileSync(path, `${directory}/real/${tool}`);
    }
    // The copies first: mount itself is one of them.
    for (const tool of TOOLS) sh(`${directory}/real/mount`, "--bind", program, locateTool(tool) ?? tool);
    this.hold();
  }

  remove(): void {
    this.release();
    for (const tool of TOOLS) sh(`${this.#directory}/real/umount`, locateTool(tool) ?? tool);
    rmSync(this.#directory, { recursive: true });
  }

  /** From now on those told so wait, until `release`. */
  hold(): void {
    writeFileSync(`${this.#directory}/hold`, "");
    rmSync(`${this.#directory}/waiting`, { force: true });
  }

  release(): void {
    for (const each of ["hold", "failed"])
      rmSync(`${this.#directory}/${each}`, { force: true, recursive: true });
    rmSync(this.#orders, { force: true });
  }

  /** For a command of anybody, the guard included. */
  order(how: string, command: string): void {
    appendFileSync(this.#orders, `${how} ${command}\n`);
  }

  /** Commands that wait now. */
  waiting(): number {
    const path = `${this.#directory}/waiting`;
    return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
  }

  async reach(count: number): Promise<void> {
    const end = performance.now() + REACH_MS;
    while (this.waiting() < count) {
      if (performance.now() > end) throw new Error(`${this.waiting()} of ${count} tools wait`);
      await sleep(10);
    }
  }
}

const scriptOf = (directory: string, orders: string): string => `#!/bin/sh
tool=\${0##*/}
real="${directory}/real/$tool"
[ -e "${orders}" ] || exec "$real" "$@"
wait_here() {
  echo "$tool $*" >>"${directory}/waiting"
  while [ -e "${directory}/hold" ]; do sleep 0.1; done
}
while read -r how command; do
  [ "$command" = "$tool $*" ] || continue
  case $how in
    fail) exit 1 ;;
    fail-once) if mkdir "${directory}/failed" 2>/dev/null; then exit 1; fi ;;
    before) wait_here "$@" ;;
    after) "$real" "$@"; code=$?; wait_here "$@"; exit $code ;;
  esac
  break
done <"${orders}"
exec "$real" "$@"
`;
