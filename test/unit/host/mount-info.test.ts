import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ParseError } from "../../../src/core/errors.ts";
import {
  findMountPoint,
  identifyMount,
  mountsOfDevice,
  parseMountInfo,
  readMountInfo,
  topMountAt,
} from "../../../src/host/mount-info.ts";
import type { DevNumber } from "../../../src/core/dm.ts";

// Lines as a node with kubelet shows them: a filesystem staged and published, a device node published, btrfs, others.
const STAGED = "/var/lib/kubelet/plugins/kubernetes.io/csi/csi.dmthin.io/ab12/globalmount";
const NODE = `27 1 0:24 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/a:/b
24 27 0:6 / /dev rw,nosuid,relatime shared:2 - devtmpfs devtmpfs rw,size=4096k,mode=755
42 27 254:7 / ${STAGED} rw,noatime shared:77 - ext4 /dev/dm-7 rw,errors=remount-ro
43 27 254:7 / /var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pv/mount ro,noatime shared:77 - ext4 /dev/dm-7 rw,errors=remount-ro
44 27 254:7 /sub /var/lib/kubelet/pods/1/volume-subpaths/pv/c/0 rw,noatime shared:77 master:3 - ext4 /dev/dm-7 rw
45 27 0:40 / /mnt/my\\040disk\\134x rw - tmpfs none rw
46 27 0:6 /dm-9//deleted /var/lib/kubelet/publish/gone rw - devtmpfs devtmpfs rw
47 27 0:6 /null /var/lib/kubelet/publish/null rw - devtmpfs devtmpfs rw
48 27 0:51 / /mnt/b rw - btrfs /dev/no-such-device rw,subvolid=5
49 45 0:60 / /mnt/my\\040disk\\134x rw - nfs server:/export rw
`;
const entries = parseMountInfo(NODE);
const at = (path: string) => topMountAt(entries, path);
const NUMBER = "254:7" as DevNumber;

describe("mountinfo", () => {
  test("a line becomes a value", () => {
    expect(at(STAGED)).toEqual({
      id: 42,
      parentId: 27,
      device: "254:7",
      root: "/",
      mountPoint: STAGED,
      options: ["rw", "noatime"],
      fsType: "ext4",
      source: "/dev/dm-7",
      superOptions: ["rw", "errors=remount-ro"],
    });
  });

  test("tags between the options and the dash may be none, one or many", () => {
    expect(entries).toHaveLength(10);
    expect(entries.find((entry) => entry.id === 44)).toMatchObject({ root: "/sub", fsType: "ext4" });
  });

  test("octal escapes in paths are undone", () => {
    expect(entries.filter((entry) => entry.mountPoint === "/mnt/my disk\\x")).toHaveLength(2);
  });

  test("an empty source keeps its place", () => {
    const [entry] = parseMountInfo("1 0 0:5 / /x rw - fuse  rw,user_id=0");
    expect(entry).toMatchObject({ fsType: "fuse", source: "", superOptions: ["rw", "user_id=0"] });
  });

  test.each([
    ["without a dash", "1 0 0:5 / /x rw ext4 /dev/sda rw"],
    ["cut short", "1 0 0:5 / /x rw - ext4 /dev/sda"],
    ["with a device that is no number", "1 0 sda / /x rw - ext4 /dev/sda rw"],
    ["with an id that is no number", "x 0 0:5 / /x rw - ext4 /dev/sda rw"],
  ])("a line %s is refused", (_what, line) => {
    expect(() => parseMountInfo(line)).toThrow(ParseError);
  });

  test("any text is parsed or refused with ParseError", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseMountInfo(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ParseError);
        }
      }),
    );
  });

  test("the kernel's own text is understood, with a root", () => {
    expect(topMountAt(readMountInfo(), "/")).toBeDefined();
  });
});

describe("what is seen at a path", () => {
  test("of stacked mounts the one on top is seen", () => {
    expect(at("/mnt/my disk\\x")).toMatchObject({ id: 49, fsType: "nfs" });
  });

  test("the order of the lines does not matter", () => {
    expect(topMountAt(entries.toReversed(), "/mnt/my disk\\x")).toMatchObject({ id: 49 });
  });

  test("a directory below a mount point is none", () => {
    expect(at(`${STAGED}/data`)).toBeUndefined();
  });
});

describe("which device a mount shows", () => {
  test("a filesystem shows its device, whole or in part", () => {
    expect(mountsOfDevice(entries, NUMBER).map(({ kind, entry }) => [kind, entry.id])).toEqual([
      ["filesystem", 42],
      ["filesystem", 43],
      ["filesystem", 44],
    ]);
  });

  const identified = (id: number) =>
    entries.filter((entry) => entry.id === id).map((entry) => identifyMount(entry, entries));

  test("the bound node of a removed device is a node of no number", () => {
    expect(identified(46)).toMatchObject([{ kind: "node", number: undefined }]);
  });

  test.each([
    ["the root of devtmpfs", 24],
    ["a node that is no block device", 47],
    ["a btrfs whose source is gone", 48],
    ["memory", 45],
    ["a network filesystem", 49],
  ])("%s shows none", (_what, id) => {
    expect(identified(id)).toEqual([undefined]);
  });

  test("of a filesystem's mount points the safest is taken, another where it is none of them", () => {
    const published = "/var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pv/mount";
    const publishedFirst = entries.toSorted((one, other) => other.id - one.id);
    expect(findMountPoint({ number: NUMBER }, STAGED, publishedFirst)).toBe(STAGED);
    expect(findMountPoint({ number: NUMBER }, published, entries)).toBe(published);
    expect(findMountPoint({ number: NUMBER }, "/elsewhere", entries)).toBe(STAGED);
  });

  test("a device that is mounted nowhere has no mount point", () => {
    expect(findMountPoint({ number: "9999:1" as DevNumber })).toBeUndefined();
  });
});
