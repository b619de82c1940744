/**
 * How many processes the driver starts, by its own log, beside what the kernel counts of all forks and new threads on this
 * machine (`processes` in /proc/stat): that is never less, and not much more where nobody else works.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import type { DmthinSide } from "../sides/dmthin.ts";
import { FABRICATED } from "../sides/fabricate.ts";
import { scrape } from "../sides/scrape.ts";
import { type Context, diskOf, takeAllDown } from "./context.ts";
import { poolOf } from "./scale.ts";

const VOLUMES = 1000;
/** As many as thin ids are reserved at once, so that each run has its share of that. */
const CREATES = 64;
const SCRAPES = 16;
const MINUTE_MS = 60_000;
const SIZE = 16n << 20n;
const PORT = 9913;

function forksSoFar(): number {
  const line = /^processes (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"));
  if (line?.[1] === undefined) throw new Error("/proc/stat has no line of processes");
  return Number(line[1]);
}

interface Counted {
  readonly started: number;
  readonly forks: number;
  readonly commands: readonly string[];
}

async function count(dmthin: DmthinSide, work: () => Promise<unknown>): Promise<Counted> {
  const before = forksSoFar();
  const commands = await dmthin.record(work);
  const forks = forksSoFar() - before;
  const kinds = commands.map(({ argv }) => argv.slice(0, 2).join(" "));
  return { started: commands.length, forks, commands: tally(kinds) };
}

const tally = (kinds: readonly string[]): readonly string[] =>
  [...new Set(kinds)].map((kind) => `${kinds.filter((each) => each === kind).length} ${kind}`);

export async function measureProcesses(context: Context): Promise<void> {
  context.say(`fabricating ${VOLUMES} volumes`);
  const dmthin = await poolOf(VOLUMES, diskOf(context, 2), "counted", PORT);
  const { found, wanted, say } = context;
  try {
    await dmthin.start("debug");
    // What a start leaves to be done ends before anything is counted.
    await sleep(3000);
    const put = (id: string, { started, forks, commands }: Counted, times: number, note: string): void =>
      found(id, { value: started / times, details: { times, started, forks, commands }, note });
    if (wanted.has("processes")) {
      const creates = await count(dmthin, async () => {
        for (let number = 0; number < CREATES; number += 1)
          await dmthin.life.create(`counted-${number}`, "block", SIZE);
      });
      const note = `mean of ${CREATES}, one reservation of ${CREATES} thin ids among them; ${creates.forks} forks on the machine meanwhile`;
      put("processes", creates, CREATES, note);
    }
    if (wanted.has("processes-scrape")) {
      await scrape(PORT);
      const scrapes = await count(dmthin, async () => {
        for (let number = 0; number < SCRAPES; number += 1) await scrape(PORT);
      });
      put(
        "processes-scrape",
        scrapes,
        SCRAPES,
        `one pool, after the first scrape, which asks for versions once; ${scrapes.forks} forks on the machine meanwhile`,
      );
    }
    if (wanted.has("processes-idle")) {
      say(`an idle minute with ${VOLUMES} volumes`);
      const idle = await count(dmthin, () => sleep(MINUTE_MS));
      put("processes-idle", idle, 1, `${FABRICATED}; ${idle.forks} forks on the machine meanwhile`);
    }
  } finally {
    await takeAllDown(context, () => dmthin.clear());
  }
}
