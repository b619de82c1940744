/** What the machine itself says, asked with its own tools: device-mapper, loop devices, mounts, filesystems. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { promisify } from "node:util";
import type { PoolStatus } from "../src/core/dm.ts";
import type { DmName } from "../src/core/ids.ts";
import { DM_UUID_PREFIX } from "../src/core/ids.ts";
import type { Bytes } from "../src/core/units.ts";
import { bytes, bytesFromSectors } from "../src/core/units.ts";
import { parsePoolStatus } from "../src/host/thin-pool-text.ts";
import { parseThinStatus } from "../src/host/thin-text.ts";

const start = promisify(execFile);

/** Output of a command that must succeed. No shell. */
export async function run(command: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await start(command, args, { env: { ...process.env, LC_ALL: "C" }, maxBuffer: 2 ** 26 });
  return stdout.trim();
}

const lines = (text: string): readonly string[] => text.split("\n").filter((line) => line.trim() !== "");

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
  return lines(listed).flatMap((line) => {
    const [name = "", uuid = ""] = line.split(" ");
    return uuid.startsWith(DM_UUID_PREFIX) ? [name] : [];
  });
}

async function loopFiles(): Promise<readonly string[]> {
  return lines(await run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"));
}

/** Mount points, the newest last. */
export async function mountPoints(): Promise<readonly string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return lines(text).map((line) => line.split(" ")[4] ?? "");
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
  const [, figures = ""] = lines(await run("df", "--block-size=1", "--output=size,used,avail", path));
  const [size = "", used = "", available = ""] = figures.trim().split(/\s+/);
  return { size: bytes(BigInt(size)), used: bytes(BigInt(used)), available: bytes(BigInt(available)) };
}

export async function deviceSize(path: string): Promise<Bytes> {
  return bytes(BigInt(await run("blockdev", "--getsize64", path)));
}

export async function poolStatus(pool: DmName): Promise<Extract<PoolStatus, { kind: "active" }>> {
  const status = parsePoolStatus(await run("dmsetup", "status", pool));
  if (status.kind === "fail") throw new Error(`${pool} has failed`);
  return status;
}

/** Bytes of the pool that an active volume has mapped. */
export async function mappedBytes(thin: DmName): Promise<Bytes> {
  const status = parseThinStatus(await run("dmsetup", "status", thin));
  if (status.kind === "fail") throw new Error(`${thin} has failed`);
  return bytesFromSectors(status.mapped);
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Takes away whatever a demo in `directory` with pool `name` left: mounts, devices, loop devices, files. */
export async function takeDown(directory: string, name: string): Promise<void> {
  const devices = (await dmthinDevices()).filter((device) => device.startsWith(`dmthin-${name}-`));
  for (const device of devices) await run("dmsetup", "resume", device);
  for (const point of (await mountPoints()).toReversed()) {
    if (point.startsWith(`${directory}/`)) await run("umount", point);
  }
  const rank = (device: string): number => (device.includes("-v-") ? 0 : device.endsWith("-pool") ? 1 : 2);
  for (const device of devices.toSorted((one, other) => rank(one) - rank(other))) {
    await run("dmsetup", "remove", "--retry", device);
  }
  for (const line of await loopFiles()) {
    const [loop = "", file = ""] = line.split(/\s+/);
    if (file.startsWith(`${directory}/`)) await run("losetup", "--detach", loop);
  }
  await rm(directory, { recursive: true, force: true });
}
