/** The same calls on a pool of ten and on one of ten thousand volumes, and how long a start takes there. */
import type { CsiClient } from "../../test/support/csi-client.ts";
import { takeDown } from "../../test/support/machine-state.ts";
import type { Finding } from "../model/row.ts";
import { ratioOf, summarize } from "../model/statistics.ts";
import { stopwatch } from "../sides/command.ts";
import { DmthinSide } from "../sides/dmthin.ts";
import { FABRICATED, fabricateVolumes } from "../sides/fabricate.ts";
import { interleave, ROUNDS, type Rounds } from "../sides/interleave.ts";
import { scrape } from "../sides/scrape.ts";
import { type Context, diskOf, takeAllDown } from "./context.ts";

export const MANY = 10_000;
const FEW = 10;
const FLAT_ROUNDS: Rounds = { ...ROUNDS, most: 21, budgetMs: 20_000 };
const STARTS = 3;
const PAGE = 10;
const SIZE = 16n << 20n;
/** A start's processes that are the tools' own, by name: what they take grows with the metadata and is not dmthin's. */
const THIN_TOOL = /^thin_/;

/** Room for the promises and for the metadata of all of them. */
export const poolForMany = {
  blockSize: "64KiB",
  metadataSize: "512MiB",
  overprovision: 20,
} as const;

/** A pool of that many volumes whose driver has ended and whose devices are gone. */
export async function poolOf(count: number, disk: string, pool: string, port: number): Promise<DmthinSide> {
  const dmthin = new DmthinSide({
    disk,
    pool,
    poolConfig: poolForMany,
    config: { metrics: { listen: `127.0.0.1:${port}` } },
  });
  await dmthin.start("info");
  await dmthin.stop();
  await fabricateVolumes(dmthin, count);
  return dmthin;
}

interface Start {
  readonly totalMs: number;
  readonly toolsMs: number;
}

export async function measureScale(context: Context): Promise<void> {
  context.say(`fabricating ${MANY} volumes and ${FEW}`);
  const many = await poolOf(MANY, diskOf(context, 0), "many", 9911);
  const few = await poolOf(FEW, diskOf(context, 1), "few", 9912);
  try {
    if (context.wanted.has("start-10k")) await measureStart(context, many, few);
    if ([...context.wanted].some((id) => id.startsWith("flat-10k"))) {
      await Promise.all([many.start("info"), few.start("info")]);
      await measureFlat(context, many, few);
    }
  } finally {
    await takeAllDown(
      context,
      () => many.clear(),
      () => few.clear(),
    );
  }
}

async function measureStart({ say, found }: Context, many: DmthinSide, few: DmthinSide): Promise<void> {
  say(`${STARTS} starts with ${MANY} volumes, and with ${FEW}, in turn; pools inactive`);
  const [starts, small]: [Start[], Start[]] = [[], []];
  for (let time = 0; time < STARTS; time += 1) {
    starts.push(await startOnce(many));
    small.push(await startOnce(few));
  }
  const { median, q1, q3 } = summarize(starts.map(({ totalMs, toolsMs }) => (totalMs - toolsMs) / 1000));
  found("start-10k", {
    value: median,
    spread: [q1, q3],
    sides: {
      total: summarize(starts.map(({ totalMs }) => totalMs)),
      "thin tools": summarize(starts.map(({ toolsMs }) => toolsMs)),
      [`total with ${FEW} volumes`]: summarize(small.map(({ totalMs }) => totalMs)),
    },
    note: `${FABRICATED}; the time of thin_check and thin_ls is subtracted, that of Node's start and of all other processes is not`,
  });
}

/** Leaves the pool inactive. */
async function startOnce(side: DmthinSide): Promise<Start> {
  let totalMs = 0;
  const commands = await side.record(async () => {
    totalMs = await stopwatch(() => side.start("debug"));
  });
  const toolsMs = commands
    .filter(({ argv }) => THIN_TOOL.test(argv[0] ?? ""))
    .reduce((sum, { ms }) => sum + ms, 0);
  await side.stop();
  await takeDown(side.pool, [side.directory]);
  return { totalMs, toolsMs };
}

async function measureFlat({ say, found }: Context, many: DmthinSide, few: DmthinSide): Promise<void> {
  const compare = async (id: string, call: (side: DmthinSide, round: number) => Promise<unknown>) => {
    say(`${id}: both in turn`);
    const series = await interleave(
      {
        many: (round) => stopwatch(() => call(many, round)),
        few: (round) => stopwatch(() => call(few, round)),
      },
      FLAT_ROUNDS,
    );
    const finding: Finding = {
      ...ratioOf(series.many, series.few),
      sides: { [`${MANY} volumes`]: summarize(series.many), [`${FEW} volumes`]: summarize(series.few) },
      note: FABRICATED,
    };
    found(id, finding);
  };
  await compare("flat-10k", ({ life }, round) => life.create(`flat-${round}`, "block", SIZE));
  const middle = await tokenAfter(many.csi, MANY / 2);
  await compare("flat-10k-list", ({ csi }) => csi.controller.listVolumes({ max_entries: PAGE }));
  await compare("flat-10k-list-middle", (side) =>
    side.csi.controller.listVolumes({ max_entries: PAGE, starting_token: side === many ? middle : "" }),
  );
  await compare("flat-10k-capacity", ({ csi }) => csi.controller.getCapacity({}));
  await compare("flat-10k-scrape", (side) => scrape(side === many ? 9911 : 9912));
}

/** The token of the page that begins there. */
async function tokenAfter(csi: CsiClient, entries: number): Promise<string> {
  const { next_token } = await csi.controller.listVolumes({ max_entries: entries });
  return next_token;
}
