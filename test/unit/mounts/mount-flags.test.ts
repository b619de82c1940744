import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { InvalidRequestError } from "../../../src/core/errors.ts";
import { FS_TYPES } from "../../../src/core/records.ts";
import { parseMountFlags } from "../../../src/mounts/mount-flags.ts";

describe("mount flags of the closed set", () => {
  test.each([
    ["ext4", ["noatime", "data=ordered", "commit=30", "usrquota"]],
    ["ext4", ["rw", "nosuid", "nodev", "noexec", "discard"]],
    ["xfs", ["inode64", "logbufs=8", "logbsize=256k", "allocsize=64m", "nouuid"]],
    ["btrfs", ["compress=zstd:3", "discard=async", "space_cache=v2", "noatime"]],
    ["btrfs", ["discard", "compress-force=lzo", "max_inline=2k"]],
    ["xfs", ['context="system_u:object_r:container_file_t:s0:c15,c25"', "noatime"]],
    ["ext4", ['context="system_u:object_r:container_file_t:s0-s0:c0.c1023"']],
  ] as const)("for %s: %j", (fsType, flags) => {
    expect(parseMountFlags(flags, fsType)).toEqual(flags);
  });

  test("a flag given twice counts once", () => {
    expect(parseMountFlags(["noatime", "noatime"], "ext4")).toEqual(["noatime"]);
  });

  test("while the filesystem is not known, each flag must suit one of them", () => {
    expect(parseMountFlags(["noatime", "logbufs=8"])).toEqual(["noatime", "logbufs=8"]);
    expect(() => parseMountFlags(["loop"])).toThrow(InvalidRequestError);
  });
});

// One a line would be many lines.
// oxfmt-ignore
const NEVER = [
  "loop", "loop=/dev/loop3", "bind", "rbind", "remount", "move", "dev", "suid", "exec", "user", "users",
  "owner", "group", "auto", "defaults", "_netdev", "nofail", "x-systemd.automount", "X-mount.mkdir",
  "x-mount.idmap=/proc/1/ns/user", "shared", "private", "mand", "ro", "context=system_u:object_r:x",
  'context="system_u:object_r"', 'context="a:b:c",loop', 'context="a:b:c:s0" loop', 'context="a:b:c:s0,\n"', 'context="a:b:c\\""',
  'fscontext="a:b:c:s0"', 'rootcontext="a:b:c:s0"', 'defcontext="a:b:c:s0"', 'context="a:b:c:s0",context="a:b:c:s0"', "context",
  "errors=continue", "nobarrier", "barrier=0", "norecovery", "noload", "journal_async_commit",
  "sb=32768", "journal_dev=8:1", "journal_path=/dev/sda", "logdev=/dev/sda", "rtdev=/dev/sda",
  "device=/dev/sda", "subvol=/etc", "subvolid=5", "degraded", "rescue=all", "offset=512", "sizelimit=1",
  "helper=sh", "", " ", "noatime,loop", "noatime loop", "noatime\nloop", "commit=5,bind", "NOATIME",
  "=", "=x", "commit", "commit=", "commit=0", "commit=301", "commit=5s", "commit=-1", "data=",
  "data=none", "noatime=1", "compress=zstd:16", "compress=gzip", "thread_pool=65", "logbufs=1",
  "allocsize=1x", "__proto__", "constructor", "toString=1", "--rw", "-o", "/etc/passwd", "commit=٣",
];

describe("everything else", () => {
  test.each(NEVER)("%j is refused for every filesystem", (flag) => {
    for (const fsType of [...FS_TYPES, undefined]) {
      expect(() => parseMountFlags(["noatime", flag], fsType)).toThrow(InvalidRequestError);
    }
  });

  test.each([
    ["ext4", "nouuid"],
    ["ext4", "compress=zstd"],
    ["xfs", "data=journal"],
    ["xfs", "discard=async"],
    ["btrfs", "inode64"],
  ] as const)("%s does not take %s of another filesystem", (fsType, flag) => {
    expect(() => parseMountFlags([flag], fsType)).toThrow(/is not among the flags allowed/);
  });

  test("one flag with two values is refused", () => {
    expect(() => parseMountFlags(["commit=5", "commit=6"], "ext4")).toThrow(/given twice/);
  });

  test("more than 4 KiB in all are refused", () => {
    const many = Array.from({ length: 600 }, () => "noatime ");
    expect(() => parseMountFlags(many, "ext4")).toThrow(/4096 bytes/);
  });

  test("the error names the field and quotes no more than a little of the flag", () => {
    const call = () =>
      parseMountFlags(["z".repeat(3000)], "ext4", "volume_capabilities[0].mount.mount_flags");
    expect(call).toThrow(/^volume_capabilities\[0\]\.mount\.mount_flags: "z{80}…" is not/);
  });

  test("no accepted flag holds a comma, a blank or a slash", () => {
    fc.assert(
      fc.property(fc.constantFrom(...FS_TYPES), fc.string(), fc.string(), (fsType, name, value) => {
        for (const flag of [name, `${name}=${value}`, `commit=${value}`, `compress=${value}`]) {
          try {
            expect(parseMountFlags([flag], fsType).join("")).not.toMatch(/[\s,/]/);
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidRequestError);
          }
        }
      }),
    );
  });
});
