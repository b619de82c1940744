/** What a selector means, in facts. */
import { describe, expect, test } from "vitest";
import type { PoolName } from "../../../../src/core/ids.ts";
import { bytes, GIB } from "../../../../src/core/units.ts";
import type { ListedDisk } from "../../../../src/host/disk-list.ts";
import {
  describeSelector,
  matches,
  mismatches,
  rivalry,
} from "../../../../src/pool/devices/disk-selector.ts";

const disk = (changes: Partial<ListedDisk> = {}): ListedDisk => ({
  kernelName: "sda",
  number: "8:0" as ListedDisk["number"],
  node: "/dev/sda",
  path: "/dev/disk/by-id/ata-Quick_1",
  model: "Quick 1",
  ids: ["ata-Quick_1", "wwn-0x5"],
  size: bytes(100n * GIB),
  isRemovable: false,
  ...changes,
});

test.each([
  ["*", "", true],
  ["a*c", "abbc", true],
  ["a*c", "abcd", false],
  ["a?c", "abc", true],
  ["a?c", "ac", false],
  ["*b*b", "abab", true],
  ["*b*b", "ab", false],
  ["Quick", "quick", false],
  ["a.c", "abc", false],
  ["a**", "a", true],
  ["a*b*c*d*e*f", "abcde".repeat(2000), false],
])("%s on %s: %s", (pattern, text, is) => {
  expect(matches(pattern, text)).toBe(is);
});

describe("a disk is meant", () => {
  test("by all that is given at once, at its limits", () => {
    const size = bytes(100n * GIB);
    const all = { count: 1, model: "Quick *", byId: "wwn-*", minSize: size, maxSize: size };
    expect(mismatches(all, disk())).toEqual([]);
    expect(mismatches(all, disk({ model: "Slow", ids: [], size: bytes(size - 512n) }))).toEqual([
      'its model "Slow" is not like "Quick *"',
      "has no name like wwn-* in /dev/disk/by-id",
      expect.stringMatching(/^has .* and minSize is 100 GiB$/),
    ]);
    expect(mismatches(all, disk({ size: bytes(size + 512n) }))).toHaveLength(1);
  });

  test("not where it tells no model, or is no disk", () => {
    const { model: _none, ...silent } = disk();
    expect(mismatches({ count: 1, model: "?*" }, silent)).toEqual(["tells no model"]);
    expect(mismatches({ count: 1, minSize: bytes(1n) }, disk({ otherwise: "is a loop device" }))).toEqual([
      "is a loop device",
    ]);
  });
});

test("words for people", () => {
  expect(
    describeSelector({ count: 2, model: "Q*", byId: "x", minSize: bytes(GIB), maxSize: bytes(2n * GIB) }),
  ).toBe("2 disks with model Q*, by-id x, at least 1 GiB, at most 2 GiB");
  expect(rivalry({ kind: "selects", pool: "b" as PoolName })).toMatch(/^the selector of pool b means it too/);
});
