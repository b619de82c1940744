/** One node with one loop pool and a running driver: what an integration test stands on. */
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { inspect } from "node:util";

import { status, type ServiceError } from "@grpc/grpc-js";
import { expect } from "vitest";

import type { CsiClient } from "./csi-client.ts";
import { startDriver, type TestDriver } from "./driver.ts";
import { machineState, takeDown, type MachineState } from "./machine-state.ts";
import { SHARED_DIRECTORIES, VolumeLife } from "./volume-life.ts";
import { scratchDirectory } from "./scratch.ts";

export interface BenchOptions {
  /** Of the loop pool's sparse data file; enough for all volumes and snapshots of the file at once. */
  readonly dataSize: string;
  /** Of the pool; one a file, so that what one leaves behind does not stop the next. */
  readonly pool: string;
}

export class NodeBench {
  readonly pool: string;
  readonly kubeletDirectory: string;
  readonly life: VolumeLife;
  readonly #directory: string;
  readonly #scratch: string;
  readonly #options: BenchOptions;
  #driver: TestDriver | undefined;

  private constructor(options: BenchOptions, directory: string, scratch: string) {
    this.#options = options;
    this.#directory = directory;
    this.#scratch = scratch;
    this.pool = options.pool;
    this.kubeletDirectory = `${directory}/kubelet`;
    this.life = new VolumeLife({
      csi: () => this.csi,
      kubeletDirectory: this.kubeletDirectory,
      pool: this.pool,
    });
  }

  static async start(options: BenchOptions): Promise<NodeBench> {
    const pools = await mkdtemp(`${scratchDirectory()}/${options.pool}-`);
    const bench = new NodeBench(options, await mkdtemp(`/run/dmthin-${options.pool}-`), pools);
    for (const each of SHARED_DIRECTORIES)
      await mkdir(`${bench.kubeletDirectory}/${each}`, { recursive: true });
    await bench.restart();
    return bench;
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

  /** A driver on the same pool; the one before must have ended. */
  async restart(): Promise<void> {
    const { pool, dataSize } = this.#options;
    this.#driver = await startDriver({
      directory: this.#directory,
      pools: [{ name: pool, backing: "loop", directory: this.#scratch, dataSize }],
    });
  }

  state(): Promise<MachineState> {
    return machineState(this);
  }

  /**
   * Ends the driver and takes down all that is left, whatever state tests left it in. With DMTHIN_KEEP_LOGS=directory
   * the driver's log is copied there.
   */
  async stop(): Promise<void> {
    try {
      await this.#driver?.stop();
      const { DMTHIN_KEEP_LOGS: kept } = process.env;
      if (kept !== undefined) await copyFile(this.driver.log, `${kept}/${this.pool}.log`);
    } finally {
      await takeDown(this.pool, [this.kubeletDirectory, this.#directory, this.#scratch]);
      for (const each of [this.#directory, this.#scratch]) await rm(each, { recursive: true, force: true });
    }
  }
}

/** Whatever the work made must be gone after it: devices, loop devices, mounts, thins, blocks, records, paths. */
export async function expectNothingLeft(bench: NodeBench, work: () => Promise<void>): Promise<void> {
  const before = await bench.state();
  await work();
  expect(await bench.state()).toEqual(before);
}

/** The call must fail with this code, and say why. */
export async function expectCode(
  call: Promise<unknown>,
  code: keyof typeof status,
  message: RegExp = /./,
): Promise<void> {
  const outcome = await outcomeOf(call);
  expect(outcome).toMatchObject({ code });
  expect(outcome.details).toMatch(message);
}

/** Code and message of a call; `OK` and the answer where it succeeds. */
export async function outcomeOf(
  call: Promise<unknown>,
): Promise<{ readonly code: string; readonly details: string }> {
  try {
    return { code: "OK", details: inspect(await call) };
  } catch (error) {
    const { code, details } = error as ServiceError;
    return { code: status[code], details };
  }
}
