/** What tests of selected disks share. */
import type { PoolName } from "../../src/core/ids.ts";
import type { DevicesPoolOptions, DiskSelector } from "../../src/core/pool-options.ts";
import { planPool } from "../../src/pool/pool-plan.ts";
import type { PoolBench } from "./pool-bench.ts";
import type { ScsiDisks } from "./scsi-disks.ts";
import { sh } from "./sh.ts";

/** Of each disk. */
export const MEBIBYTES = 148;

export class SelectorBench {
  readonly pools: PoolBench;
  readonly scsi: ScsiDisks;

  constructor(pools: PoolBench, scsi: ScsiDisks) {
    this.pools = pools;
    this.scsi = scsi;
  }

  readonly selecting = (select: Partial<DiskSelector>, name = "bench"): DevicesPoolOptions =>
    this.pools.devices({
      name: name as PoolName,
      devices: [],
      select: { count: 2, model: "Quick*", ...select },
    });

  readonly add = (model: string, count: number): Promise<readonly string[]> =>
    Array.fromAsync({ length: count }, () => this.scsi.add(model));

  /** `path standing`, and why, of SCSI disks. */
  async standings(options: DevicesPoolOptions): Promise<readonly string[]> {
    const { disks = [] } = await planPool(options, this.pools.runner, this.pools.others);
    return disks
      .filter(({ node }) => node.startsWith("/dev/sd"))
      .map(({ path, standing, reasons }) => [path, standing, ...reasons].join(" "));
  }
}

/** Of every byte. */
export const sums = (disks: readonly string[]): readonly string[] => disks.map((disk) => sh("cksum", disk));
