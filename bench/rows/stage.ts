/** Mounting an existing xfs volume: NodeStage and NodePublish beside the bare commands for the same. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";

import { ratioOf, summarize } from "../model/statistics.ts";
import { stopwatch, timed } from "../sides/command.ts";
import { DmthinSide } from "../sides/dmthin.ts";
import { FloorSide, type FloorThin } from "../sides/floor.ts";
import { interleave } from "../sides/interleave.ts";
import { type Context, diskOf, takeAllDown } from "./context.ts";

const VOLUME_MIB = 1024;
const DATA_MIB = 60 * 1024;

export async function measureStage(context: Context): Promise<void> {
  const dmthin = new DmthinSide({ disk: diskOf(context, 0), pool: "stage" });
  const floor = await FloorSide.make(diskOf(context, 1), { chunk: 64, dataMebibytes: DATA_MIB });
  const directory = await mkdtemp("/run/bench-stage-");
  try {
    await dmthin.start("debug");
    const { life } = dmthin;
    const volume = await life.create("stage", "xfs", BigInt(VOLUME_MIB) << 20n);
    // Formats it.
    await dmthin.stage(volume);
    await life.unstage(volume);
    const commands = await dmthin.record(async () => {
      await dmthin.stage(volume);
      await life.publish(volume);
    });
    await life.release(volume);
    await dmthin.restart("info");
    const thin = await floor.activeThin(VOLUME_MIB);
    await timed("mkfs.xfs", "-q", "-K", `/dev/mapper/${thin.device}`);
    await floor.deactivate(thin.device);
    context.say("dmthin and the bare commands in turn");
    const series = await interleave({
      dmthin: async () => {
        await mkdir(volume.stagingPath, { recursive: true });
        const ms = await stopwatch(async () => {
          await life.stage(volume);
          await life.publish(volume);
        });
        await life.release(volume);
        return ms;
      },
      floor: () => bare(floor, thin, directory),
    });
    context.found("stage-floor", {
      ...ratioOf(series.dmthin, series.floor),
      sides: { dmthin: summarize(series.dmthin), floor: summarize(series.floor) },
      details: { commands: commands.map(({ argv }) => argv.slice(0, 2).join(" ")) },
      note: "floor: dmsetup create, mount, mount --bind, one after the other, and nothing checked or written down",
    });
  } finally {
    await takeAllDown(
      context,
      () => dmthin.clear(),
      () => floor.clear(),
    );
    await rm(directory, { recursive: true });
  }
}

/** Milliseconds. */
async function bare(floor: FloorSide, thin: FloorThin, directory: string): Promise<number> {
  const device = `/dev/mapper/${thin.device}`;
  const [staging, target] = [`${directory}/staging`, `${directory}/target`];
  for (const each of [staging, target]) await mkdir(each, { recursive: true });
  const ms = await stopwatch(async () => {
    await floor.runner.run("dmsetup", ["create", thin.device, "--table", floor.tableOf(thin)]);
    await floor.runner.run("mount", ["-t", "xfs", "-o", "nouuid", device, staging]);
    await floor.runner.run("mount", ["--bind", staging, target]);
  });
  for (const each of [target, staging]) await timed("umount", each);
  await floor.deactivate(thin.device);
  return ms;
}
