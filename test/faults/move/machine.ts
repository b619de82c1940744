/** In the guest: a machine with a name and a disk of its own, which has state, configuration and a loop pool. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { parseReport, type ReadPool } from "../../../src/monitor/report-json.ts";
import type { CsiClient } from "../../support/csi-client.ts";
import { dmthinCommand, type Ended } from "../../support/dmthin-command.ts";
import { loopPool, startDriver, type RawConfig, type TestDriver } from "../../support/driver.ts";
import { run } from "../../support/machine-state.ts";
import { SHARED_DIRECTORIES, VolumeLife } from "../../support/volume-life.ts";
import type { DiskName, GuestSettings } from "./settings.ts";

const DIRECTORY = "/run/own";
const OPENING_MS = 90_000;
/** The driver is ready when one pool is open. */
const UNDECIDED = /it is still being opened/;

export class Machine {
  readonly name: string;
  readonly #nodes: ReadonlyMap<DiskName, string>;
  #driver: TestDriver | undefined;

  private constructor(name: string, nodes: ReadonlyMap<DiskName, string>) {
    this.name = name;
    this.#nodes = nodes;
  }

  static async boot({ machine, order, fresh }: GuestSettings): Promise<Machine> {
    const disks = process.env["DMTHIN_DISKS"]?.split(/\s+/) ?? [];
    const nodes = new Map(order.map((name, index) => [name, disks[index] ?? "/missing"] as const));
    const booted = new Machine(`machine-${machine}`, nodes);
    await run("hostname", booted.name);
    const own = booted.node("own");
    if (fresh) await run("mkfs.ext4", "-q", "-F", own);
    mkdirSync(DIRECTORY);
    await run("mount", own, DIRECTORY);
    for (const each of SHARED_DIRECTORIES) mkdirSync(join(DIRECTORY, "kubelet", each), { recursive: true });
    return booted;
  }

  /** As the kernel calls it here. */
  node(disk: DiskName): string {
    const node = this.#nodes.get(disk);
    if (node === undefined) throw new RangeError(`no disk ${disk}`);
    return node;
  }

  get csi(): CsiClient {
    return this.#running.client;
  }

  /** On the machine's own disk. */
  ownPool(name: string): RawConfig {
    return loopPool(DIRECTORY, name, "256MiB");
  }

  /** The pools that the machine's driver had when it last ran here, in this boot or another. */
  configuredPools(): readonly RawConfig[] {
    const text = readFileSync(this.#configuration, "utf8");
    return (JSON.parse(text) as { readonly pools: readonly RawConfig[] }).pools;
  }

  /** Resolves when each pool is open, or was found not to open. */
  async start(pools: readonly RawConfig[]): Promise<void> {
    this.#driver = await startDriver({ directory: DIRECTORY, pools, config: { nodeName: this.name } });
    const end = performance.now() + OPENING_MS;
    for (;;) {
      const states = [...(await this.status()).values()];
      if (!states.some((pool) => pool.kind === "absent" && UNDECIDED.test(pool.reason))) return;
      if (performance.now() > end) throw new Error(`pools do not open:\n${this.log.slice(-4000)}`);
      await sleep(200);
    }
  }

  /** By SIGTERM. */
  async stop(): Promise<void> {
    const code = await this.#running.stop();
    this.#driver = undefined;
    if (code !== 0) throw new Error(`the driver ended with ${code}`);
  }

  /** The next shutdown is in order. */
  async sync(): Promise<void> {
    await run("sync");
  }

  get log(): string {
    return readFileSync(join(DIRECTORY, "driver.log"), "utf8");
  }

  lifeIn(pool: string): VolumeLife {
    return new VolumeLife({
      csi: () => this.csi,
      kubeletDirectory: this.#running.kubeletDirectory,
      pool,
    });
  }

  adopt(...words: readonly string[]): Promise<Ended> {
    return dmthinCommand(["pool", "adopt", "--config", this.#configuration, ...words]);
  }

  /** The pools on the disks of this machine. Throws where the command fails. */
  async foundPools(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const { code, stdout, stderr } = await this.adopt("-o", "json");
    if (code !== 0) throw new Error(`pool adopt ended with ${code}: ${stderr}`);
    return (JSON.parse(stdout) as { readonly pools: readonly Readonly<Record<string, unknown>>[] }).pools;
  }

  /** What the driver says of its pools, by name. */
  async status(): Promise<ReadonlyMap<string, ReadPool>> {
    const words = ["status", "-o", "json", "--config", this.#configuration];
    const { code, stdout, stderr } = await dmthinCommand(words);
    if (stdout === "") throw new Error(`status ended with ${code}: ${stderr}`);
    return new Map(parseReport(stdout).pools.map((pool) => [pool.name, pool]));
  }

  get #configuration(): string {
    return join(DIRECTORY, "dmthin.yaml");
  }

  get #running(): TestDriver {
    if (this.#driver === undefined) throw new Error("the driver is not running");
    return this.#driver;
  }
}
