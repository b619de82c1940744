/** What a new volume costs beside 10, 100, 1,000 and 10,000 others: dmthin and LVM in turn. The plot is of this. */
import { writeFileSync } from "node:fs";

import { withVolumes } from "../model/lvm-text.ts";
import { ratioOf, summarize, type Summary } from "../model/statistics.ts";
import { blank } from "../sides/blank.ts";
import { stopwatch, timed } from "../sides/command.ts";
import { FABRICATED } from "../sides/fabricate.ts";
import { interleave, type Rounds } from "../sides/interleave.ts";
import { GROUP, LvmSide } from "../sides/lvm.ts";
import { type Context, diskOf, takeAllDown } from "./context.ts";
import { poolOf } from "./scale.ts";

export const COUNTS = [10, 100, 1000, 10_000] as const;

const CURVE_ROUNDS: Rounds = { most: 9, least: 5, budgetMs: 20_000, warmUp: 2 };
const SIZE_MIB = 16;
const PORT = 9914;
/** For the descriptions of ten thousand volumes: the usual 1 MiB holds some two thousand. */
const PV_METADATA = "64m";

/** Of one number of volumes. */
export interface CurvePoint {
  readonly volumes: number;
  readonly dmthin: Summary;
  readonly lvm: Summary;
}

export async function measureCurve(context: Context): Promise<void> {
  const points: CurvePoint[] = [];
  let last: ReturnType<typeof ratioOf> | undefined;
  for (const volumes of COUNTS) {
    context.say(`${volumes} volumes: fabricating, then both in turn`);
    for (const disk of [diskOf(context, 0), diskOf(context, 1)]) await blank(disk);
    const series = await measureAt(context, volumes);
    points.push({ volumes, dmthin: summarize(series.dmthin), lvm: summarize(series.lvm) });
    last = ratioOf(series.dmthin, series.lvm);
  }
  if (last === undefined) return;
  const [end] = points.slice(-1);
  context.found("create-curve", {
    ...last,
    ...(end && { sides: { dmthin: end.dmthin, lvm: end.lvm } }),
    details: { points },
    note: `dmthin's ${FABRICATED}; LVM's by vgcfgrestore, and inactive, which spares it work`,
  });
}

async function measureAt(context: Context, volumes: number) {
  const dmthin = await poolOf(volumes, diskOf(context, 0), "curve", PORT);
  const lvm = await LvmSide.make(diskOf(context, 1), {
    chunk: 64,
    dataMebibytes: 50 * 1024,
    metadataMebibytes: 512,
    pvMetadata: PV_METADATA,
  });
  try {
    await fabricateLvm(dmthin.directory, lvm, volumes);
    await dmthin.start("info");
    return await interleave(
      {
        dmthin: (round) =>
          stopwatch(() => dmthin.life.create(`curve-${round}`, "block", BigInt(SIZE_MIB) << 20n)),
        lvm: (round) => lvm.create(`curve${round}`, SIZE_MIB),
      },
      CURVE_ROUNDS,
    );
  } finally {
    await takeAllDown(
      context,
      () => dmthin.clear(),
      () => lvm.clear(),
    );
  }
}

async function fabricateLvm(directory: string, lvm: LvmSide, count: number): Promise<void> {
  const path = `${directory}/${GROUP}.conf`;
  await lvm.run("vgcfgbackup", "--file", path, GROUP);
  const { stdout } = await timed("cat", path);
  const extents = SIZE_MIB / 4; // of 4 MiB, LVM's usual
  writeFileSync(path, withVolumes(stdout, { count, pool: lvm.pool, firstDeviceId: 1, extents }));
  await lvm.run("vgcfgrestore", "--yes", "--force", "--file", path, GROUP);
}
