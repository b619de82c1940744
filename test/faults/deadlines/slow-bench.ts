/** A driver with one parts pool on a disk that can be made slow: dm-delay in the place of dm-linear. */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";

import { startDriver, type TestDriver } from "../../support/driver.ts";
import { linesOf, machineState, run, takeDown, type MachineState } from "../../support/machine-state.ts";
import { scratchDirectory } from "../../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife } from "../../support/volume-life.ts";

const POOL = "slow";
const MIB = 2048;
/** Sectors. */
const UNDER = { catalog: 256 * MIB, metadata: 512 * MIB, data: 4096 * MIB } as const;
const ROLES = ["catalog", "metadata", "data"] as const satisfies readonly (keyof typeof UNDER)[];
type Role = (typeof ROLES)[number];

/** Sectors before it on the disk. */
const beginOf = (role: Role): number =>
  ROLES.slice(0, ROLES.indexOf(role)).reduce((sum, each) => sum + UNDER[each], 0);
const deviceOf = (role: Role): string => `/dev/mapper/under-${role}`;

export class SlowBench {
  readonly life: VolumeLife;
  readonly #directory: string;
  readonly #disk: string;
  #driver: TestDriver | undefined;

  private constructor(directory: string, disk: string) {
    this.#directory = directory;
    this.#disk = disk;
    const { kubeletDirectory } = this;
    this.life = new VolumeLife({ csi: () => this.driver.client, kubeletDirectory, pool: POOL });
  }

  static async start(): Promise<SlowBench> {
    const disk = process.env["DMTHIN_DISKS"]?.split(/\s+/)[1] ?? "/missing";
    const bench = new SlowBench(await mkdtemp(`${scratchDirectory()}/slow-`), disk);
    for (const role of ROLES) {
      await run("dmsetup", "create", `under-${role}`, "--table", bench.#table(role, 0));
      await run(
        "dd",
        "if=/dev/zero",
        `of=${deviceOf(role)}`,
        "bs=1M",
        "count=2",
        "conv=fsync",
        "status=none",
      );
    }
    for (const each of SHARED_DIRECTORIES)
      await mkdir(`${bench.kubeletDirectory}/${each}`, { recursive: true });
    await bench.restart();
    return bench;
  }

  get driver(): TestDriver {
    if (this.#driver === undefined) throw new Error("the driver is not running");
    return this.#driver;
  }

  get kubeletDirectory(): string {
    return `${this.#directory}/kubelet`;
  }

  get socket(): string {
    return `${this.#directory}/csi.sock`;
  }

  /** The one before must have ended. */
  async restart(): Promise<void> {
    const [catalog, metadata, data] = ROLES.map(deviceOf);
    this.#driver = await startDriver({
      directory: this.#directory,
      pools: [{ name: POOL, backing: "parts", catalog, metadata, data }],
    });
  }

  /** Every read and write takes that much longer, from now on; 0: as fast as it can. */
  async slow(ms: number): Promise<void> {
    for (const role of ROLES) {
      const name = `under-${role}`;
      await run("dmsetup", "load", name, "--table", this.#table(role, ms));
      await run("dmsetup", "suspend", "--nolockfs", name);
      await run("dmsetup", "resume", name);
    }
  }

  #table(role: Role, ms: number): string {
    const where = `${this.#disk} ${beginOf(role)}`;
    return ms === 0 ? `0 ${UNDER[role]} linear ${where}` : `0 ${UNDER[role]} delay ${where} ${ms}`;
  }

  /** Without the number of blocks, which a mounted filesystem changes by itself. */
  async state(): Promise<MachineState> {
    const { kubeletDirectory, driver } = this;
    const state = await machineState({ pool: POOL, csi: driver.client, kubeletDirectory });
    return { ...state, usedBlocks: "" };
  }

  /** How many commands of that kind all drivers have run. */
  async commands(pattern: RegExp): Promise<number> {
    const lines = linesOf(await readFile(this.driver.log, "utf8"));
    return lines.filter((line) => line.includes('"msg":"command"') && pattern.test(line)).length;
  }

  async stop(): Promise<void> {
    await this.slow(0);
    await this.#driver?.stop();
    await takeDown(POOL, [this.#directory]);
    for (const role of ROLES) await run("dmsetup", "remove", "--retry", `under-${role}`);
    await rm(this.#directory, { recursive: true });
  }
}
