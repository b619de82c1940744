import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { findTools, TOOL_NAMES } from "../../../src/host/tools.ts";

const OPTIONAL: ReadonlySet<string> = new Set(["mkfs.xfs", "btrfs", "modprobe"]);

describe("finding the tools", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "tools-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  async function install(names: readonly string[], directory = root): Promise<void> {
    await Promise.all(names.map((name) => writeFile(join(directory, name), "#!/bin/sh\n", { mode: 0o755 })));
  }

  test("all that is missing is listed at once, with its package", async () => {
    await install(TOOL_NAMES.filter((name) => name !== "dmsetup" && name !== "thin_ls"));
    expect(() => findTools([root])).toThrow(
      expect.objectContaining({
        kind: "environment",
        message: `missing tools: dmsetup (Debian package dmsetup), thin_ls (Debian package thin-provisioning-tools); searched ${root}`,
      }),
    );
  });

  test("an optional tool is missed when it is wanted, not at start", async () => {
    await install(TOOL_NAMES.filter((name) => !OPTIONAL.has(name)));
    const tools = findTools([root]);
    expect([tools.has("mkfs.xfs"), tools.has("mkfs.ext4")]).toEqual([false, true]);
    expect(() => tools.path("mkfs.xfs")).toThrow("mkfs.xfs (Debian package xfsprogs)");
  });

  test("the first directory wins, and what cannot be executed does not count", async () => {
    const [first, second] = [join(root, "first"), join(root, "second")];
    await mkdir(first);
    await mkdir(second);
    await install(["dmsetup", "blkid"], first);
    await install(TOOL_NAMES, second);
    await chmod(join(first, "blkid"), 0o644);
    await mkdir(join(first, "mount"));
    const tools = findTools([first, second]);
    expect([tools.path("dmsetup"), tools.path("blkid"), tools.path("mount")]).toEqual([
      join(first, "dmsetup"),
      join(second, "blkid"),
      join(second, "mount"),
    ]);
  });
});
