/** Brings the programs that are missing, by apt: on the test kernel of User-Mode Linux none are. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { seenTools, TOOL_DIRECTORIES } from "../../src/host/tools.ts";

const INSTALL = join(import.meta.dirname, "../../test/tools/apt-install.sh");

/** What the measurements on the kernel start beside the driver's own tools, with the Debian package of each. */
export const KERNEL_TOOLS: Readonly<Record<string, string>> = {
  lvm: "lvm2",
  fio: "fio",
  thin_restore: "thin-provisioning-tools",
  "mkfs.xfs": "xfsprogs",
  xfs_growfs: "xfsprogs",
  sfdisk: "fdisk",
};

/** The driver's required tools, and these. */
export function bringTools(others: Readonly<Record<string, string>> = {}): void {
  const own = seenTools().filter((tool) => tool.required && tool.path === undefined);
  const missing = Object.entries(others).filter(
    ([name]) => !TOOL_DIRECTORIES.some((directory) => existsSync(`${directory}/${name}`)),
  );
  const packages = new Set([...own.map((tool) => tool.package), ...missing.map(([, brought]) => brought)]);
  if (packages.size === 0) return;
  execFileSync(INSTALL, ["make bench", ...packages], { stdio: ["ignore", "inherit", "inherit"] });
}
