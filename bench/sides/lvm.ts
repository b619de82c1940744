/**
 * What others run underneath: LVM2 with a thin pool on a disk equal to dmthin's, set up like dmthin's pool. Its
 * configuration is the one Debian ships; where no udev runs, LVM is told so, which saves it the waiting for udev.
 */
import { existsSync } from "node:fs";

import { timed } from "./command.ts";

export const GROUP = "benchlvm";
const POOL = "pool";

export interface LvmSize {
  /** KiB. */
  readonly chunk: number;
  readonly dataMebibytes: number;
  readonly metadataMebibytes: number;
  /** Of the group's own description on the disk; LVM's 1 MiB unless given. */
  readonly pvMetadata?: string;
}

export class LvmSide {
  readonly pool = POOL;
  readonly #disk: string;

  private constructor(disk: string) {
    this.#disk = disk;
  }

  static async make(disk: string, size: LvmSize): Promise<LvmSide> {
    const side = new LvmSide(disk);
    const own = size.pvMetadata === undefined ? [] : ["--metadatasize", size.pvMetadata];
    await side.run("pvcreate", "--yes", ...own, disk);
    await side.run("vgcreate", GROUP, disk);
    const { chunk, dataMebibytes, metadataMebibytes } = size;
    const sizes = [
      "-L",
      `${dataMebibytes}m`,
      "-c",
      `${chunk}k`,
      "--poolmetadatasize",
      `${metadataMebibytes}m`,
    ];
    await side.run("lvcreate", "--yes", "--type", "thin-pool", ...sizes, "--zero", "y", "-n", POOL, GROUP);
    return side;
  }

  /** Milliseconds of one command of LVM. */
  async run(command: string, ...args: readonly string[]): Promise<number> {
    const { ms } = await timed("lvm", command, ...LvmSide.settings(), ...args);
    return ms;
  }

  /** Virtual size in MiB. */
  create(name: string, mebibytes: number): Promise<number> {
    return this.run("lvcreate", "-V", `${mebibytes}m`, "--thinpool", `${GROUP}/${POOL}`, "-n", name);
  }

  snapshot(name: string, origin: string): Promise<number> {
    return this.run("lvcreate", "-s", "-n", name, `${GROUP}/${origin}`);
  }

  /** A writable copy of a snapshot, active, as drivers on LVM restore. */
  restore(name: string, snapshot: string): Promise<number> {
    return this.run("lvcreate", "-s", "-k", "n", "-n", name, `${GROUP}/${snapshot}`);
  }

  extend(name: string, mebibytes: number): Promise<number> {
    return this.run("lvextend", "-r", "-L", `+${mebibytes}m`, `${GROUP}/${name}`);
  }

  remove(name: string): Promise<number> {
    return this.run("lvremove", "--yes", `${GROUP}/${name}`);
  }

  device(name: string): string {
    return `/dev/mapper/${GROUP}-${name}`;
  }

  get poolDevice(): string {
    return `${GROUP}-${POOL}-tpool`;
  }

  async clear(): Promise<void> {
    await this.run("vgremove", "--yes", "--force", GROUP);
    await this.run("pvremove", "--yes", this.#disk);
  }

  static udevRuns(): boolean {
    return existsSync("/run/udev/control");
  }

  static settings(): readonly string[] {
    return LvmSide.udevRuns() ? [] : ["--config", "activation { udev_sync=0 udev_rules=0 }"];
  }
}
