/** Operations that stand still at a step of theirs (src/fault-point.ts) when the driver is killed, and what comes after. */
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import type { VolumeGroupSnapshot__Output } from "../../src/generated/csi.ts";
import { linesOf, run, thinIds } from "./machine-state.ts";
import { NodeBench, outcomeOf } from "./node-bench.ts";
import { hasInRow, processesWith } from "./process-words.ts";
import type { TestVolume } from "./volume-life.ts";

const REACH_MS = 30_000;

/** One operation; repeatable, as the sidecars repeat it. */
export interface Act {
  readonly call: () => Promise<unknown>;
  /** Matches the text of the step after which it stands still. */
  readonly at: RegExp;
}

export class CrashBench {
  readonly node: NodeBench;
  readonly #file: string;

  private constructor(node: NodeBench, file: string) {
    this.node = node;
    this.#file = file;
  }

  static async start(pool: string, dataSize: string): Promise<CrashBench> {
    const file = `/run/dmthin-${pool}-faults`;
    process.env["DMTHIN_FAULT_FILE"] = file;
    return new CrashBench(await NodeBench.start({ pool, dataSize }), file);
  }

  async stop(): Promise<void> {
    await this.go();
    await this.node.stop();
  }

  /** Begins each one when those before it stand still. What they answer in the end is of no interest. */
  async standStill(acts: readonly Act[]): Promise<void> {
    for (const { call, at } of acts) {
      await rm(`${this.#file}.reached`, { force: true });
      await writeFile(this.#file, `still ${at.source.replace(/^\^/, "#\\d+ ")}\n`);
      const ended = outcomeOf(call());
      const early = ended.then(({ code, details }) => {
        throw new Error(`ended before ${at.source}: ${code} ${details}`);
      });
      await Promise.race([early, this.#reached(at)]);
      // The kill ends it later, which is no failure.
      early.catch(() => undefined);
    }
  }

  async #reached(at: RegExp): Promise<void> {
    const end = performance.now() + REACH_MS;
    while (!existsSync(`${this.#file}.reached`)) {
      if (performance.now() > end) throw new Error(`no step matches ${at.source}`);
      await sleep(20);
    }
  }

  /** No operation stands still any more, in the next driver. */
  async go(): Promise<void> {
    await rm(this.#file, { force: true });
    await rm(`${this.#file}.reached`, { force: true });
  }

  async kill(): Promise<void> {
    await this.node.driver.kill();
    await this.go();
  }

  /** SIGKILL for the resume guards that the driver started. */
  killGuards(): void {
    for (const pid of processesWith((words) => hasInRow(words, "guard", "--socket")))
      process.kill(pid, "SIGKILL");
  }

  async suspended({ device }: TestVolume): Promise<boolean> {
    return (await run("dmsetup", "info", "-c", "--noheadings", "-o", "suspended", device)) === "Suspended";
  }

  /** What the driver lists, and what the pool has. */
  async counts(): Promise<{ readonly volumes: number; readonly snapshots: number; readonly thins: number }> {
    const { csi, pool } = this.node;
    const { entries: volumes } = await csi.controller.listVolumes({});
    const { entries: snapshots } = await csi.controller.listSnapshots({});
    const thins = await thinIds(pool);
    return { volumes: volumes.length, snapshots: snapshots.length, thins: thins.length };
  }

  async deleteGroup(group: VolumeGroupSnapshot__Output): Promise<void> {
    await this.node.csi.groupController.deleteVolumeGroupSnapshot({
      group_snapshot_id: group.group_snapshot_id,
      snapshot_ids: group.snapshots.map(({ snapshot_id }) => snapshot_id),
    });
  }

  async createGroup(name: string, ...volumes: readonly TestVolume[]): Promise<VolumeGroupSnapshot__Output> {
    const { group_snapshot } = await this.node.csi.groupController.createVolumeGroupSnapshot({
      name,
      source_volume_ids: volumes.map(({ id }) => id),
    });
    if (group_snapshot === null) throw new Error("CreateVolumeGroupSnapshot answered no group");
    return group_snapshot;
  }

  async log(): Promise<readonly string[]> {
    return linesOf(await readFile(this.node.driver.log, "utf8"));
  }
}
