/** What nobody may ask of a driver, and what it answers. Each message names the field and, where there is one, the cure. */
import { readdir, readFile } from "node:fs/promises";

import { expect } from "vitest";

import type { CreateVolumeRequest, VolumeCapability } from "../../src/generated/csi.ts";
import { expectCode, type NodeBench } from "./node-bench.ts";
import { mountCapability } from "./requests.ts";

export type Code = Parameters<typeof expectCode>[1];

/** What a call that goes too far shows first. */
async function visible({ csi, kubeletDirectory }: NodeBench): Promise<object> {
  return {
    volumes: await csi.controller.listVolumes({}),
    snapshots: await csi.controller.listSnapshots({}),
    devices: await readdir("/sys/block"),
    mounts: await readFile("/proc/self/mountinfo", "utf8"),
    paths: await readdir(kubeletDirectory, { recursive: true }),
  };
}

/** The call is refused so, and changes nothing that can be seen at once; for the rest see `machineState`. */
export async function expectAnswerOnly(
  bench: NodeBench,
  call: () => Promise<unknown>,
  code: Code,
  message: RegExp,
): Promise<void> {
  const before = await visible(bench);
  await expectCode(call(), code, message);
  expect(await visible(bench)).toEqual(before);
}

/** Of volumes, snapshots and groups. */
export const BAD_NAMES: readonly [string, string, RegExp][] = [
  ["of 0 bytes", "", /^name: is required/],
  ["of 129 bytes", "n".repeat(129), /^name: "n+…" is longer than 128 bytes/],
  ["of 65 letters that are 130 bytes", "ü".repeat(65), /^name: .* is longer than 128 bytes/],
  ["with a newline", "a\nb", /^name: "a\\nb" has control characters/],
  ["with a NUL", "a\0b", /^name: .* has control characters/],
  ["with an escape sequence", "\u001B[2J", /^name: .* has control characters/],
  ["with a C1 control", "a\u0085b", /^name: .* has control characters/],
  ["that is ..", "..", /^name: ".." reads as a path: names have no/],
  ["with ../", "../../etc/passwd", /^name: "..\/..\/etc\/passwd" reads as a path: names have no/],
];

export const range = (required: string, limit = "0"): CreateVolumeRequest => ({
  capacity_range: { required_bytes: required, limit_bytes: limit },
});
const parameters = (key: string, value = "x"): CreateVolumeRequest => ({
  parameters: Object.fromEntries([[key, value]]),
});
export const capability = (...volume_capabilities: VolumeCapability[]) => ({ volume_capabilities });
export const ofManyNodes = (
  mode: `MULTI_NODE_${"READER_ONLY" | "SINGLE_WRITER" | "MULTI_WRITER"}`,
): VolumeCapability => ({ access_mode: { mode }, mount: {} });

/** Changes to a CreateVolume that is fine. */
export const BAD_REQUESTS: readonly [string, CreateVolumeRequest, Code, RegExp][] = [
  ["a negative size", range("-1"), "INVALID_ARGUMENT", /^capacity_range\.required_bytes: -1 is negative/],
  ["a negative limit", range("0", "-4096"), "INVALID_ARGUMENT", /^capacity_range\.limit_bytes: -4096 is neg/],
  [
    "sizes of 0",
    range("0"),
    "INVALID_ARGUMENT",
    /^capacity_range: has neither required_bytes nor limit_bytes/,
  ],
  [
    "a limit below the size",
    range("67108864", "67104768"),
    "INVALID_ARGUMENT",
    /^capacity_range\.limit_bytes: 67104768 is less than required_bytes, 67108864/,
  ],
  [
    "a size beyond 2^53, exactly",
    range("9007199254740993", "9007199254740993"),
    "OUT_OF_RANGE",
    /^capacity_range: .* 9007199254745088 bytes, sizes being multiples of 4096; limit_bytes allows 9007199254740993/,
  ],
  [
    "a size larger than the pool",
    range("9007199254740993"),
    "RESOURCE_EXHAUSTED",
    /needs .* delete .* or grow/,
  ],
  [
    "the largest size of CSI",
    range("9223372036854775807"),
    "OUT_OF_RANGE",
    /^capacity_range: 9223372036854775807 /,
  ],
  [
    "a rounding past the limit",
    range("67108865", "67112959"),
    "OUT_OF_RANGE",
    /^capacity_range: .* 67112960 bytes, sizes being multiples of 4096; limit_bytes allows 67112959/,
  ],
  [
    "a limit below what ext4 needs",
    range("0", "1048576"),
    "OUT_OF_RANGE",
    /^capacity_range: .*\(ext4 needs 16 MiB\).*limit_bytes allows 1048576/,
  ],
  [
    "an unknown key",
    parameters("fsType", "xfs"),
    "INVALID_ARGUMENT",
    /^parameters: "fsType" is not a parameter; parameters are: pool, mkfsOptions/,
  ],
  ["a key in another case", parameters("Pool"), "INVALID_ARGUMENT", /^parameters: "Pool" is not a parameter/],
  ["a key of a prototype", parameters("__proto__"), "INVALID_ARGUMENT", /"__proto__" is not a parameter/],
  [
    "encryption",
    parameters("encryption", "luks"),
    "INVALID_ARGUMENT",
    /^parameters\.encryption: .* remove it/,
  ],
  [
    "encryption left empty",
    parameters("encryption", ""),
    "INVALID_ARGUMENT",
    /^parameters\.encryption: .* remove/,
  ],
  [
    "copyAcrossNodes",
    parameters("copyAcrossNodes"),
    "INVALID_ARGUMENT",
    /^parameters\.copyAcrossNodes: .* remove/,
  ],
  [
    "a pool's name that is a path",
    parameters("pool", "../x"),
    "INVALID_ARGUMENT",
    /^parameters\.pool: "..\/x" can/,
  ],
  [
    "a pool that is not here",
    parameters("pool", "gold"),
    "RESOURCE_EXHAUSTED",
    /no pool gold .*it has: hostile-in/,
  ],
  [
    "parameters of 5 KiB",
    parameters("pool", "p".repeat(5000)),
    "INVALID_ARGUMENT",
    /^parameters: is 5004 bytes, at/,
  ],
  ["mutable parameters", { mutable_parameters: { iops: "9" } }, "INVALID_ARGUMENT", /^mutable_parameters: /],
  ["no capability", capability(), "INVALID_ARGUMENT", /^volume_capabilities: is required/],
  [
    "many readers",
    capability(ofManyNodes("MULTI_NODE_READER_ONLY")),
    "INVALID_ARGUMENT",
    /access_mode: .* modes are SINGLE_/,
  ],
  [
    "many writers",
    capability(ofManyNodes("MULTI_NODE_MULTI_WRITER")),
    "INVALID_ARGUMENT",
    /access_mode: .* modes are SINGLE_/,
  ],
  [
    "one writer elsewhere",
    capability(ofManyNodes("MULTI_NODE_SINGLE_WRITER")),
    "INVALID_ARGUMENT",
    /access_mode: .* modes are/,
  ],
  [
    "an unknown filesystem",
    capability(mountCapability("ntfs")),
    "INVALID_ARGUMENT",
    /^volume_capabilities\[0\]\.mount\.fs_type: "ntfs" is not one of ext4, xfs, btrfs/,
  ],
  [
    "a filesystem with a path in it",
    capability(mountCapability("ext4/../../sh")),
    "INVALID_ARGUMENT",
    /fs_type: .* is not one of ext4, xfs, btrfs/,
  ],
  [
    "two filesystems",
    capability(mountCapability("xfs"), mountCapability("ext4")),
    "INVALID_ARGUMENT",
    /^volume_capabilities: ask for different filesystems: xfs, ext4/,
  ],
  [
    "a group of the mount",
    capability({ access_mode: { mode: "SINGLE_NODE_WRITER" }, mount: { volume_mount_group: "0" } }),
    "INVALID_ARGUMENT",
    /volume_mount_group: is not supported; Kubernetes applies fsGroup itself/,
  ],
];

export const BAD_MKFS_OPTIONS: readonly [string, string][] = [
  ["ext4", "-F"],
  ["ext4", "-J device=/dev/ubdb"],
  ["ext4", "-O journal_dev"],
  ["ext4", "-O ^has_journal"],
  ["ext4", "-E offset=1048576"],
  ["ext4", "-d /etc"],
  ["ext4", "-z /tmp/undo"],
  ["ext4", "-L label"],
  ["ext4", "-b 4096 -b 1024"],
  ["ext4", "-m"],
  ["ext4", "-m 1\n-F"],
  ["ext4", "-m 1; reboot"],
  ["ext4", "-m $(reboot)"],
  ["ext4", "-m 1 -- /dev/ubdb"],
  ["ext4", "/dev/ubdb"],
  ["xfs", "-f"],
  ["xfs", "-l logdev=/dev/ubdb"],
  ["xfs", "-r rtdev=/dev/ubdb"],
  ["xfs", "-d file=1,name=/tmp/x"],
  ["xfs", "-p /etc/passwd"],
  ["xfs", "-c options=/etc/passwd"],
  ["btrfs", "-f"],
  ["btrfs", "--rootdir=/etc"],
  ["btrfs", "-r /etc"],
  ["btrfs", "-d raid1"],
  ["btrfs", "/dev/ubdb"],
];

export const BAD_MOUNT_FLAGS: readonly [string, string][] = [
  ["ext4", "loop"],
  ["ext4", "bind"],
  ["ext4", "remount"],
  ["ext4", "-o"],
  ["ext4", "-o loop"],
  ["ext4", ""],
  ["ext4", "noatime,loop"],
  ["ext4", "noatime\nloop"],
  ["ext4", "noatime "],
  ["ext4", "noatime=1"],
  ["ext4", "ro"],
  ["ext4", "journal_path=/dev/ubdb"],
  ["ext4", "errors=continue"],
  ["ext4", "noload"],
  ["ext4", "context=system_u:object_r:tmp_t:s0"],
  ["ext4", "x-systemd.requires=/etc"],
  ["ext4", "commit=5,loop"],
  ["xfs", "logdev=/dev/ubdb"],
  ["xfs", "rtdev=/dev/ubdb"],
  ["xfs", "norecovery"],
  ["btrfs", "device=/dev/ubdb"],
  ["btrfs", "subvol=/"],
  ["btrfs", "compress=zstd:99"],
];
