import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { listBlockDevices } from "../../../src/host/device-list.ts";
import { bestName } from "../../../src/host/stable-names.ts";

let sys: string;
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), "dmthin-list-"));
  mkdirSync(join(sys, "class/block"), { recursive: true });
});
afterEach(() => rmSync(sys, { recursive: true }));

/** As sysfs has it: a directory among the devices, and a link to it in the class. */
function device(place: string, name: string, attributes: Readonly<Record<string, string>>): void {
  const directory = join(sys, "devices", place, name);
  mkdirSync(join(directory, "holders"), { recursive: true });
  for (const [path, text] of Object.entries(attributes)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), `${text}\n`);
  }
  symlinkSync(join("../../devices", place, name), join(sys, "class/block", name));
}

test("lists disks, partitions, dm devices and attached loop devices with what tells them apart", () => {
  device("pci0/block", "sda", { dev: "8:0", size: "2048", "holders/dm-0": "" });
  device("pci0/block/sda", "sda1", { dev: "8:1", size: "1024", partition: "1" });
  device("pci1/block", "cciss!c0d0", { dev: "104:0", size: "8" });
  device("virtual/block", "dm-0", {
    dev: "252:0",
    size: "8",
    "dm/name": "v",
    "dm/uuid": "LVM-x",
    "dm/suspended": "1",
  });
  device("virtual/block", "loop0", { dev: "7:0", size: "8", "loop/backing_file": "/a file" });
  device("virtual/block", "loop1", { dev: "7:1", size: "0" });
  expect(listBlockDevices(sys)).toEqual([
    { kernelName: "cciss!c0d0", path: "/dev/cciss/c0d0", number: "104:0", size: 4096n, holders: [] },
    {
      kernelName: "dm-0",
      path: "/dev/dm-0",
      number: "252:0",
      size: 4096n,
      holders: [],
      dm: { name: "v", uuid: "LVM-x", suspended: true },
    },
    { kernelName: "loop0", path: "/dev/loop0", number: "7:0", size: 4096n, holders: [], file: "/a file" },
    { kernelName: "sda", path: "/dev/sda", number: "8:0", size: 1_048_576n, holders: ["dm-0"] },
    { kernelName: "sda1", path: "/dev/sda1", number: "8:1", size: 524_288n, holders: [], disk: "sda" },
  ]);
});

test.each([
  ["a partition: its own identifier", ["by-id/ata-X-part1", "by-partuuid/1-2"], "by-partuuid/1-2"],
  ["a disk: model and serial number", ["by-id/wwn-0x5", "by-id/ata-X", "by-id/scsi-SATA_X"], "by-id/ata-X"],
  ["a disk without: what there is", ["by-id/wwn-0x5", "by-id/nvme-eui.1"], "by-id/nvme-eui.1"],
  [
    "an array: its uuid",
    ["by-id/md-name-host:0", "by-id/md-uuid-1:2", "by-id/lvm-pv-uuid-1"],
    "by-id/md-uuid-1:2",
  ],
  ["never what lies on it", ["by-id/lvm-pv-uuid-1"], undefined],
  ["nothing", [], undefined],
])("takes for %s", (_what, names, best) => {
  const full = names.map((each) => `/dev/disk/${each}`);
  expect(bestName(full)).toBe(best === undefined ? undefined : `/dev/disk/${best}`);
  expect(bestName(full.toReversed())).toBe(best === undefined ? undefined : `/dev/disk/${best}`);
});
