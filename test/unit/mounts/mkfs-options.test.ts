import { describe, expect, test } from "vitest";

import { InvalidRequestError } from "../../../src/core/errors.ts";
import { FS_TYPES } from "../../../src/core/records.ts";
import { parseMkfsOptions } from "../../../src/mounts/mkfs-options.ts";

describe("mkfs options of the closed set", () => {
  test.each([
    ["ext4", "-m 1.5 -i 8192 -I 512", ["-m", "1.5", "-i", "8192", "-I", "512"]],
    ["ext4", "-b 1024 -N 5000 -T largefile4", ["-b", "1024", "-N", "5000", "-T", "largefile4"]],
    [
      "ext4",
      "-O quota,project,^metadata_csum -J size=64",
      ["-O", "quota,project,^metadata_csum", "-J", "size=64"],
    ],
    ["xfs", "-m reflink=0,bigtime=1 -i size=1024", ["-m", "reflink=0,bigtime=1", "-i", "size=1024"]],
    ["xfs", "-d su=64k,sw=2 -l size=64m", ["-d", "su=64k,sw=2", "-l", "size=64m"]],
    ["btrfs", "-m dup -d single -n 16k", ["-m", "dup", "-d", "single", "-n", "16k"]],
    ["btrfs", "--csum=xxhash --nodesize 4096", ["--csum", "xxhash", "--nodesize", "4096"]],
    ["btrfs", "-O ^no-holes,block-group-tree", ["-O", "^no-holes,block-group-tree"]],
  ] as const)("for %s: %s", (fsType, text, words) => {
    expect(parseMkfsOptions(text, fsType)).toEqual(words);
  });

  test("a value may follow its option without a blank", () => {
    expect(parseMkfsOptions("-m1 -Oquota", "ext4")).toEqual(["-m", "1", "-O", "quota"]);
  });

  test.each(["", "   ", "\t"])("no option at all is fine: %j", (text) => {
    expect(parseMkfsOptions(text, "ext4")).toEqual([]);
  });
});

describe("everything else", () => {
  test.each([
    ["ext4", "-F"],
    ["ext4", "-E discard"],
    ["ext4", "-E offset=1048576"],
    ["ext4", "-E root_owner=0:0"],
    ["ext4", "-d /etc"],
    ["ext4", "-J device=/dev/sda"],
    ["ext4", "-O journal_dev"],
    ["ext4", "-O ^has_journal"],
    ["ext4", "-O ^extent"],
    ["ext4", "-O none"],
    ["ext4", "-O bigalloc"],
    ["ext4", "-O quota,"],
    ["ext4", "-L label"],
    ["ext4", "-U random"],
    ["ext4", "-S"],
    ["ext4", "-n"],
    ["ext4", "-c"],
    ["ext4", "-l /etc/passwd"],
    ["ext4", "-t ext2"],
    ["ext4", "-z /tmp/undo"],
    ["ext4", "-b 65536"],
    ["ext4", "-m 51"],
    ["ext4", "/dev/sda"],
    ["ext4", "-m 1 /dev/sda"],
    ["ext4", "-m"],
    ["ext4", "-m 1 -m 2"],
    ["ext4", "-m 1;reboot"],
    ["ext4", "-m $(id)"],
    ["ext4", "-m\n1"],
    ["ext4", "--"],
    ["ext4", "-"],
    ["ext4", "__proto__ 1"],
    ["xfs", "-f"],
    ["xfs", "-d name=/dev/sda"],
    ["xfs", "-d file=1,name=/etc/passwd"],
    ["xfs", "-d size=1g"],
    ["xfs", "-l logdev=/dev/sda"],
    ["xfs", "-l internal=0"],
    ["xfs", "-l name=/dev/sda"],
    ["xfs", "-r rtdev=/dev/sda"],
    ["xfs", "-p /etc/passwd"],
    ["xfs", "-c options=/etc/passwd"],
    ["xfs", "-m uuid=00000000-0000-0000-0000-000000000000"],
    ["xfs", "-b size=65536"],
    ["xfs", "-i size=512=1"],
    ["xfs", "-i size"],
    ["xfs", "-i constructor=1"],
    ["btrfs", "-f"],
    ["btrfs", "-m raid1"],
    ["btrfs", "-r /etc"],
    ["btrfs", "--rootdir /etc"],
    ["btrfs", "-b 1g"],
    ["btrfs", "-O zoned"],
    ["btrfs", "-U 00000000-0000-0000-0000-000000000000"],
    ["btrfs", "-L label"],
    ["btrfs", "-n 131072"],
    ["btrfs", "--nodesize="],
  ] as const)("%s does not take %j", (fsType, text) => {
    expect(() => parseMkfsOptions(text, fsType)).toThrow(InvalidRequestError);
  });

  test("options of one filesystem are not those of another", () => {
    expect(() => parseMkfsOptions("-N 5000", "xfs")).toThrow(/"-N" is not allowed for xfs/);
    expect(() => parseMkfsOptions("-m reflink=1", "ext4")).toThrow(/-m "reflink=1" is not allowed for ext4/);
  });

  test.each(FS_TYPES)("a text longer than 1 KiB is refused for %s", (fsType) => {
    expect(() => parseMkfsOptions(" ".repeat(1025), fsType)).toThrow(/1024 bytes/);
  });

  test("the error names the field", () => {
    expect(() => parseMkfsOptions("-F", "ext4")).toThrow(/^parameters\.mkfsOptions: "-F"/);
  });
});
