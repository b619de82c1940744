import { expect, test } from "vitest";

import { parseConfig, type Config } from "../../../src/config.ts";
import { changesOf as changesGiven, type ConfigChanges, type Surveyed } from "../../../src/config/changes.ts";
import type { PoolStanding } from "../../../src/core/pool-options.ts";
import { bytes, GIB, MIB } from "../../../src/core/units.ts";

function config(pools: string, more = ""): Config {
  const parsed = parseConfig(`endpoint: unix:///run/csi.sock\n${more}\npools: [${pools}]`, {
    nodeName: "node-1",
  });
  if (parsed.kind === "invalid") throw new Error(parsed.problems.join("\n"));
  return parsed.config;
}

/** All pools are open, on all that is configured, unless the test says otherwise; no path is a link. */
function changesOf(
  now: Config,
  next: Config,
  standings: Readonly<Record<string, PoolStanding>> = {},
  resolve: Surveyed["resolve"] = (path) => path,
): ConfigChanges {
  const disks = (name: string): readonly string[] =>
    now.pools.flatMap((pool) => (pool.name === name && pool.backing === "devices" ? pool.devices : []));
  const standing = (name: string): PoolStanding => standings[name] ?? { kind: "had", disks: disks(name) };
  return changesGiven(now, next, { standing, resolve });
}

const loop = (more = "", dataSize = "10GiB"): string =>
  `{name: a, backing: loop, directory: /pool/a, dataSize: ${dataSize}${more}}`;
const parts = (more = ""): string => `{name: b, backing: parts, data: /dev/sda, metadata: /dev/sdb${more}}`;

test("the same text changes nothing", () => {
  const now = config(`${loop()}, ${parts()}`);
  expect(changesOf(now, config(`${loop()}, ${parts()}`))).toEqual({
    pools: [],
    leftOut: [],
    ended: [],
    waiting: [],
    config: now,
    undecided: false,
  });
});

test("sizes, overprovision and growth are taken over, and the order of the pools does not matter", () => {
  const next = config(
    `${parts(", metadataSize: 128MiB")}, ${loop(", overprovision: 3, autoGrow: {limit: 40GiB}", "20GiB")}`,
  );
  const { pools, waiting, config: then } = changesOf(config(`${loop()}, ${parts()}`), next);
  expect(waiting).toEqual([]);
  expect(pools).toMatchObject([
    { name: "b", metadataSize: 128n * MIB },
    { name: "a", dataSize: 20n * GIB, overprovision: 3, autoGrow: { limit: 40n * GIB } },
  ]);
  expect(then.pools.map(({ name }) => name)).toEqual(["a", "b"]);
  // What was said once is not news any more, and going back is.
  expect(changesOf(then, next).pools).toEqual([]);
  expect(changesOf(then, config(`${loop()}, ${parts()}`)).pools).toHaveLength(2);
});

test("whether deletes discard, and how often filesystems are trimmed, is taken over at once", () => {
  const next = config(parts(", discardOnDelete: true, trim: {every: 12h}"));
  const { pools, waiting } = changesOf(config(parts()), next);
  expect(waiting).toEqual([]);
  expect(pools).toMatchObject([{ discardOnDelete: true, trim: { every: 43_200_000 } }]);
});

test("a size that is left out is left out", () => {
  const { pools } = changesOf(config(loop(", metadataSize: 128MiB")), config(loop()));
  expect(pools).toHaveLength(1);
  expect(pools[0]).not.toHaveProperty("metadataSize");
});

test("everything else of an open pool, and of the driver, waits for a start, and is named", () => {
  const now = config(`${loop()}, ${parts()}`);
  const next = config(loop(", blockSize: 128KiB, overprovision: 2, discard: false"), "logLevel: debug");
  const { pools, waiting, config: then } = changesOf(now, next);
  expect(waiting.toSorted()).toEqual([
    "logLevel: counts when the driver is started again",
    "pools: b is left out; it stays open until the driver is started again",
    "pools[0].blockSize: counts when the driver is started again",
    "pools[0].discard: counts when the driver is started again",
  ]);
  // The pool goes on with its own for all that waits.
  expect(pools).toEqual([{ ...now.pools[0], overprovision: 2 }]);
  expect(then.pools.map(({ name }) => name)).toEqual(["a", "b"]);
});

test("a pool of that name on another backing is not this one", () => {
  const other = "{name: a, backing: parts, data: /dev/sdc, metadata: /dev/sdd, overprovision: 5}";
  const { pools, waiting } = changesOf(config(loop()), config(other));
  expect(pools).toEqual([]);
  expect(waiting).toContain("pools[0].backing: counts when the driver is started again");
});

test("sizes are told apart to the byte", () => {
  const one = config(loop("", "10GiB"));
  const { pools } = changesOf(one, config(loop("", "10737422336")));
  expect(pools).toMatchObject([{ dataSize: bytes(10_737_422_336n) }]);
});

const devices = (list: string, more = ""): string => `{name: d, backing: devices, devices: [${list}]${more}}`;

test("added disks are taken over, with the leave to overwrite what they hold", () => {
  const { pools, waiting } = changesOf(
    config(devices("/dev/a, /dev/b")),
    config(devices("/dev/a, /dev/b, /dev/c", ", force: [/dev/c], overprovision: 2")),
  );
  expect(waiting).toEqual([]);
  expect(pools).toMatchObject([
    { devices: ["/dev/a", "/dev/b", "/dev/c"], force: ["/dev/c"], overprovision: 2 },
  ]);
});

test.each([
  ["taken out", "/dev/a"],
  ["exchanged", "/dev/a, /dev/c"],
])("a disk that is %s waits for a start", (_what, list) => {
  const { pools, waiting } = changesOf(
    config(devices("/dev/a, /dev/b")),
    config(devices(list, ", overprovision: 2")),
  );
  expect(waiting).toEqual(["pools[0].devices: counts when the driver is started again"]);
  expect(pools).toMatchObject([{ devices: ["/dev/a", "/dev/b"], overprovision: 2 }]);
});

test.each([
  ["in front", "/dev/c, /dev/a, /dev/b"],
  ["in place of one that the pool never took in", "/dev/a, /dev/c", ["/dev/a"]],
])("a disk that is added %s is taken over", (_what, list, disks = ["/dev/a", "/dev/b"]) => {
  const now = config(devices("/dev/a, /dev/b"));
  const { pools, waiting } = changesOf(now, config(devices(list)), { d: { kind: "had", disks } });
  expect(waiting).toEqual([]);
  expect(pools).toMatchObject([{ devices: list.split(", ") }]);
});

test("a disk by another of its names is the same disk", () => {
  const resolve = (path: string): string => (path === "/dev/by-id/b" ? "/dev/b" : path);
  const next = config(devices("/dev/a, /dev/by-id/b"));
  const { pools, waiting } = changesOf(config(devices("/dev/a, /dev/b")), next, {}, resolve);
  expect(waiting).toEqual([]);
  expect(pools).toMatchObject([{ devices: ["/dev/a", "/dev/by-id/b"] }]);
});
