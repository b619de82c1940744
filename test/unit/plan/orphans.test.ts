/** What is listed as an orphan, what is never listed, and what cannot be told. */
import { describe, expect, test } from "vitest";
import { keyOf, poolDeviceUuid, thinDeviceUuid } from "../../../src/core/ids.ts";
import type { ObjectKey, PoolName, PoolUuid } from "../../../src/core/ids.ts";
import type { OrphanList } from "../../../src/core/orphans.ts";
import { listOrphans } from "../../../src/plan/orphans.ts";
import type { KnownPool, NodeView, SeenDevice, SeenLoop } from "../../../src/plan/orphans.ts";
import { POOL_NAME, POOL_UUID, snapshotIdOf, thin, volumeIdOf } from "../../support/records.ts";

const OTHER = "f".repeat(32) as PoolUuid;
const VOLUME = keyOf(volumeIdOf(1));
const SNAPSHOT = keyOf(snapshotIdOf(2));
const STRAY = keyOf(volumeIdOf(77));

const fast: KnownPool = {
  name: POOL_NAME,
  uuid: POOL_UUID,
  keys: new Set([VOLUME, SNAPSHOT]),
  unrecorded: [],
};
const NOTHING: NodeView = { pools: [fast], absent: [], devices: [], mounts: [], loops: [] };
const slow = { name: "slow", reason: "no disk" };

const device = (name: string, uuid: string, usedBy: readonly string[] = []): SeenDevice => ({
  name,
  uuid,
  usedBy,
});
const thinOf = (pool: PoolUuid, key: ObjectKey): string => thinDeviceUuid(pool, key);
const loop = (pool: PoolUuid, changes: Partial<SeenLoop> = {}): SeenLoop => ({
  path: "/dev/loop7",
  file: "/pools/x/data.img",
  deleted: false,
  usedBy: [],
  owner: { pool },
  ...changes,
});

const list = (changes: Partial<NodeView>): OrphanList => listOrphans({ ...NOTHING, ...changes });
const names = ({ orphans }: OrphanList): readonly string[] =>
  orphans.map(({ kind, name }) => `${kind} ${name}`);

const NONE: OrphanList = { orphans: [], unjudged: [] };

describe("what has a record is never listed", () => {
  test.each<[string, Partial<NodeView>]>([
    ["nothing at all", {}],
    ["a volume's device, in use or not", { devices: [device("v", thinOf(POOL_UUID, VOLUME))] }],
    ["a snapshot's device, while it is discarded", { devices: [device("s", thinOf(POOL_UUID, SNAPSHOT))] }],
    ["a volume's mounts", { mounts: [{ path: "/kubelet/1", uuid: thinOf(POOL_UUID, VOLUME) }] }],
    [
      "the devices of a pool",
      {
        devices: (["meta", "spare", "data", "catalog", "pool"] as const).map((role) =>
          device(role, poolDeviceUuid(POOL_UUID, role)),
        ),
      },
    ],
    ["a loop device of a pool", { loops: [loop(POOL_UUID, { usedBy: ["dmthin-fast-data"] })] }],
    [
      "one that its pool stands on, though its file is deleted",
      { loops: [loop(POOL_UUID, { usedBy: ["d"], deleted: true })] },
    ],
    ["another loop device over a file of a pool", { loops: [loop(POOL_UUID)] }],
  ])("%s", (_title, changes) => {
    expect(list(changes)).toEqual(NONE);
  });
});

describe("what has none is listed, with why", () => {
  test("a device of an open pool", () => {
    expect(list({ devices: [device("dmthin-fast-v-x", thinOf(POOL_UUID, STRAY), ["/mnt"])] })).toEqual({
      orphans: [
        {
          kind: "device",
          name: "dmthin-fast-v-x",
          pool: POOL_UUID,
          why: "no volume or snapshot of pool fast has it",
          usedBy: ["/mnt"],
          guide: "orphans",
        },
      ],
      unjudged: [],
    });
  });

  test("all of a pool that is not configured, in the order in which it can be taken down", () => {
    const gone = (role: "data" | "meta" | "pool") => device(role, poolDeviceUuid(OTHER, role));
    const seen = list({
      // The key of a volume of another pool is of no account.
      devices: [gone("meta"), gone("data"), gone("pool"), device("thin", thinOf(OTHER, VOLUME))],
      mounts: [{ path: "/kubelet/1", uuid: thinOf(OTHER, VOLUME) }],
      loops: [loop(OTHER, { deleted: true })],
    });
    expect(names(seen)).toEqual([
      "mount /kubelet/1",
      "device thin",
      "device pool",
      "device data",
      "device meta",
      "loop /dev/loop7",
    ]);
    expect(seen.unjudged).toEqual([]);
    expect(seen.orphans[0]).toMatchObject({ pool: OTHER, why: `pool ${OTHER} is not configured` });
    expect(seen.orphans[5]?.why).toBe(`/pools/x/data.img, deleted: pool ${OTHER} is not configured`);
  });

  test("a mount of a volume that is in no record", () => {
    expect(names(list({ mounts: [{ path: "/kubelet/1", uuid: thinOf(POOL_UUID, STRAY) }] }))).toEqual([
      "mount /kubelet/1",
    ]);
  });

  test("a loop device over a deleted file that its pool does not stand on", () => {
    expect(list({ loops: [loop(POOL_UUID, { deleted: true })] }).orphans).toMatchObject([
      { kind: "loop", why: "/pools/x/data.img, deleted: pool fast does not use it" },
    ]);
  });
});

describe("while a configured pool is not open", () => {
  const changes: Partial<NodeView> = {
    devices: [device("thin", thinOf(OTHER, VOLUME)), device("pool", poolDeviceUuid(OTHER, "pool"))],
    mounts: [{ path: "/kubelet/1", uuid: thinOf(OTHER, VOLUME) }],
    loops: [loop(OTHER, { deleted: true })],
  };

  test("nothing that may be its is listed", () => {
    const { orphans, unjudged } = list({ ...changes, absent: [slow] });
    expect(orphans).toEqual([]);
    expect(unjudged.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "pool slow",
      "mount /kubelet/1",
      "device thin",
      "device pool",
      "loop /dev/loop7",
    ]);
    expect(unjudged[0]?.why).toMatch(/^it is not open, .*: no disk$/);
    expect(unjudged[1]?.why).toBe(`it is of pool ${OTHER}, which may be one that is not open: slow`);
  });

  test("what is of an open one is judged all the same", () => {
    const devices = [device("stray", thinOf(POOL_UUID, STRAY))];
    expect(names(list({ absent: [slow], devices }))).toEqual(["device stray"]);
  });

  test("with no pool open nothing is listed", () => {
    expect(list({ ...changes, pools: [], absent: [slow] }).orphans).toEqual([]);
  });
});

test("of a pool that the fence keeps read-only: its thins, its devices, and that its records may be old", () => {
  const fenced = { ...fast, fenced: "foreign hands", unrecorded: [thin(9), thin(12)] };
  const { orphans, unjudged } = list({
    pools: [fenced],
    devices: [device("stray", thinOf(POOL_UUID, STRAY)), device("v", thinOf(POOL_UUID, VOLUME))],
  });
  expect(orphans.map(({ name, guide }) => [name, guide])).toEqual([
    ["stray", "read-only pools"],
    ["thin 9 of pool fast", "read-only pools"],
    ["thin 12 of pool fast", "read-only pools"],
  ]);
  expect(orphans[0]?.why).toMatch(/the records may be old/);
  expect(unjudged).toEqual([{ kind: "pool", name: "fast", why: "it is read-only: foreign hands" }]);
});

test("what this version does not know is not judged", () => {
  const { orphans, unjudged } = list({
    devices: [device("a", "DMTHIN-x"), device("b", `DMTHIN-${POOL_UUID}-v2-data`)],
    loops: [loop(OTHER, { owner: { flaw: "has a bad checksum" } })],
  });
  expect(orphans).toEqual([]);
  expect(unjudged.map(({ name }) => name)).toEqual(["a", "b", "/dev/loop7"]);
  expect(unjudged[2]?.why).toBe("/pools/x/data.img: its label has a bad checksum");
});

test("two pools: each by its own records", () => {
  const other: KnownPool = { name: "two" as PoolName, uuid: OTHER, keys: new Set([STRAY]), unrecorded: [] };
  const seen = list({
    pools: [fast, other],
    devices: [
      device("one", thinOf(POOL_UUID, VOLUME)),
      device("two", thinOf(OTHER, STRAY)),
      device("stray", thinOf(OTHER, VOLUME)),
    ],
  });
  expect(names(seen)).toEqual(["device stray"]);
});
