/**
 * SIGKILL for the driver at every step of every operation (promises 2, 4, 5). The points come from a run of each operation
 * that nobody disturbs; each seed deals out one way of death for each point, three seeds in a row all of them.
 */
import { afterAll, describe, expect, test } from "vitest";

import { KillBench, type RoundEnd } from "../kill/kill-bench.ts";
import { OpeningBench } from "../kill/openings.ts";
import { OPERATIONS } from "../kill/operations.ts";
import { deal, pack, titleOf } from "../kill/points.ts";
import { Random } from "../random.ts";
import { given } from "./given.ts";

const { seed, share } = given();
const random = new Random(seed, "kill");

const bench = await KillBench.start(
  share ? ["killa"] : ["killa", "killb", "killc"],
  share ? random.sample(OPERATIONS, 5) : OPERATIONS,
);
afterAll(() => bench.stop());

const points = await bench.learn();
await bench.node.kill("process");
const openings = new OpeningBench(bench.node);
// A start is what costs most: the share has no more of them than its rounds need.
const openingPoints = share ? [] : await openings.learn();
const starts = random.sample(deal(openingPoints, seed), 6).map((each) => ({
  title: titleOf(each),
  perform: () => openings.perform(each),
}));
const firstIds = {
  title: "thin ids that are reserved in the catalog and not yet in the kernel",
  perform: () => openings.performFirstIds(),
};

const all = pack(deal(points, seed), bench.node.pools.length);
const largest = all.toSorted((one, other) => other.cases.length - one.cases.length);
const rounds = share ? largest.slice(0, 2) : all;
const ends: Promise<RoundEnd>[] = [];
/** Each is performed when the first of its cases asks for it. */
async function endOf(number: number): Promise<RoundEnd> {
  const [round, next] = [rounds[number], rounds[number + 1]];
  if (round === undefined) throw new RangeError(`no round ${number}`);
  if (number === 0 && ends.length === 0) ends.push(bench.begin(round, next?.death));
  return (ends[number] ??= bench.perform(round, next?.death));
}

/** With all of the evidence, where something did not hold. */
const verdictOf = (failure: Error | undefined): string => failure?.stack ?? "held";

describe.each(rounds.map(({ death, cases }, number) => ({ death, cases, number })))(
  "round $number ($death)",
  ({ cases, number }) => {
    test.each(cases.map((each) => ({ each, title: titleOf(each) })))(
      "promises 4, 5: $title",
      async ({ each }) => {
        expect(verdictOf((await endOf(number)).failures.get(each))).toBe("held");
      },
    );

    test("promise 2: no record that fsync confirmed is lost by those who write all the time", async () => {
      expect(verdictOf((await endOf(number)).records)).toBe("held");
    });

    test("promise 4: no thin, device, mount, loop device or path is left over", async () => {
      expect(verdictOf((await endOf(number)).leaks)).toBe("held");
    });
  },
);

test.each(share ? [] : [...starts, firstIds])("promise 4: a starting driver: $title", async ({ perform }) => {
  await expect(perform()).resolves.toBeUndefined();
});

test("promise 4: every operation has points of each kind to die at", () => {
  expect(new Set(points.map(({ kind }) => kind))).toEqual(new Set(["begin", "step", "tool"]));
  expect(points.length).toBeGreaterThan(share ? 10 : 120);
  if (!share) expect(openingPoints.length).toBeGreaterThan(40);
});
