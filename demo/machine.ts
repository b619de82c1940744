/** What the machine itself says, asked with its own tools: device-mapper, loop devices, mounts, filesystems. */
import { readFile } from "node:fs/promises";
import type { PoolStatus } from "../src/core/dm.ts";
import { DM_UUID_PREFIX } from "../src/core/ids.ts";
import type { Bytes } from "../src/core/units.ts";
import { bytes, bytesFromSectors } from "../src/core/units.ts";
import { parsePoolStatus } from "../src/host/thin-pool-text.ts";
import { parseThinStatus } from "../src/host/thin-text.ts";
import { linesOf, run } from "../test/support/machine-state.ts";

/** What must be after the demo as it was before. */
export interface Traces {
  readonly devices: readonly string[];
  readonly loops: readonly string[];
  readonly mounts: readonly string[];
}

export async function traces(): Promise<Traces> {
  return { devices: await dmthinDevices(), loops: await loopFiles(), mounts: await mountPoints() };
}

/** Names of all device-mapper devices of dmthin, whatever their pool. */
export async function dmthinDevices(): Promise<readonly string[]> {
  const listed = await run("dmsetup", "info", "-c", "--noheadings", "--separator", " ", "-o", "name,uuid");
  return linesOf(listed).flatMap((line) => {
    const [name = "", uuid = ""] = line.split(" ");
    return uuid.startsWith(DM_UUID_PREFIX) ? [name] : [];
  });
}

async function loopFiles(): Promise<readonly string[]> {
  return linesOf(await run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"));
}

/** Mount points, the newest last. */
export async function mountPoints(): Promise<readonly string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return linesOf(text).map((line) => line.split(" ")[4] ?? "");
}

/** Filesystem and source of the mount at `path`: `ext4 on /dev/dm-5`. */
export async function mountedAt(path: string): Promise<string> {
  return run("findmnt", "--noheadings", "--output", "FSTYPE,SOURCE", "--mountpoint", path).then((text) =>
    text.replaceAll(/\s+/g, " on "),
  );
}

/** As `df` tells it: size, used and available bytes of the filesystem at `path`. */
export async function df(
  path: string,
): Promise<{ readonly size: Bytes; readonly used: Bytes; readonly available: Bytes }> {
  const [, figures = ""] = linesOf(await run("df", "--block-size=1", "--output=size,used,avail", path));
  const [size = "", used = "", available = ""] = figures.trim().split(/\s+/);
  return { size: bytes(BigInt(size)), used: bytes(BigInt(used)), available: bytes(BigInt(available)) };
}

export async function deviceSize(path: string): Promise<Bytes> {
  return bytes(BigInt(await run("blockdev", "--getsize64", path)));
}

export async function poolStatus(pool: string): Promise<Extract<PoolStatus, { kind: "active" }>> {
  const status = parsePoolStatus(await run("dmsetup", "status", pool));
  if (status.kind === "fail") throw new Error(`${pool} has failed`);
  return status;
}

/** Bytes of the pool that an active volume has mapped. */
export async function mappedBytes(thin: string): Promise<Bytes> {
  const status = parseThinStatus(await run("dmsetup", "status", thin));
  if (status.kind === "fail") throw new Error(`${thin} has failed`);
  return bytesFromSectors(status.mapped);
}
