import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { DmName, DmUuid } from "../../../src/core/ids.ts";
import {
  devNumberOf,
  findDmDevice,
  findDmDeviceByUuid,
  type KernelTrees,
} from "../../../src/host/dm-sysfs.ts";

const NAME = "dmthin-t-pool" as DmName;

describe("dm devices in sysfs", () => {
  let trees: KernelTrees;
  beforeEach(() => {
    const root = mkdtempSync(join(tmpdir(), "sysfs-"));
    trees = { sys: join(root, "sys"), dev: join(root, "dev") };
    mkdirSync(join(trees.sys, "dev/block"), { recursive: true });
    mkdirSync(join(trees.sys, "block/loop0"), { recursive: true });
    mkdirSync(join(trees.dev, "mapper"), { recursive: true });
  });
  afterEach(() => rmSync(join(trees.sys, ".."), { recursive: true }));

  function addDevice(minor: number, attributes: Readonly<Record<string, string>>): void {
    const directory = join(trees.sys, `block/dm-${minor}`);
    mkdirSync(join(directory, "dm"), { recursive: true });
    const all = {
      "dm/uuid": "DMTHIN-0",
      "dm/suspended": "0",
      size: "16",
      dev: `254:${minor}`,
      ...attributes,
    };
    for (const [name, value] of Object.entries(all)) writeFileSync(join(directory, name), `${value}\n`);
    symlinkSync(directory, join(trees.sys, `dev/block/254:${minor}`));
  }

  test("a device is found by name without its node", () => {
    addDevice(3, { "dm/name": "other" });
    addDevice(7, { "dm/name": NAME, "dm/suspended": "1", size: "2097152" });
    expect(findDmDevice(NAME, trees)).toEqual({
      name: NAME,
      uuid: "DMTHIN-0",
      number: "254:7",
      path: `${trees.dev}/dm-7`,
      size: 1_073_741_824n,
      suspended: true,
    });
  });

  test("a device is found by uuid, whatever its name is", () => {
    addDevice(3, { "dm/name": "other", "dm/uuid": "DMTHIN-1" });
    addDevice(7, { "dm/name": NAME });
    expect(findDmDeviceByUuid("DMTHIN-1" as DmUuid, trees)?.name).toBe("other");
    expect(findDmDeviceByUuid("DMTHIN-2" as DmUuid, trees)).toBeUndefined();
  });

  test("a node that is no block device is no hint", () => {
    writeFileSync(join(trees.dev, "mapper", NAME), "");
    expect(findDmDevice(NAME, trees)).toBeUndefined();
  });

  test("a device that vanishes half way is not there", () => {
    addDevice(7, { "dm/name": NAME });
    rmSync(join(trees.sys, "block/dm-7/dm/suspended"));
    expect(findDmDevice(NAME, trees)).toBeUndefined();
  });

  test.each([
    [0xfe07n, "254:7"],
    [0x0000_0000_0070_0801n, "8:1793"],
    [0x0000_1000_0000_0000n, "4096:0"],
  ])("the device number %s is %s", (rdev, number) => {
    expect(devNumberOf(rdev)).toBe(number);
  });
});
