/** 64 CreateVolume at once and one after another, in turn. */
import { ratioOf, summarize } from "../model/statistics.ts";
import { stopwatch } from "../sides/command.ts";
import { DmthinSide } from "../sides/dmthin.ts";
import { interleave, type Rounds } from "../sides/interleave.ts";
import type { TestVolume } from "../../test/support/volume-life.ts";
import { type Context, diskOf, takeAllDown } from "./context.ts";

const VOLUMES = 64;
const PARALLEL_ROUNDS: Rounds = { most: 4, least: 2, budgetMs: 40_000, warmUp: 0 };
const SIZE = 16n << 20n;

export async function measureParallel(context: Context): Promise<void> {
  const dmthin = new DmthinSide({ disk: diskOf(context, 0), pool: "parallel" });
  const { life } = dmthin;
  const numbers = Array.from({ length: VOLUMES }, (_one, number) => number);
  const batch = async (name: string, create: () => Promise<readonly TestVolume[]>): Promise<number> => {
    let made: readonly TestVolume[] = [];
    const ms = await stopwatch(async () => (made = await create()));
    context.say(`${name}: ${ms.toFixed(0)} ms`);
    for (const volume of made) await life.delete(volume);
    return ms;
  };
  try {
    await dmthin.start("info");
    const series = await interleave(
      {
        together: (round) =>
          batch("at once", () =>
            Promise.all(numbers.map((number) => life.create(`at-once-${round}-${number}`, "block", SIZE))),
          ),
        alone: (round) =>
          batch("one after another", async () => {
            const made: TestVolume[] = [];
            for (const number of numbers)
              made.push(await life.create(`in-turn-${round}-${number}`, "block", SIZE));
            return made;
          }),
      },
      PARALLEL_ROUNDS,
    );
    context.found("parallel-create", {
      ...ratioOf(series.together, series.alone),
      sides: { "64 at once": summarize(series.together), "one after another": summarize(series.alone) },
      note: "a process start is most of it, and one processor starts one at a time; the only lock between them is the pool's queue of messages",
    });
  } finally {
    await takeAllDown(context, () => dmthin.clear());
  }
}
