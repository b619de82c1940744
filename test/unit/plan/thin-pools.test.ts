import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { thinPoolName, type ThinPoolStatus } from "../../../src/core/thin-pool.ts";
import { GIB } from "../../../src/core/units.ts";
import {
  firstOf,
  planThinPools,
  type ExistingThinPool,
  type NodeSight,
  type ThinPoolWrite,
} from "../../../src/plan/thin-pools.ts";
import { away, nodeSight, openSight, type SightChanges } from "../../support/node-sights.ts";

const TIMES = { graceMs: 40_000, figuresMs: 60_000, heartbeatMs: 600_000 };
const START = Date.UTC(2026, 10, 1);
const DOWN = { type: "OutOfData", reason: "its data is full: 100 % (100 GiB of 100 GiB)" } as const;

interface Look {
  readonly after?: number;
  readonly missing?: Readonly<Record<string, number>>;
}

const plan = (
  nodes: readonly NodeSight[],
  existing: readonly ExistingThinPool[],
  { after = 0, missing = {} }: Look = {},
): readonly ThinPoolWrite[] => {
  const missingSince = new Map(Object.entries(missing).map(([node, ms]) => [node, START + after - ms]));
  return planThinPools({ nodes, existing, missingSince, now: START + after }, TIMES);
};

/** As the API server has them after these writes. */
const written = (writes: readonly ThinPoolWrite[]): readonly ExistingThinPool[] =>
  writes.flatMap((write) =>
    write.kind === "delete"
      ? []
      : [{ name: write.name, resourceVersion: "1", spec: write.spec, status: write.status }],
  );

const fast = (changes: SightChanges = {}): readonly NodeSight[] => [
  nodeSight("a", [openSight("fast", "a", changes)]),
];
const fastOn = (node: string): NodeSight => nodeSight(node, [openSight("fast", node)]);
const before = (): readonly ExistingThinPool[] => written(plan(fast(), []));
const whys = (writes: readonly ThinPoolWrite[]): readonly string[] =>
  writes.map((write) => (write.kind === "update" ? write.why : write.kind));

test("a node that has much to say takes no more than its share of the writes", () => {
  const pools = Array.from({ length: 5 }, (_, index) => openSight(`p${index}`, "a"));
  const writes = plan([nodeSight("a", pools), fastOn("b"), fastOn("c")], []);
  const names = (all: number, ofNode: number): readonly string[] =>
    firstOf(writes, { all, ofNode }).map(({ name }) => name);
  expect(names(10, 2)).toEqual(["a.p0", "a.p1", "b.fast", "c.fast"]);
  expect(names(3, 2)).toEqual(["a.p0", "a.p1", "b.fast"]);
});

test("a pool that is new is written with all that is known", () => {
  const [write] = plan(fast(), []);
  expect(write).toMatchObject({ kind: "create", name: "a.fast", spec: { node: "a", pool: "fast" } });
  const { status } = write as Extract<ThinPoolWrite, { kind: "create" }>;
  const at = new Date(START).toISOString();
  expect(status.conditions.slice(0, 2)).toEqual([
    { type: "Ready", status: "True", reason: "Open", message: "the pool is open", lastTransitionTime: at },
    { type: "DataLow", status: "False", reason: "NotSo", message: "", lastTransitionTime: at },
  ]);
  expect({ ...status, conditions: [] }).toEqual({
    uuid: "a".repeat(32),
    mode: "rw",
    backing: "devices",
    data: { bytes: 100 * 2 ** 30, usedBytes: 41 * 2 ** 30, usedPercent: 41, size: "100Gi" },
    metadata: { bytes: 100 * 2 ** 20, usedBytes: 6 * 2 ** 20, usedPercent: 6, size: "100Mi" },
    promisedBytes: 60 * 2 ** 30,
    promised: "60Gi",
    availableBytes: 40 * 2 ** 30,
    overprovision: "1",
    volumes: 3,
    snapshots: 1,
    versions: { driver: "1.2.3", kernel: "6.12.1", thinPoolTarget: "v1.23.0", poolFormat: 1 },
    lastReport: at,
    conditions: [],
  } satisfies ThinPoolStatus);
});

describe("what is there already is written", () => {
  test("at once where its state is another, and tells which conditions turned", () => {
    const [write] = plan(fast({ conditions: [DOWN], figures: { mode: "out_of_data_space" } }), before(), {
      after: 1000,
    });
    expect(write).toMatchObject({
      why: "state",
      resourceVersion: "1",
      status: { mode: "out-of-data" },
      turned: [
        {
          was: "False",
          now: { type: "OutOfData", status: "True", reason: "DataFull", message: DOWN.reason },
        },
      ],
    });
    const { status } = write as Extract<ThinPoolWrite, { kind: "update" }>;
    expect(status.conditions.map(({ lastTransitionTime }) => Date.parse(lastTransitionTime) - START)).toEqual(
      [0, 0, 0, 1000, 0, 0, 0, 0],
    );
  });

  test.each([
    ["less than a percent", { used: 41n * GIB + GIB / 2n }, []],
    ["a percent", { used: 42n * GIB }, ["figures"]],
    ["a volume", { figures: { volumes: 4 } }, ["figures"]],
    ["another size", { figures: { metadata: { size: 2n, used: 1n } } }, ["state"]],
  ])("for %s only where that is worth it", (_what, changes, expected) => {
    expect(whys(plan(fast(changes), before(), { after: TIMES.figuresMs }))).toEqual(expected);
  });

  test("of figures not so soon again", () => {
    const changes = { figures: { volumes: 4 } };
    expect(plan(fast(changes), before(), { after: TIMES.figuresMs - 1 })).toEqual([]);
  });

  test("not where only the figures in a sentence are others", () => {
    const low = (percent: number) =>
      fast({
        conditions: [
          { type: "DataLow", reason: `its data is filling: ${percent} % (${percent}.5 GiB of 100 GiB)` },
        ],
      });
    const existing = written(plan(low(81), []));
    expect(plan(low(82), existing, { after: TIMES.figuresMs })).toEqual([]);
  });

  test("not so soon again where the same has another reason", () => {
    const absent = (reason: string) => [
      nodeSight("a", [], [{ name: "fast", reason, backing: undefined, conditions: [] }]),
    ];
    const existing = written(plan(absent("no such device"), []));
    const look = (after: number) => whys(plan(absent("it is being opened"), existing, { after }));
    expect([look(TIMES.figuresMs - 1), look(TIMES.figuresMs)]).toEqual([[], ["figures"]]);
  });

  test("after the heartbeat, each pool at its own time", () => {
    const names = Array.from({ length: 200 }, (_, index) => `n${index}`);
    const nodes = names.map((name, index) =>
      nodeSight(name, [openSight("fast", index.toString(16).padStart(32, "0"))]),
    );
    const existing = written(plan(nodes, []));
    const share = (of: number): number => plan(nodes, existing, { after: TIMES.heartbeatMs * of }).length;
    expect(share(0.99)).toBe(0);
    expect(share(1.125)).toBeGreaterThan(60);
    expect(share(1.125)).toBeLessThan(140);
    expect(share(1.25)).toBe(200);
  });
});

describe("a node that is away", () => {
  const missing = { a: TIMES.graceMs };

  test("leaves its pools as they were for a while, and then unknown, once", () => {
    expect(plan([away("a")], before(), { missing: { a: TIMES.graceMs - 1 }, after: 50_000 })).toEqual([]);
    const writes = plan([away("a")], before(), { missing, after: 50_000 });
    expect(writes).toMatchObject([
      { why: "state", status: { mode: "unknown", volumes: 3, lastReport: new Date(START).toISOString() } },
    ]);
    const reasons = new Set(
      written(writes)[0]?.status?.conditions.map(({ status, reason }) => `${status} ${reason}`),
    );
    expect([...reasons]).toEqual(["Unknown NodeAway"]);
    expect(plan([away("a", "another reason")], written(writes), { missing, after: 9e9 })).toEqual([]);
  });

  test("that comes back is written at once", () => {
    const unknown = written(plan([away("a")], before(), { missing, after: 50_000 }));
    expect(whys(plan(fast(), unknown, { after: 51_000 }))).toEqual(["state"]);
  });

  test("that has left the roster loses its pools after that while", () => {
    expect(plan([], before(), { missing: { a: TIMES.graceMs - 1 } })).toEqual([]);
    expect(plan([], before(), { missing })).toMatchObject([{ kind: "delete", name: "a.fast" }]);
  });
});

test("a pool that its node does not have any more goes at once", () => {
  expect(plan([nodeSight("a", [])], before())).toMatchObject([{ kind: "delete", name: "a.fast" }]);
});

test("a pool that is not open keeps its size and uuid, and says why", () => {
  const conditions = [{ type: "DeviceMissing", reason: "no such device" } as const];
  const absent = [
    { name: "fast", reason: "it is tried again in 4 s", backing: "devices" as const, conditions },
  ];
  const [write] = plan([nodeSight("a", [], absent)], before());
  expect(write).toMatchObject({
    why: "state",
    status: { mode: "not-open", uuid: "a".repeat(32), data: { size: "100Gi" } },
    turned: [
      {
        was: "True",
        now: { type: "Ready", status: "False", reason: "NotOpen", message: "it is tried again in 4 s" },
      },
      { was: "False", now: { type: "DeviceMissing", status: "True", reason: "DeviceGone" } },
    ],
  });
  const later = [{ ...absent[0], reason: "it is tried again in 8 s" }] as typeof absent;
  expect(plan([nodeSight("a", [], later)], written(write === undefined ? [] : [write]))).toEqual([]);
});

test("two nodes with one pool are both not ready", () => {
  const nodes = ["a", "b"].map((name) => nodeSight(name, [openSight("fast", "a")]));
  const ready = written(plan(nodes, [])).map(({ status }) => status?.conditions[0]?.reason);
  expect(ready).toEqual(["ReportedTwice", "ReportedTwice"]);
});

test("a node that has not heard of its pool yet changes nothing", () => {
  const { figures: _, ...silent } = openSight("fast", "a");
  expect(plan([nodeSight("a", [silent])], before(), { after: 9e9 })).toEqual([]);
});

test("what is urgent comes first", () => {
  const pools = ["old", "full", "calm"].map((name, index) => openSight(name, "abc"[index] ?? ""));
  const existing = written(plan([nodeSight("a", pools)], []));
  const now = [openSight("full", "b", { conditions: [DOWN] }), openSight("calm", "c"), openSight("new", "d")];
  expect(whys(plan([nodeSight("a", now)], existing, { after: 9e8 }))).toEqual([
    "state",
    "create",
    "delete",
    "heartbeat",
  ]);
});

describe("the name of a ThinPool", () => {
  const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?$/);
  const node = fc.array(label, { minLength: 1, maxLength: 8 }).map((parts) =>
    parts
      .join(".")
      .slice(0, 253)
      .replace(/[.-]+$/, ""),
  );
  const pool = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/);

  test("is one that Kubernetes takes", () => {
    fc.assert(
      fc.property(node, pool, (...names) => {
        const name = thinPoolName({ node: names[0], pool: names[1] });
        expect(name.length).toBeLessThanOrEqual(253);
        expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
      }),
    );
  });

  test("is another for each pool of long-named nodes", () => {
    const long = `${"a".repeat(60)}.`.repeat(4).slice(0, 240);
    const names = ["fast", "fast-but-a-name-of-30-letters-x", "fast-but-a-name-of-30-letters-y"].map((each) =>
      thinPoolName({ node: `${long}b`, pool: each }),
    );
    expect(new Set(names).size).toBe(3);
  });
});
