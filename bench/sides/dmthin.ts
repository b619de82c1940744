/** dmthin as a user has it: a driver in a process of its own, on a whole disk, called over its socket. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";

import { takeDown } from "../../test/support/machine-state.ts";
import type { CsiClient } from "../../test/support/csi-client.ts";
import { startDriver, type RawConfig, type TestDriver } from "../../test/support/driver.ts";
import { SHARED_DIRECTORIES, VolumeLife, type TestVolume } from "../../test/support/volume-life.ts";

/** One ended process of the driver, by its log. */
export interface RanCommand {
  readonly argv: readonly string[];
  readonly ms: number;
}

export interface DmthinOptions {
  readonly disk: string;
  /** Of its devices; one a disk. */
  readonly pool: string;
  /** Other keys of the pool. */
  readonly poolConfig?: RawConfig;
  /** Other keys of the driver. */
  readonly config?: RawConfig;
}

/** `debug` logs each process, which the measurements themselves do without. */
export type LogLevel = "info" | "debug";

export class DmthinSide {
  readonly pool: string;
  readonly directory: string;
  readonly kubeletDirectory: string;
  readonly life: VolumeLife;
  readonly #options: DmthinOptions;
  #driver: TestDriver | undefined;

  constructor(options: DmthinOptions) {
    this.#options = options;
    this.pool = options.pool;
    this.directory = mkdtempSync(`/run/dmthin-${options.pool}-`);
    this.kubeletDirectory = `${this.directory}/kubelet`;
    for (const each of SHARED_DIRECTORIES) mkdirSync(`${this.kubeletDirectory}/${each}`, { recursive: true });
    const { kubeletDirectory, pool } = this;
    this.life = new VolumeLife({ csi: () => this.csi, kubeletDirectory, pool });
  }

  get driver(): TestDriver {
    if (this.#driver === undefined) throw new Error("the driver is not running");
    return this.#driver;
  }

  get csi(): CsiClient {
    return this.driver.client;
  }

  get poolDevice(): string {
    return `dmthin-${this.pool}-pool`;
  }

  /** Resolves when Probe is ready. The one before must have ended. */
  async start(logLevel: LogLevel): Promise<void> {
    const { disk, poolConfig = {}, config = {} } = this.#options;
    this.#driver = await startDriver({
      directory: this.directory,
      pools: [{ name: this.pool, backing: "devices", devices: [disk], ...poolConfig }],
      config: { ...config, logLevel },
    });
  }

  async stop(): Promise<void> {
    const code = await this.driver.stop();
    if (code !== 0) throw new Error(`the driver ended with ${code}`);
    this.#driver = undefined;
  }

  async restart(logLevel: LogLevel): Promise<void> {
    await this.stop();
    await this.start(logLevel);
  }

  /** The driver's processes while `work` ran, in the order in which they ended. It must log at `debug`. */
  async record(work: () => Promise<unknown>): Promise<readonly RanCommand[]> {
    const log = `${this.directory}/driver.log`;
    const before = readFileSync(log).length;
    await work();
    return commandsIn(readFileSync(log).subarray(before).toString());
  }

  async stage(volume: TestVolume): Promise<void> {
    await mkdir(volume.stagingPath, { recursive: true });
    await this.life.stage(volume);
  }

  /** Takes all of it down; the disk keeps what is on it. */
  async clear(): Promise<void> {
    await this.#driver?.stop();
    this.#driver = undefined;
    await takeDown(this.pool, [this.directory]);
    if (existsSync(this.directory)) rmSync(this.directory, { recursive: true });
  }
}

export function commandsIn(log: string): readonly RanCommand[] {
  return log.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    const entry = JSON.parse(line) as Partial<RanCommand>;
    return entry.argv === undefined ? [] : [{ argv: entry.argv, ms: entry.ms ?? 0 }];
  });
}
