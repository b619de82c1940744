import { describe, expect, test } from "vitest";

import type { ThinListing } from "../../../src/core/dm.ts";
import { bytes, dataBlocks, KIB } from "../../../src/core/units.ts";
import { assess, judgeSpare, objections, planRepair } from "../../../src/plan/repair.ts";
import type { MetadataFinding, SpareFinding } from "../../../src/plan/repair.ts";
import { catalogContent, poolRecord, snapshotRecord, thin, volumeRecord } from "../../support/records.ts";

const finding = (changes: Partial<MetadataFinding> = {}): MetadataFinding => ({
  superblock: { transactionId: 7n, needsCheck: false },
  sound: true,
  treesSound: true,
  ...changes,
});
const DAMAGED = finding({ sound: false, treesSound: false });
const FLAGGED = finding({ superblock: { transactionId: 7n, needsCheck: true } });
const FREE: SpareFinding = { kind: "free" };
const asked = { overwriteSpare: false };
const listing = (id: number, mapped: bigint): ThinListing => ({
  thinId: thin(id),
  mapped: dataBlocks(mapped),
  transaction: 1n,
});
const CONTENT = catalogContent({
  pool: poolRecord({ transactionId: 7n, thinIdLimit: 64 }),
  volumes: [
    volumeRecord(1, { format: { state: "formatted", fsType: "ext4" } }),
    volumeRecord(2, { format: { state: "blank" } }),
  ],
  snapshots: [snapshotRecord(3, { mapped: bytes(640n * KIB) })],
});

describe("the plan of a repair", () => {
  test.each<[string, MetadataFinding, SpareFinding, boolean, object]>([
    ["sound metadata is left alone", finding(), FREE, true, { kind: "nothing" }],
    ["needs_check goes after a full check", FLAGGED, FREE, true, { kind: "clear-needs-check" }],
    [
      "needs_check of damaged metadata is not cleared",
      { ...FLAGGED, sound: false, treesSound: false },
      FREE,
      true,
      { kind: "rebuild", method: "salvage" },
    ],
    ["sound trees are copied", finding({ sound: false }), FREE, true, { kind: "rebuild", method: "copy" }],
    ["damaged trees: each thin by itself", DAMAGED, FREE, true, { kind: "rebuild", method: "salvage" }],
    ["no tree of devices: an older state", DAMAGED, FREE, false, { kind: "rebuild", method: "older" }],
    ["a spare that fits is never written over", DAMAGED, { kind: "fits" }, true, { kind: "use-spare" }],
    [
      "a spare that nobody accepted is made anew",
      DAMAGED,
      { kind: "misses" },
      true,
      { kind: "rebuild", method: "salvage" },
    ],
  ])("%s", (_what, meta, spare, details, plan) => {
    expect(planRepair(meta, spare, details, asked)).toEqual(plan);
  });

  test("what was set aside is written over only where a person says so", () => {
    const spare: SpareFinding = { kind: "set-aside" };
    expect(planRepair(DAMAGED, spare, true, asked)).toMatchObject({
      kind: "refuse",
      reason: expect.stringMatching(/--overwrite-spare/) as string,
    });
    expect(planRepair(DAMAGED, spare, true, { overwriteSpare: true }).kind).toBe("rebuild");
  });
});

describe("what lies on the spare", () => {
  const fitting = [listing(1, 5n), listing(2, 0n), listing(3, 10n)];

  test.each<[string, MetadataFinding, bigint | undefined, readonly ThinListing[] | undefined, string]>([
    ["nothing", finding({ superblock: undefined, sound: false }), 7n, undefined, "free"],
    [
      "damaged metadata of an earlier time",
      { ...DAMAGED, superblock: { transactionId: 5n, needsCheck: false } },
      7n,
      undefined,
      "free",
    ],
    ["damaged metadata of now", DAMAGED, 7n, undefined, "set-aside"],
    [
      "damaged metadata from before the last bump",
      { ...DAMAGED, superblock: { transactionId: 6n, needsCheck: false } },
      7n,
      undefined,
      "set-aside",
    ],
    ["damaged metadata, and nobody knows what is now", DAMAGED, undefined, undefined, "set-aside"],
    ["all that the catalog lists", finding(), 7n, fitting, "fits"],
    ["less than the catalog lists", finding(), 7n, fitting.slice(1), "misses"],
    ["more than the catalog lists", finding(), 7n, [...fitting, listing(9, 0n)], "misses"],
    [
      "all that the catalog lists, from before the last bump",
      finding({ superblock: { transactionId: 6n, needsCheck: false } }),
      7n,
      fitting,
      "misses",
    ],
  ])("%s", (_what, spare, now, thins, kind) => {
    expect(judgeSpare(spare, now, CONTENT, thins)).toEqual({ kind });
  });

  test("without a catalog nothing fits", () => {
    expect(judgeSpare(finding(), 7n, undefined, fitting)).toEqual({ kind: "misses" });
  });
});

describe("what was rebuilt", () => {
  const before = [
    { thinId: thin(1), mapped: dataBlocks(5) },
    { thinId: thin(2), mapped: dataBlocks(0) },
    { thinId: thin(3), mapped: dataBlocks(10) },
  ];
  const rebuilt = (thins: readonly ThinListing[], known = true) => ({
    transactionId: 7n,
    thins,
    blockSize: bytes(64n * KIB),
    ...(known ? { before } : {}),
  });
  const losses = (thins: readonly ThinListing[], known?: boolean) =>
    assess(rebuilt(thins, known), CONTENT).losses.map(({ what, has }) => [what.split(" (")[0], has]);

  test("as it was has lost nothing", () => {
    expect(assess(rebuilt([listing(1, 5n), listing(2, 0n), listing(3, 10n)]), CONTENT)).toEqual({
      losses: [],
      excess: [],
    });
  });

  test("names what is gone, and what has fewer blocks", () => {
    expect(losses([listing(1, 4n), listing(3, 10n)])).toEqual([
      ["volume volume-1", 4n],
      ["volume volume-2", undefined],
    ]);
  });

  test("from metadata that could not be read: no filesystem without a block, no snapshot with less than was cut", () => {
    expect(losses([listing(1, 0n), listing(2, 0n), listing(3, 9n)], false)).toEqual([
      ["volume volume-1", 0n],
      ["snapshot snapshot-3", 9n],
    ]);
    expect(losses([listing(1, 1n), listing(2, 0n), listing(3, 10n)], false)).toEqual([]);
  });

  test("without a catalog names thins by their number", () => {
    expect(assess(rebuilt([listing(1, 5n), listing(2, 0n)]), undefined).losses).toEqual([
      { what: "thin 3", had: 10n },
    ]);
  });

  test("says what the fence will not take", () => {
    const { excess } = assess(
      rebuilt([listing(1, 5n), listing(2, 0n), listing(3, 10n), listing(9, 1n)]),
      CONTENT,
    );
    expect(excess).toEqual([expect.stringMatching(/thin 9 is in no record/)]);
  });

  test("is used only with what a person accepted", () => {
    const nothing = { losses: [], excess: [] };
    const some = { losses: [{ what: "thin 3" }], excess: [] };
    const [none, all] = [
      { loss: false, older: false },
      { loss: true, older: true },
    ];
    expect(objections("salvage", nothing, none)).toEqual([]);
    expect(objections("salvage", some, none)).toEqual([expect.stringMatching(/--accept-loss/)]);
    expect(objections("older", nothing, none)).toEqual([expect.stringMatching(/--accept-older/)]);
    expect(objections("older", some, none)).toHaveLength(2);
    expect(objections("older", some, all)).toEqual([]);
  });
});
