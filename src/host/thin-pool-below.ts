/**
 * A thin-pool's own device shows the data of all its thins, each block where it happens to lie, and reads as blank while the
 * first of them are free. Nothing that it holds, and nothing that is built on it, need tell that it is in use.
 */
import type { DevNumber } from "../core/dm.ts";
import { devicesBelow } from "./block-device.ts";
import { linesOf } from "./dm-info-text.ts";
import { readAttribute } from "./dm-sysfs.ts";
import { Dmsetup } from "./dmsetup.ts";
import type { Runner } from "./run.ts";

/** The dm name of the thin-pool whose data this device shows, itself or through others; undefined for all else, thins too. */
export async function thinPoolBelow(runner: Runner, number: DevNumber): Promise<string | undefined> {
  const name = readAttribute(`/sys/dev/block/${number}/dm/name`);
  if (name !== undefined) {
    const lines = linesOf(await new Dmsetup(runner).tableOf(number));
    const targets = new Set(lines.map((line) => line.split(" ")[2]));
    if (targets.has("thin-pool")) return name;
    if (targets.has("thin")) return undefined;
  }
  for (const below of devicesBelow(number)) {
    const pool = await thinPoolBelow(runner, below);
    if (pool !== undefined) return pool;
  }
  return undefined;
}
