/** What must be after a test as it was before: asked of the kernel's own tools, of the files and of the driver's lists. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

import type { CsiClient } from "./csi-client.ts";

const start = promisify(execFile);

/** Output of a command that must succeed. No shell; unlike `sh` it lets timers and writers of the test go on. */
export async function run(command: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, LC_ALL: "C", DM_DISABLE_UDEV: "1" };
  const { stdout } = await start(command, args, { env, maxBuffer: 2 ** 26 });
  return stdout.trim();
}

export const linesOf = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

export interface MachineState {
  /** `name uuid state`, of all device-mapper devices. */
  readonly devices: readonly string[];
  readonly loops: readonly string[];
  /** `mount point filesystem source`. */
  readonly mounts: readonly string[];
  /** Thin ids in the pool's metadata. */
  readonly thins: readonly string[];
  /** Data blocks the pool has given out. */
  readonly usedBlocks: string;
  readonly volumes: readonly string[];
  readonly snapshots: readonly string[];
  /** Everything in kubelet's directory, without what is mounted there. */
  readonly paths: readonly string[];
}

export interface Observed {
  readonly pool: string;
  readonly csi: CsiClient;
  readonly kubeletDirectory: string;
}

export async function machineState({ pool, csi, kubeletDirectory }: Observed): Promise<MachineState> {
  return {
    devices: await dmDevices(),
    loops: linesOf(await run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE")).toSorted(),
    mounts: await mountLines(),
    thins: await thinIds(pool),
    usedBlocks: (await run("dmsetup", "status", `dmthin-${pool}-pool`)).split(" ")[5] ?? "",
    volumes: (await csi.controller.listVolumes({})).entries.map(({ volume }) => volume?.volume_id ?? ""),
    snapshots: (await csi.controller.listSnapshots({})).entries.map(
      ({ snapshot }) => snapshot?.snapshot_id ?? "",
    ),
    paths: (await readdir(kubeletDirectory, { recursive: true })).toSorted(),
  };
}

async function dmDevices(): Promise<readonly string[]> {
  const columns = ["-o", "name,uuid,attr", "--separator", " "];
  return linesOf(await run("dmsetup", "info", "-c", "--noheadings", ...columns)).toSorted();
}

async function mountLines(): Promise<readonly string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return linesOf(text)
    .map((line) => {
      const fields = line.split(" ");
      const [fsType = "", source = ""] = fields.slice(fields.indexOf("-") + 1);
      return `${fields[4] ?? ""} ${fsType} ${source}`;
    })
    .toSorted();
}

/** Ids of all thins in the pool's metadata, by a metadata snapshot: the driver must be idle. */
export async function thinIds(pool: string): Promise<readonly string[]> {
  const message = (text: string): Promise<string> =>
    run("dmsetup", "message", `dmthin-${pool}-pool`, "0", text);
  await message("reserve_metadata_snap");
  try {
    const listing = ["--metadata-snap", "--no-headers", "--format", "DEV"];
    return linesOf(await run("thin_ls", ...listing, `/dev/mapper/dmthin-${pool}-meta`)).map((line) =>
      line.trim(),
    );
  } finally {
    await message("release_metadata_snap");
  }
}

/** Mount options as the kernel has them for the mount on top at `path`; undefined where nothing is mounted. */
export async function mountOptions(
  path: string,
): Promise<{ readonly mount: readonly string[]; readonly filesystem: readonly string[] } | undefined> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  const fields = linesOf(text)
    .map((line) => line.split(" "))
    .findLast((each) => each[4] === path);
  if (fields === undefined) return undefined;
  return { mount: fields[5]?.split(",") ?? [], filesystem: fields.at(-1)?.split(",") ?? [] };
}

/** Takes away whatever is left of a pool and of a directory: mounts, devices, loop devices. */
export async function takeDown(pool: string, directories: readonly string[]): Promise<void> {
  const inside = (path: string): boolean => directories.some((directory) => path.startsWith(`${directory}/`));
  const mine = (await dmDevices()).flatMap((line) => {
    const [name = ""] = line.split(" ");
    return name.startsWith(`dmthin-${pool}-`) ? [name] : [];
  });
  for (const name of mine) await run("dmsetup", "resume", name);
  // In the order of the kernel's list: what was mounted last goes first.
  const mounted = linesOf(await readFile("/proc/self/mountinfo", "utf8")).map(
    (line) => line.split(" ")[4] ?? "",
  );
  for (const path of mounted.toReversed()) if (inside(path)) await run("umount", path);
  const rank = (name: string): number => (name.includes("-v-") ? 0 : name.endsWith("-pool") ? 1 : 2);
  for (const name of mine.toSorted((one, other) => rank(one) - rank(other)))
    await run("dmsetup", "remove", "--retry", name);
  for (const line of linesOf(await run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"))) {
    const [loop = "", file = ""] = line.split(/\s+/);
    if (inside(file)) await run("losetup", "--detach", loop);
  }
}
