import { describe, expect, test } from "vitest";

import { deal, pack, type Point, pointsOf, titleOf } from "../../faults/kill/points.ts";

const TRACE = [
  'CreateSnapshot "cut-x7" #0 began',
  'CreateSnapshot "cut-x7" #1 ran dmsetup status --noflush dmthin-fast-pool',
  'CreateSnapshot "cut-x7" #2 record put-snapshot cut-x7 creating',
  'CreateSnapshot "cut-x7" #3 ran sync --file-system /k/one',
  'CreateSnapshot "cut-x7" #4 ran dmsetup suspend dmthin-fast-v-0123456789abcdef0123',
  'CreateSnapshot "cut-x7" #5 measure dmthin-fast-v-0123456789abcdef0123',
  'CreateSnapshot "cut-x7" #6 ran some-new-tool --of-which nobody-knows',
  'CreateSnapshot "cut-x7" #7 while-suspended dmthin-fast-v-0123456789abcdef0123',
  'CreateSnapshot "cut-x7" #8 record put-pool 12',
];

const POINTS: readonly Point[] = Array.from({ length: 60 }, (_, index) => ({
  operation: "create",
  index,
  text: `step ${index}`,
  kind: index === 0 ? "begin" : index % 3 === 0 ? "tool" : "step",
  blocking: index % 4 === 1,
}));

describe("the points of a trace", () => {
  const points = pointsOf("snapshot", TRACE);

  test("are its begin, its steps and the tools that may change something", () => {
    expect(points.map(({ index, kind }) => [index, kind])).toEqual([
      [0, "begin"],
      [2, "step"],
      [4, "tool"],
      [5, "step"],
      [6, "tool"],
      [7, "step"],
      [8, "step"],
    ]);
  });

  test("have texts that are the same in every run", () => {
    const other = TRACE.map((line) =>
      line.replaceAll("x7", "x81").replaceAll("0123456789abcdef0123", "f".repeat(20)),
    );
    expect(pointsOf("snapshot", other)).toEqual(points);
  });

  test("tell where others wait behind: between suspend and resume, and where ids are handed out", () => {
    expect(points.filter(({ blocking }) => blocking).map(({ index }) => index)).toEqual([4, 5, 6, 8]);
  });

  test("are not read from anything else", () => {
    expect(() => pointsOf("snapshot", ["ran dmsetup status"])).toThrow("not a line of a trace");
  });
});

describe("dealing", () => {
  test("gives every point every way of its kind in six seeds, one at a time", () => {
    const dealt = [1, 2, 3, 4, 5, 6].flatMap((seed) => deal(POINTS, seed));
    const waysOf = (point: Point): string =>
      dealt
        .filter(({ index }) => index === point.index)
        .map(({ way }) => (way === "cgroup" || way === "container" ? "all" : way))
        .toSorted()
        .join();
    for (const point of POINTS)
      expect([point.index, waysOf(point)]).toEqual([
        point.index,
        point.kind === "tool" ? "all,orphan,process" : "all,all,process",
      ]);
    expect(new Set(dealt.map(({ way }) => way))).toEqual(
      new Set(["process", "orphan", "cgroup", "container"]),
    );
  });
});

describe("packing", () => {
  const cases = deal(POINTS, 1);
  const rounds = pack(cases, 3);

  test("loses no case and doubles none", () => {
    const packed = rounds.flatMap((round) => round.cases.map(titleOf));
    expect(packed.toSorted()).toEqual(cases.map(titleOf).toSorted());
  });

  test("puts at most one into each pool that others would wait behind, and that one last", () => {
    for (const round of rounds) {
      const blocking = round.cases.filter((each) => each.blocking);
      expect(new Set(blocking.map(({ place }) => place)).size).toBe(blocking.length);
      expect(round.cases.slice(-blocking.length || round.cases.length).every((each) => each.blocking)).toBe(
        blocking.length > 0,
      );
    }
  });

  test("lets only those die together that die in one way", () => {
    for (const { death, cases: mine } of rounds)
      for (const { way } of mine) expect(way === "orphan" ? "process" : way).toBe(death);
  });
});
