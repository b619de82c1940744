import { expect, test } from "vitest";

import { interleave } from "../../../bench/sides/interleave.ts";

const rounds = { most: 6, least: 2, budgetMs: 1000, warmUp: 1 };

/** Two sides that note their turns; each takes so many milliseconds of a clock of its own. */
function sides(ms: number) {
  const turns: string[] = [];
  let clock = 0;
  const side = (name: string) => async (round: number) => {
    turns.push(`${name}${round}`);
    clock += ms;
    return round;
  };
  return { turns, now: () => clock, all: { a: side("a"), b: side("b") } };
}

test("sides take turns, each as often first as the other, and warming up counts for neither", async () => {
  const { turns, now, all } = sides(0);
  const series = await interleave(all, { ...rounds, most: 3 }, now);
  expect(turns).toEqual(["a0", "b0", "b1", "a1", "a2", "b2", "b3", "a3"]);
  expect(series).toEqual({ a: [1, 2, 3], b: [1, 2, 3] });
});

test("on a slow machine there are fewer rounds, but never less than the least, and equally many of each", async () => {
  const slow = sides(400);
  expect(await interleave(slow.all, rounds, slow.now)).toEqual({ a: [1, 2], b: [1, 2] });
  const slower = sides(5000);
  expect(await interleave(slower.all, rounds, slower.now)).toEqual({ a: [1, 2], b: [1, 2] });
  const quick = sides(10);
  expect((await interleave(quick.all, rounds, quick.now)).a).toHaveLength(6);
});
