/** What a machine has whose volumes are moved from LVM and from Docker's devicemapper, and the guide for that. */
import { chmod, chown, link, lstat, mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect } from "vitest";

import type { GuidePlace, GuideRun } from "./guide-place.ts";
import { yamlBlocks } from "./guides.ts";
import { linesOf, run, takeDown } from "./machine-state.ts";

const NEW_DISK = "nvme-eui.0025385b71b5a6f4";
const OLD_DISK = "nvme-eui.0025385b71b5a6f5";
const DOCKER_DISK = "nvme-eui.0025385b71b5a6f6";
const DISK_MIB = 8 * 1024;
const MOUNT = "/srv/data";
const DATABASE_MIB = 256;

/** Names of the guide that the machine itself may have, where the tests run on its own kernel. */
async function requireNothingOfTheMachines(): Promise<void> {
  const groups = linesOf(await run("vgs", "--noheadings", "--options", "vg_name")).map((name) => name.trim());
  const docker = linesOf(await run("dmsetup", "ls")).filter((line) => line.startsWith("docker-"));
  const taken = [...groups.filter((name) => name === "vg0" || name === "docker"), ...docker];
  if (taken.length > 0)
    throw new Error(`this machine has ${taken.join(", ")}, and the guide would remove them`);
}

const BYTES = randomBytes(3_000_001);

/** All that `cp -a` has to bring along. */
async function writeFiles(directory: string): Promise<void> {
  await mkdir(join(directory, "below/this one"), { recursive: true });
  await writeFile(join(directory, "below/this one/random"), BYTES);
  await link(join(directory, "below/this one/random"), join(directory, "twin"));
  await symlink("below/this one/random", join(directory, "link"));
  await writeFile(join(directory, "a\nname"), "");
  await writeFile(join(directory, "owned"), "by somebody", { mode: 0o640 });
  await chown(join(directory, "owned"), 4711, 4712);
  await chmod(join(directory, "below"), 0o2750);
  await run("truncate", "--size=100M", join(directory, "sparse"));
  await run("touch", "--date=2001-02-03T04:05:06.789", join(directory, "owned"));
}

async function requireFiles(directory: string): Promise<void> {
  const at = (name: string): string => join(directory, name);
  expect(BYTES.equals(await readFile(at("below/this one/random")))).toBe(true);
  const [twin, owned, below, sparse] = await Promise.all(
    ["twin", "owned", "below", "sparse"].map((name) => lstat(at(name))),
  );
  expect(twin).toMatchObject({ nlink: 2, size: BYTES.length });
  expect(await readlink(at("link"))).toBe("below/this one/random");
  expect(await readFile(at("a\nname"), "utf8")).toBe("");
  expect(await readFile(at("owned"), "utf8")).toBe("by somebody");
  expect(owned).toMatchObject({ mode: 0o100640, uid: 4711, gid: 4712 });
  expect(owned?.mtime.toISOString()).toBe("2001-02-03T04:05:06.789Z");
  expect(below).toMatchObject({ mode: 0o42750 });
  expect(sparse).toMatchObject({ size: 100 * 2 ** 20 });
  expect(sparse?.blocks).toBeLessThan(100);
}

async function makeThinVolumes(disk: string): Promise<void> {
  await run("vgcreate", "vg0", disk);
  await run("lvcreate", "--type", "thin-pool", "--size", "4G", "--name", "pool", "vg0");
  await run("lvcreate", "--thin", "--virtualsize", "1G", "--name", "data", "vg0/pool");
  await run("lvcreate", "--thin", "--virtualsize", `${DATABASE_MIB}M`, "--name", "database", "vg0/pool");
  await run("mkfs.xfs", "-q", "/dev/vg0/data");
  await mkdir(MOUNT, { recursive: true });
  await run("mount", "/dev/vg0/data", MOUNT);
  await writeFiles(MOUNT);
  for (const mebibyte of ["seek=3", `seek=${DATABASE_MIB - 1}`])
    await run("dd", "if=/dev/urandom", "of=/dev/vg0/database", "bs=1M", "count=1", mebibyte, "conv=fsync");
}

const DOCKER = "/var/lib/docker";

/** The devices that a Docker leaves that was stopped: of files, and of a thin pool of LVM. */
async function leaveDockerDevices(disk: string): Promise<void> {
  const directory = join(DOCKER, "devicemapper/devicemapper");
  await mkdir(directory, { recursive: true });
  const loops: string[] = [];
  for (const [name, size] of [
    ["metadata", "64M"],
    ["data", "1G"],
  ] as const) {
    await run("truncate", `--size=${size}`, join(directory, name));
    loops.push(await run("losetup", "--find", "--show", join(directory, name)));
  }
  const table = `0 2097152 thin-pool ${loops.join(" ")} 128 0 1 skip_block_zeroing`;
  await run("dmsetup", "create", "docker-8:1-4711-pool", "--table", table);
  await run("vgcreate", "docker", disk);
  await run("lvcreate", "--type", "thin-pool", "--size", "1G", "--name", "thinpool", "docker");
  for (const [pool, thin] of [
    ["docker-8:1-4711-pool", "docker-8:1-4711-base"],
    ["docker-thinpool", "docker-253:0-4712-0a1b2c"],
  ] as const) {
    await run("dmsetup", "message", pool, "0", "create_thin 1");
    await run("dmsetup", "create", thin, "--table", `0 204800 thin /dev/mapper/${pool} 1`);
  }
}

async function requireNoDocker(): Promise<void> {
  expect(linesOf(await run("dmsetup", "ls")).filter((line) => line.startsWith("docker-"))).toEqual([]);
  expect(await run("losetup", "--list", "--noheadings", "--output", "BACK-FILE")).not.toContain(DOCKER);
  await expect(lstat(join(DOCKER, "devicemapper"))).rejects.toThrow(/ENOENT/);
}

export async function comeFromLvm(guide: GuideRun, place: GuidePlace): Promise<void> {
  await requireNothingOfTheMachines();
  for (const disk of [NEW_DISK, OLD_DISK, DOCKER_DISK]) await place.disk(disk, DISK_MIB);
  await makeThinVolumes(`/dev/disk/by-id/${OLD_DISK}`);
  const database = await run("sha256sum", "/dev/vg0/database");
  const [one = "", two = ""] = yamlBlocks(guide.path);
  await place.configure(one);
  await place.start();
  const { kubeletDirectory } = place;
  const endpoint = "unix:///run/dmthin/csi.sock";
  guide.set({ CSI_ENDPOINT: endpoint, DMTHIN_KUBELET_DIRECTORY: kubeletDirectory });
  await guide.next();
  // A filesystem: snapshot, volume, copy, comparison.
  for (let block = 0; block < 4; block += 1) await guide.next();
  const copied = await guide.next();
  expect(Number(/^Mapped:\s+(\d+)/m.exec(copied)?.[1])).toBeLessThan(10);
  // LVM's pool ends, its disk is wiped, and the pool takes it in under volumes that are in use.
  await guide.next();
  await guide.next();
  await place.configure(two);
  await place.logged(/pool fast has grown/);
  await guide.next();
  await leaveDockerDevices(`/dev/disk/by-id/${DOCKER_DISK}`);
  await guide.all();
  await requireNoDocker();
  await requireFiles(join(kubeletDirectory, "pods/data/mount"));
  const copy = join(kubeletDirectory, "plugins/kubernetes.io/csi/volumeDevices/publish/database/pod");
  expect((await run("sha256sum", copy)).split(" ")[0]).toBe(database.split(" ")[0]);
  await place.stop();
  await takeDown("fast", [kubeletDirectory]);
  for (const disk of [NEW_DISK, OLD_DISK, DOCKER_DISK]) await place.removeDisk(disk);
}
