/** `select`: what it takes, and what it may not say. */
import { expect, test } from "vitest";
import { parseConfig } from "../../../src/config.ts";
import { changesOf, type Surveyed } from "../../../src/config/changes.ts";
import { GIB } from "../../../src/core/units.ts";

const parse = (pairs: string) =>
  parseConfig(`pools: [{name: a, backing: devices, ${pairs}}]`, {
    nodeName: "node-1",
    endpoint: "unix:///run/csi.sock",
  });

function problems(pairs: string): readonly string[] {
  const parsed = parse(pairs);
  return parsed.kind === "invalid" ? parsed.problems : [];
}

function config(pairs: string) {
  const parsed = parse(pairs);
  if (parsed.kind === "invalid") throw new Error(parsed.problems.join("\n"));
  return parsed.config;
}

test("all keys", () => {
  expect(
    config('select: {count: 3, model: "Samsung SSD 9?0*", byId: "nvme-*", minSize: 1GiB, maxSize: 2GiB}')
      .pools,
  ).toMatchObject([
    {
      devices: [],
      select: { count: 3, model: "Samsung SSD 9?0*", byId: "nvme-*", minSize: GIB, maxSize: 2n * GIB },
    },
  ]);
});

test.each<[pairs: string, expected: readonly string[]]>([
  ["", ["pools[0].devices: is required, or select in its place"]],
  ["select: {model: x}", ["pools[0].select.count: is required"]],
  ["select: {model: x, count: 0}", ["pools[0].select.count: must be a whole number of disks, from 1 to 16"]],
  ["select: {model: x, count: 17}", ["pools[0].select.count: must be a whole number of disks, from 1 to 16"]],
  ["select: {count: 1}", ["pools[0].select: must have model, byId, minSize or maxSize"]],
  [
    "select: {count: 1, model: x, vendor: y}",
    ["pools[0].select.vendor: is not a key here; keys are count, model, byId, minSize, maxSize"],
  ],
  [
    "select: {count: 1, model: ''}",
    [
      "pools[0].select.model: must not be empty",
      "pools[0].select.model: must have something beside * and ?, else any disk would do",
    ],
  ],
  [
    "select: {count: 1, model: '*?'}",
    ["pools[0].select.model: must have something beside * and ?, else any disk would do"],
  ],
  [
    "select: {count: 1, model: '[ab]'}",
    ["pools[0].select.model: must not contain [ ] { } \\ or /; only * and ? have a meaning"],
  ],
  [
    "select: {count: 1, byId: /dev/disk/by-id/x}",
    ["pools[0].select.byId: must not contain [ ] { } \\ or /; only * and ? have a meaning"],
  ],
  [
    "select: {count: 1, minSize: much}",
    ["pools[0].select.minSize: must be a size such as 64KiB, 512MiB or 100GiB"],
  ],
  [
    "select: {count: 1, minSize: 2GiB, maxSize: 1GiB}",
    ["pools[0].select.maxSize: must not be below minSize"],
  ],
  [
    "devices: [/dev/sda], select: {count: 1, model: x}",
    ["pools[0].select: must not stand beside devices; give one of them"],
  ],
  [
    "force: [/dev/sda], select: {count: 1, model: x}",
    [
      "pools[0].force: must not stand beside select, which takes empty disks only; name the disk under devices",
      "pools[0].force[0]: /dev/sda is not a device of this pool",
    ],
  ],
])("%s", (pairs, expected) => {
  expect(problems(pairs)).toEqual(expected);
});

test("another count is taken over at once; another way to say which disks waits for a start", () => {
  const open: Surveyed = {
    standing: () => ({ kind: "had", disks: ["/dev/sda", "/dev/sdb"] }),
    resolve: (path) => path,
  };
  const now = config("select: {count: 2, model: x}");
  const more = changesOf(now, config("select: {count: 3, model: x}"), open);
  expect(more).toMatchObject({ pools: [{ select: { count: 3 } }], waiting: [] });
  const named = changesOf(now, config("devices: [/dev/sda]"), open);
  expect(named.pools).toEqual([]);
  expect(named.waiting.toSorted()).toEqual([
    "pools[0].devices: counts when the driver is started again",
    "pools[0].select: counts when the driver is started again",
  ]);
});
