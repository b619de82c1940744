/** A driver with two loop pools, of which one gets hurt, and the commands that mend it as processes of their own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { CsiClient } from "../../support/csi-client.ts";
import { loopPool, startDriver, type RawConfig, type TestDriver } from "../../support/driver.ts";
import { takeDown } from "../../support/machine-state.ts";
import { scratchDirectory } from "../../support/scratch.ts";
import { SHARED_DIRECTORIES, VolumeLife, type Content, type TestVolume } from "../../support/volume-life.ts";
import { ThinMetadata } from "./thin-metadata.ts";

const MAIN = join(import.meta.dirname, "../../../src/main.ts");
export const HURT = "hurt";
export const CALM = "calm";
const FILES = ["metadata.img", "spare.img", "data.img", "catalog.img"] as const;
const MIB = 1 << 20;
const METADATA_MIB = 4;
const REACH_MS = 60_000;

export interface Ended {
  readonly code: number;
  /** Both streams. */
  readonly text: string;
}

/** What a repair may change on the disks. */
export type Saved = readonly (readonly [file: string, content: Buffer])[];

export class RepairBench {
  readonly directory: string;
  readonly faultFile: string;
  #driver: TestDriver | undefined;

  private constructor(directory: string) {
    this.directory = directory;
    this.faultFile = join(directory, "faults");
  }

  static async start(): Promise<RepairBench> {
    const bench = new RepairBench(await mkdtemp(join(scratchDirectory(), "repair-")));
    await bench.drive();
    for (const each of SHARED_DIRECTORIES)
      await mkdir(`${bench.driver.kubeletDirectory}/${each}`, { recursive: true });
    return bench;
  }

  async end(): Promise<void> {
    await this.#driver?.stop();
    for (const pool of [HURT, CALM]) await takeDown(pool, [this.directory]);
    await rm(this.directory, { recursive: true, force: true });
  }

  get driver(): TestDriver {
    if (this.#driver === undefined) throw new Error("the driver is not running");
    return this.#driver;
  }

  get csi(): CsiClient {
    return this.driver.client;
  }

  get running(): boolean {
    return this.#driver !== undefined;
  }

  async drive(): Promise<void> {
    const pool = (name: string): RawConfig => ({
      ...loopPool(this.directory, name, "2GiB"),
      metadataSize: `${METADATA_MIB}MiB`,
    });
    const pools = [pool(HURT), pool(CALM)];
    this.#driver = await startDriver({ directory: this.directory, pools, config: { defaultPool: HURT } });
  }

  async halt(): Promise<void> {
    const driver = this.#driver;
    this.#driver = undefined;
    await driver?.stop();
  }

  life(pool: string): VolumeLife {
    const { directory } = this;
    return new VolumeLife({ csi: () => this.csi, kubeletDirectory: `${directory}/kubelet`, pool });
  }

  create(pool: string, name: string, content: Content): Promise<TestVolume> {
    return this.life(pool).create(name, content, 64n << 20n, { parameters: { pool } });
  }

  /** `dmthin pool …`, to its end. */
  async command(...words: readonly string[]): Promise<Ended> {
    return this.#spawn(words).ended;
  }

  check = (): Promise<Ended> => this.command("check", HURT);
  repair = (...flags: readonly string[]): Promise<Ended> =>
    this.command("repair", HURT, "--work-directory", this.directory, ...flags);

  /** The points that a repair passes, one line each. */
  async trace(...flags: readonly string[]): Promise<readonly string[]> {
    await rm(`${this.faultFile}.trace`, { force: true });
    const { code, text } = await this.#spawn(this.#repairWords(flags), true).ended;
    if (code !== 0) throw new Error(text);
    return (await readFile(`${this.faultFile}.trace`, "utf8")).trimEnd().split("\n");
  }

  /** SIGKILL at a point of `trace`. */
  async killRepairAt(index: number, ...flags: readonly string[]): Promise<void> {
    await rm(`${this.faultFile}.reached`, { force: true });
    await writeFile(this.faultFile, `still #${index} \n`);
    const child = this.#spawn(this.#repairWords(flags), true);
    const end = performance.now() + REACH_MS;
    try {
      while (!existsSync(`${this.faultFile}.reached`)) {
        const early = await Promise.race([child.ended, sleep(10)]);
        if (early !== undefined) throw new Error(`ended before point ${index}: ${early.text}`);
        if (performance.now() > end) throw new Error(`point ${index} was not reached`);
      }
    } finally {
      child.kill();
      await child.ended;
      await rm(this.faultFile, { force: true });
    }
  }

  /** Begins a repair; `kill` ends it at once. */
  begin(...flags: readonly string[]): { readonly ended: Promise<Ended>; readonly kill: () => void } {
    return this.#spawn(this.#repairWords(flags));
  }

  /** The metadata that the labels name, or what is the spare. No driver and no command may be running. */
  async metadata(
    role: "meta" | "spare" = "meta",
  ): Promise<{ path: string; offset: number; content: ThinMetadata }> {
    const head = (await readFile(this.#file("metadata.img"))).subarray(0, 4096).toString();
    const { extents } = JSON.parse(head.split("\n")[2] ?? "") as {
      extents: Record<"meta" | "spare", { member: string; offset: string }>;
    };
    const { member, offset } = extents[role];
    const path = this.#file(`${member}.img`);
    return { path, offset: Number(offset), content: new ThinMetadata(path, Number(offset)) };
  }

  /** A copy of it that thin tools can read. */
  async copyOf(role: "meta" | "spare" = "meta"): Promise<string> {
    const { content } = await this.metadata(role);
    const path = join(this.directory, `${role}-copy`);
    await writeFile(path, await content.read(METADATA_MIB * MIB));
    return path;
  }

  /** Labels, metadata and spare as they are now. */
  save(): Promise<Saved> {
    return this.#save((file) => this.#head(file));
  }

  /**
   * With the catalog: each driver that opens the pool counts its transaction id on, so that the metadata alone, once it is
   * brought back, is an older copy.
   */
  async saveWhole(): Promise<Saved> {
    const { size } = await stat(this.#file("catalog.img"));
    return this.#save((file) => (file === "catalog.img" ? size : this.#head(file)));
  }

  async #save(lengthOf: (file: string) => number): Promise<Saved> {
    const saved: [string, Buffer][] = [];
    for (const file of FILES)
      saved.push([file, await new ThinMetadata(this.#file(file)).read(lengthOf(file))]);
    return saved;
  }

  async restore(saved: Saved): Promise<void> {
    await this.takeDownHurt();
    for (const [file, content] of saved) await new ThinMetadata(this.#file(file)).write(content);
  }

  /** As after a reboot: nothing of the hurt pool is active. */
  async takeDownHurt(): Promise<void> {
    await takeDown(HURT, [join(this.directory, HURT), join(this.directory, "state")]);
  }

  #head(file: string): number {
    return file === "metadata.img" || file === "spare.img" ? (1 + METADATA_MIB) * MIB : MIB;
  }

  #file(name: string): string {
    return join(this.directory, HURT, name);
  }

  #repairWords(flags: readonly string[]): readonly string[] {
    return ["repair", HURT, "--work-directory", this.directory, ...flags];
  }

  #spawn(
    words: readonly string[],
    withFaults = false,
  ): { readonly ended: Promise<Ended>; readonly kill: () => void } {
    const args = [MAIN, "pool", ...words, "--config", join(this.directory, "dmthin.yaml")];
    const env = { ...process.env, ...(withFaults ? { DMTHIN_FAULT_FILE: this.faultFile } : {}) };
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (piece: string) => (text += piece));
    }
    const ended = once(child, "exit").then(() => ({ code: child.exitCode ?? -1, text }));
    return { ended, kill: () => child.kill("SIGKILL") };
  }
}
