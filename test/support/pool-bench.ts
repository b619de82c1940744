/**
 * A place for pools on the test kernel: disks of any size, directories, reboots, crashes. Whatever a test leaves is taken
 * down by `clear`, told by the dm uuid, the scratch directory and the bench's own lists.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { bytes, MIB, parseBytes } from "../../src/core/units.ts";
import type { Bytes } from "../../src/core/units.ts";
import type {
  DevicesPoolOptions,
  LoopPoolOptions,
  PartsPoolOptions,
  PoolOptions,
} from "../../src/core/pool-options.ts";
import type { PoolName, PoolUuid } from "../../src/core/ids.ts";
import { Dmsetup } from "../../src/host/dmsetup.ts";
import { readMountInfo } from "../../src/host/mount-info.ts";
import { createRunner } from "../../src/host/run.ts";
import type { Runner } from "../../src/host/run.ts";
import { findTools } from "../../src/host/tools.ts";
import { openDeviceStack } from "../../src/pool/device-stack.ts";
import type { DeviceStack } from "../../src/pool/device-stack.ts";
import { wishOf } from "../../src/pool/growth.ts";
import { scratchDirectory } from "./scratch.ts";
import { sh } from "./sh.ts";

const size = (text: string): Bytes => parseBytes(text) ?? bytes(0);

/** Stands for the driver's death: nothing after it is done. */
export class Crash extends Error {}

interface Disk {
  readonly file: string;
  path: string;
}

export class PoolBench {
  readonly runner: Runner;
  readonly dmsetup: Dmsetup;
  readonly scratch: string;
  readonly stateDirectory: string;
  /** The other pools of the configuration. */
  others: readonly PoolOptions[] = [];
  /** Warnings and errors. */
  readonly reports: string[] = [];
  readonly infos: string[] = [];
  /** Steps of the last `open`. */
  steps: string[] = [];
  readonly #disks: Disk[] = [];
  #allowed = false;

  private constructor(runner: Runner, root: string) {
    this.runner = runner;
    this.dmsetup = new Dmsetup(runner);
    this.scratch = mkdtempSync(join(root, "bench-"));
    this.stateDirectory = mkdtempSync("/run/dmthin-test-");
  }

  static async create(): Promise<PoolBench> {
    return new PoolBench(createRunner(findTools()), scratchDirectory());
  }

  loop(changes: Partial<LoopPoolOptions> = {}): LoopPoolOptions {
    return {
      ...COMMON,
      backing: "loop",
      directory: join(this.scratch, "pool"),
      dataSize: size("256MiB"),
      autoGrow: { at: 80, metadata: true, step: 20 },
      ...changes,
    };
  }

  /** On two new disks, unless they are given. */
  parts(changes: Partial<PartsPoolOptions> = {}): PartsPoolOptions {
    return {
      ...COMMON,
      backing: "parts",
      data: changes.data ?? this.disk(257n * MIB),
      metadata: changes.metadata ?? this.disk(140n * MIB),
      autoGrow: { at: 80, metadata: true },
      ...changes,
    };
  }

  /** On two new disks, unless others are given. */
  devices(changes: Partial<DevicesPoolOptions> = {}): DevicesPoolOptions {
    return {
      ...COMMON,
      backing: "devices",
      // Label, catalog, metadata, spare and what lies between them: 140 MiB.
      devices: changes.devices ?? [this.disk(240n * MIB), this.disk(159n * MIB)],
      autoGrow: { at: 80, metadata: true },
      ...changes,
    };
  }

  /** A blank disk. Its path stays the same through `reboot`, its number does not. */
  disk(length: bigint): string {
    const file = join(this.scratch, `disk-${this.#disks.length}`);
    writeFileSync(file, "");
    truncateSync(file, Number(length));
    const link = join(this.scratch, `by-id-${this.#disks.length}`);
    this.#disks.push({ file, path: link });
    this.#plug(file, link);
    return link;
  }

  /** Whoever owns the disk makes it longer. */
  growDisk(link: string, length: bigint): void {
    const disk = this.#disks.find(({ path }) => path === link);
    if (disk === undefined) throw new RangeError(link);
    truncateSync(disk.file, Number(length));
    sh("losetup", "--set-capacity", realpathSync(link));
  }

  /** A pool whose creation has ended. */
  async complete(options: PoolOptions): Promise<DeviceStack> {
    const stack = await this.open(options);
    await stack.finishCreation();
    return stack;
  }

  /** Opens, finishes and takes down a pool, so that only its disks remain. */
  async made(options: PoolOptions): Promise<void> {
    const stack = await this.complete(options);
    await stack.deactivate();
  }

  /** Blocks of data and of metadata as the kernel has them, and the mode. */
  async totals({ poolDevice }: DeviceStack): Promise<string> {
    const status = await this.dmsetup.poolStatus(poolDevice, { flush: false });
    return status.kind === "fail" ? "fail" : `${status.totalData}/${status.totalMeta} ${status.mode}`;
  }

  /** `crashBefore`: a step that throws Crash instead of being done, after it was done that many times. */
  open(options: PoolOptions, crashBefore?: string, done = 0): Promise<DeviceStack> {
    const steps: string[] = [];
    this.steps = steps;
    return openDeviceStack(options, {
      runner: this.runner,
      stateDirectory: this.stateDirectory,
      others: this.others,
      report: (level, message) => (level === "info" ? this.infos : this.reports).push(`${level}: ${message}`),
      holdUuid: async () => this.runner,
      onStep: (step) => {
        if (!this.#allowed && step === crashBefore && steps.filter((each) => each === step).length === done)
          throw new Crash(step);
        steps.push(step);
      },
    });
  }

  /** From now on no step crashes, also of what is open. */
  allowAll(): void {
    this.#allowed = true;
  }

  /** A power cut as far as devices go: nothing is active afterwards, numbers change. */
  async reboot(): Promise<void> {
    await this.#takeDown();
    // The next disks get other numbers than the last ones had.
    for (const { file, path } of this.#disks.toReversed()) this.#plug(file, path);
  }

  dmNames(): readonly string[] {
    return sh("dmsetup", "info", "-c", "--noheadings", "-o", "name")
      .split("\n")
      .filter((name) => name.startsWith("dmthin-"))
      .toSorted();
  }

  mounts(): readonly string[] {
    return readMountInfo()
      .map((entry) => entry.mountPoint)
      .filter((path) => path.startsWith(this.stateDirectory));
  }

  /** Files of loop devices under a directory. */
  loops(directory: string): readonly string[] {
    return readdirSync("/sys/block")
      .filter((name) => name.startsWith("loop"))
      .flatMap((name) => {
        try {
          return [readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").trim()];
        } catch {
          return [];
        }
      })
      .filter((file) => file.startsWith(`${directory}/`))
      .toSorted();
  }

  catalogOf(uuid: PoolUuid): string {
    return join(this.stateDirectory, uuid, "catalog");
  }

  freeBytes(): bigint {
    const { bavail, bsize } = statfsSync(this.scratch, { bigint: true });
    return bavail * bsize;
  }

  async clear(): Promise<void> {
    await this.#takeDown();
    for (const directory of [this.scratch, this.stateDirectory])
      rmSync(directory, { recursive: true, force: true });
  }

  #plug(file: string, link: string): void {
    rmSync(link, { force: true });
    const node = sh("losetup", "--find", "--show", "--direct-io=on", file).trim();
    sh("ln", "-s", node, link);
  }

  async #takeDown(): Promise<void> {
    for (const path of this.mounts().toReversed()) sh("umount", path);
    for (const pass of [/-v-/, /-pool$/, /./]) {
      const doomed = (await this.dmsetup.list()).filter((device) => pass.test(device.uuid));
      for (const device of doomed) await this.dmsetup.remove(device.name);
    }
    for (const file of this.loops(this.scratch)) {
      for (const line of sh("losetup", "--associated", file).split("\n")) {
        const [node] = line.split(":");
        if (node !== undefined && node !== "") sh("losetup", "--detach", node);
      }
    }
  }
}

const COMMON = {
  name: "bench" as PoolName,
  blockSize: size("64KiB"),
  metadataSize: size("4MiB"),
  overprovision: 1,
  zeroing: true,
  whenFull: "error",
  discard: true,
  discardOnDelete: false,
  trim: { every: undefined },
  force: [],
} as const;

/** A directory that is there already. */
export function madeDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Towards what is configured; alone on the pool. Answers what was not done. */
export const grow = (stack: DeviceStack, options: PoolOptions): Promise<readonly string[]> =>
  stack.grow(wishOf(options), (work) => work());
