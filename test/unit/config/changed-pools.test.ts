/** Pools that come and go by another configuration while the driver runs. */
import { describe, expect, test } from "vitest";

import { parseConfig, type Config } from "../../../src/config.ts";
import { changesOf, type ConfigChanges } from "../../../src/config/changes.ts";
import type { PoolStanding } from "../../../src/core/pool-options.ts";

function config(pools: readonly string[], more = ""): Config {
  const text = `endpoint: unix:///run/csi.sock\n${more}\npools: [${pools.join(", ")}]`;
  const parsed = parseConfig(text, { nodeName: "node-1" });
  if (parsed.kind === "invalid") throw new Error(parsed.problems.join("\n"));
  return parsed.config;
}

const parts = (name: string, data: string, more = ""): string =>
  `{name: ${name}, backing: parts, data: ${data}, metadata: /dev/meta-${name}${more}}`;
const loop = (name: string, directory = `/pool/${name}`): string =>
  `{name: ${name}, backing: loop, directory: ${directory}, dataSize: 1GiB}`;
const devices = (name: string, list: string): string =>
  `{name: ${name}, backing: devices, devices: [${list}]}`;

const NOT_HAD = { kind: "not-had" } as const;
const TRYING = { kind: "trying" } as const;

function changes(
  now: Config,
  next: Config,
  standings: Readonly<Record<string, PoolStanding>> = {},
  links: Readonly<Record<string, string>> = {},
): ConfigChanges {
  return changesOf(now, next, {
    standing: (name) => standings[name] ?? { kind: "had", disks: [] },
    resolve: (path) => links[path] ?? path,
  });
}

const namesOf = ({ pools }: { readonly pools: Config["pools"] }): readonly string[] =>
  pools.map(({ name }) => name);

test("a new pool counts at once, behind those that there are", () => {
  const change = changes(config([parts("a", "/dev/a")]), config([loop("b"), parts("a", "/dev/a")]));
  expect(change).toMatchObject({ waiting: [], leftOut: [], ended: [], undecided: false });
  expect(namesOf(change)).toEqual(["b"]);
  expect(namesOf(change.config)).toEqual(["a", "b"]);
});

describe("a pool that is left out", () => {
  const now = config([parts("a", "/dev/a"), loop("b")]);
  const next = config([parts("a", "/dev/a")]);

  test("stays, where it was open; and it is said each time", () => {
    const change = changes(now, next);
    expect(change).toMatchObject({ pools: [], leftOut: ["b"], ended: [] });
    expect(change.waiting).toEqual(["pools: b is left out; it stays open until the driver is started again"]);
    expect(namesOf(change.config)).toEqual(["a", "b"]);
    expect(changes(change.config, next)).toMatchObject({ leftOut: ["b"], pools: [] });
  });

  test("is as before when it is put back", () => {
    const { config: then } = changes(now, next);
    expect(changes(then, now)).toMatchObject({ pools: [], leftOut: [], ended: [], waiting: [] });
  });

  test("goes, where it was never open", () => {
    const change = changes(now, next, { b: NOT_HAD });
    expect(change).toMatchObject({ pools: [], leftOut: [], ended: ["b"], waiting: [] });
    expect(namesOf(change.config)).toEqual(["a"]);
  });

  test("stays while it is tried, and is looked at again then", () => {
    expect(changes(now, next, { b: TRYING })).toMatchObject({ leftOut: ["b"], ended: [], undecided: true });
  });
});

describe("another name for a pool", () => {
  test.each([
    ["device", parts("b", "/dev/a"), "pools[0].data: /dev/a"],
    ["disk, by a link", devices("b", "/dev/c, /dev/link"), "pools[0].devices[1]: /dev/link"],
    ["partition of its device", parts("b", "/dev/sda1"), "pools[0].data: /dev/sda1"],
  ])("waits, as its %s is the pool's that is still open", (_what, renamed, path) => {
    const data = renamed.includes("sda1") ? "/dev/sda" : "/dev/a";
    const change = changes(config([parts("a", data)]), config([renamed]), {}, { "/dev/link": "/dev/a" });
    expect(change).toMatchObject({ pools: [], leftOut: ["a"], ended: [] });
    expect(change.waiting).toContain(
      `${path} is of pool a until the driver is started again; b has to wait for that`,
    );
    expect(namesOf(change.config)).toEqual(["a"]);
  });

  test("waits with a directory likewise", () => {
    const change = changes(config([loop("a")]), config([loop("b", "/pool/a")]));
    expect(change.pools).toEqual([]);
    expect(change.waiting[0]).toMatch(/^pools\[0\]\.directory: \/pool\/a is of pool a /);
  });

  test("counts at once, where the pool was never open", () => {
    const change = changes(config([parts("a", "/dev/a")]), config([parts("b", "/dev/a")]), { a: NOT_HAD });
    expect(change).toMatchObject({ ended: ["a"], leftOut: [], waiting: [] });
    expect(namesOf(change)).toEqual(["b"]);
  });
});

test("a place that an open pool would have left by the file is not free", () => {
  const now = config([parts("a", "/dev/a")]);
  const change = changes(now, config([parts("a", "/dev/other"), parts("b", "/dev/a")]));
  expect(change.pools).toEqual([]);
  expect(change.waiting.toSorted()).toEqual([
    "pools[0].data: counts when the driver is started again",
    "pools[1].data: /dev/a is of pool a until the driver is started again; b has to wait for that",
  ]);
});

test("a place that a pool leaves that was never open is free for another", () => {
  const now = config([parts("a", "/dev/a")]);
  const next = config([parts("b", "/dev/a"), parts("a", "/dev/other")]);
  const change = changes(now, next, { a: NOT_HAD });
  expect(change.waiting).toEqual([]);
  expect(namesOf(change).toSorted()).toEqual(["a", "b"]);
});

test("an open pool does not get a disk that is another's until the driver ends", () => {
  const now = config([devices("d", "/dev/d"), parts("a", "/dev/a")]);
  const next = config([devices("d", "/dev/d, /dev/a")]);
  const change = changes(now, next, { d: { kind: "had", disks: ["/dev/d"] } });
  expect(change.pools).toEqual([]);
  expect(change.waiting).toContain(
    "pools[0].devices[1]: /dev/a is of pool a until the driver is started again; d has to wait for that",
  );
});

describe("a pool that was never open", () => {
  const now = config([devices("d", "/dev/a, /dev/mistyped")]);
  const corrected = config([`{name: d, backing: devices, devices: [/dev/b], blockSize: 128KiB}`]);

  test("takes over everything", () => {
    const change = changes(now, corrected, { d: NOT_HAD });
    expect(change.waiting).toEqual([]);
    expect(change.pools).toEqual(corrected.pools);
    expect(change.config.pools).toEqual(corrected.pools);
  });

  test("takes over nothing while it is tried; that is said, and decided then", () => {
    const change = changes(now, corrected, { d: TRYING });
    expect(change).toMatchObject({ pools: [], undecided: true });
    expect(change.waiting).toEqual(
      ["blockSize", "devices"].map(
        (key) => `pools[0].${key}: counts when the try to open the pool, which is under way, has ended`,
      ),
    );
    expect(change.config).toEqual(now);
    expect(changes(now, now, { d: TRYING })).toMatchObject({ waiting: [], undecided: false });
  });
});

describe("the default pool", () => {
  const a = parts("a", "/dev/a");
  const now = config([a], "defaultPool: a");

  test("may be the new one", () => {
    const change = changes(now, config([a, loop("b")], "defaultPool: b"));
    expect(change).toMatchObject({ defaultPool: "b", waiting: [], config: { defaultPool: "b" } });
  });

  test("may be none", () => {
    const change = changes(now, config([a, loop("b")]));
    expect(change).not.toHaveProperty("defaultPool");
    expect(change.config).not.toHaveProperty("defaultPool");
  });

  test("stays where the new one has to wait", () => {
    const change = changes(now, config([parts("b", "/dev/a")], "defaultPool: b"));
    expect(change).toMatchObject({ defaultPool: "a", config: { defaultPool: "a" } });
    expect(change.waiting).toContain("defaultPool: counts when the driver is started again");
  });
});
