import { expect, test } from "vitest";

import { Operations } from "../../../src/core/operations.ts";
import type { LoopPoolOptions, PoolOptions } from "../../../src/core/pool-options.ts";
import { bytes, GIB, MIB } from "../../../src/core/units.ts";
import type { Fill, Level, Use } from "../../../src/plan/fill.ts";
import type { Wish } from "../../../src/pool/growth.ts";
import { PoolGrowth } from "../../../src/pool/pool-growth.ts";
import { MessageQueue } from "../../../src/pool/queue.ts";
import { loopOptions } from "../../support/loop-options.ts";
import { POOL_NAME } from "../../support/records.ts";

const OPTIONS: LoopPoolOptions = {
  ...loopOptions(POOL_NAME),
  dataSize: bytes(10n * GIB),
  autoGrow: { at: 80, metadata: true, step: 20, limit: bytes(13n * GIB) },
};

const use = (total: bigint, percent: bigint, level: Level): Use => ({
  used: bytes((total * percent) / 100n),
  total: bytes(total),
  level,
  calm: level === 0,
});

/** A pool whose devices follow each wish, unless they refuse. */
function growing(options: PoolOptions = OPTIONS) {
  const wishes: Wish[] = [];
  const reports: string[] = [];
  const bench = {
    refuses: undefined as string | undefined,
    condition: "ready" as "ready" | "unusable",
    looks: 0,
  };
  const stack = {
    dataBytes: bytes(10n * GIB),
    metadataBytes: bytes(64n * MIB),
    grow: async (wish: Wish, exclusively: (work: () => Promise<void>) => Promise<void>) => {
      wishes.push(wish);
      if (bench.refuses !== undefined) return [bench.refuses];
      await exclusively(async () => {
        if ((wish.dataSize ?? 0n) > stack.dataBytes) stack.dataBytes = wish.dataSize ?? stack.dataBytes;
      });
      return [];
    },
  };
  const growth = new PoolGrowth({
    stack,
    options,
    queue: new MessageQueue(POOL_NAME, 1000),
    operations: new Operations(),
    report: (level, message) => reports.push(`${level}: ${message}`),
  });
  const pool = {
    get condition() {
      return bench.condition === "ready"
        ? ({ kind: "ready" } as const)
        : ({ kind: "unusable", reason: "" } as const);
    },
    refreshSupply: async () => {
      bench.looks += 1;
    },
  };
  const fill = (percent: bigint, level: Level): Fill => ({
    data: use(stack.dataBytes, percent, level),
    metadata: use(stack.metadataBytes, 10n, 0),
  });
  return { growth, pool, stack, wishes, reports, bench, fill };
}

test("grows by itself step by step up to its limit, and looks at the pool after each", async () => {
  const { growth, pool, stack, bench, fill } = growing();
  growth.start(pool);
  await growth.note(fill(50n, 0));
  expect(stack.dataBytes).toBe(10n * GIB);
  await growth.note(fill(81n, 80));
  expect(stack.dataBytes).toBe(12n * GIB);
  await growth.note(fill(81n, 80));
  expect(stack.dataBytes).toBe(13n * GIB);
  await growth.note(fill(99n, 95));
  expect(stack.dataBytes).toBe(13n * GIB);
  expect(bench.looks).toBe(2);
});

test("is begun once, however often it is noticed meanwhile", async () => {
  const { growth, pool, wishes, fill } = growing();
  growth.start(pool);
  await Promise.all([growth.note(fill(81n, 80)), growth.note(fill(82n, 80)), growth.note(fill(91n, 90))]);
  expect(wishes).toHaveLength(1);
});

test("what was refused is tried again at the next level, and when the configuration is read anew", async () => {
  const { growth, pool, wishes, reports, bench, fill } = growing();
  growth.start(pool);
  bench.refuses = "the filesystem below has no room";
  await growth.note(fill(81n, 80));
  await growth.note(fill(85n, 80));
  expect(wishes).toHaveLength(1);
  expect(reports.at(-1)).toBe(`warn: pool ${POOL_NAME}: the filesystem below has no room`);
  await growth.note(fill(91n, 90));
  expect(wishes).toHaveLength(2);
  bench.refuses = undefined;
  await growth.toConfigured(OPTIONS);
  await growth.note(fill(91n, 90));
  expect(wishes.at(-1)?.dataSize).toBe(12n * GIB);
});

test("not before the pool is open, and not when it takes no changes", async () => {
  const { growth, pool, wishes, bench, fill } = growing();
  await growth.note(fill(99n, 95));
  growth.start(pool);
  bench.condition = "unusable";
  await growth.note(fill(99n, 95));
  expect(wishes).toEqual([]);
});

test("a pool that cannot open for want of metadata is given twice as much, unless that is forbidden", async () => {
  const { growth, wishes } = growing();
  await growth.outOfMetadata();
  expect(wishes).toMatchObject([{ metadataTowards: 128n * MIB }]);
  await growth.toConfigured({ ...OPTIONS, autoGrow: { ...OPTIONS.autoGrow, metadata: false } });
  await growth.outOfMetadata();
  expect(wishes.at(-1)).not.toHaveProperty("metadataTowards");
});

test("never rejects: the pool goes on with what it has", async () => {
  const { growth, reports, bench, stack } = growing();
  stack.grow = async () => {
    throw new Error("the disk is gone");
  };
  await growth.toConfigured();
  expect(reports).toEqual([`error: pool ${POOL_NAME}: did not grow, and goes on as it is: the disk is gone`]);
  expect(bench.looks).toBe(0);
});

const { dataSize: _size, directory: _directory, ...COMMON } = OPTIONS;
const DISKS: PoolOptions = {
  ...COMMON,
  backing: "devices",
  devices: ["/dev/a"],
  autoGrow: { at: 80, metadata: true },
  reserve: { percent: 10 },
};

test("a reserve stays until the data is full, and is released only where there is no other room", async () => {
  const { growth, pool, stack, wishes, reports, fill } = growing(DISKS);
  growth.start(pool);
  await growth.note(fill(96n, 95));
  expect(wishes).toMatchObject([{ reserve: { percent: 10 } }]);
  await growth.note(fill(100n, 100));
  expect(wishes.slice(1)).toMatchObject([{ reserve: { percent: 10 } }, {}]);
  expect(wishes.at(-1)).not.toHaveProperty("reserve");
  expect(reports.at(-1)).toMatch(/^warn: .* its reserve is released/);

  // A disk that has become longer has room first.
  const other = growing(DISKS);
  other.growth.start(other.pool);
  const take = other.stack.grow;
  other.stack.grow = (wish, exclusively) => take({ ...wish, dataSize: bytes(12n * GIB) }, exclusively);
  await other.growth.note(other.fill(100n, 100));
  expect(other.wishes).toHaveLength(1);
  expect(other.reports.join()).not.toMatch(/released/);
  expect(stack.dataBytes).toBe(10n * GIB);
});

test("a pool that is found in foreign hands before its turn is not touched", async () => {
  const { growth, pool, wishes, reports, bench, fill } = growing();
  growth.start(pool);
  const noted = growth.note(fill(81n, 80));
  bench.condition = "unusable";
  await noted;
  expect(wishes).toEqual([]);
  expect(reports.at(-1)).toMatch(/^error: .* did not grow, and goes on as it is: it is unusable/);
});

test("asked for once, it goes by other options once, and says what was not done", async () => {
  const { growth, stack, wishes, bench } = growing();
  const asked = { ...OPTIONS, dataSize: bytes(11n * GIB) };
  expect(await growth.asAsked(asked)).toEqual({
    refusals: [],
    sizes: { data: 11n * GIB, metadata: 64n * MIB },
  });
  await growth.toConfigured();
  expect(wishes.at(-1)?.dataSize).toBe(10n * GIB);
  bench.refuses = "no room";
  expect((await growth.asAsked(asked)).refusals).toEqual(["no room"]);
  stack.grow = async () => {
    throw new Error("the disk is gone");
  };
  expect((await growth.asAsked(asked)).refusals).toEqual([
    "did not grow, and goes on as it is: the disk is gone",
  ]);
});
