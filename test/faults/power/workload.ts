/** In the guest: a driver on the given disks, and a random workload of all operations, until the power is cut. */
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { startDriver } from "../../support/driver.ts";
import { SHARED_DIRECTORIES, VolumeLife } from "../../support/volume-life.ts";
import { Random } from "../random.ts";
import { Actions } from "./actions.ts";
import { Journal } from "./journal.ts";
import { markLog } from "./one-disk.ts";
import { Performer } from "./performer.ts";
import { prepareDisks } from "./pool-disks.ts";
import { AT_WORK, POOL, settingsOf, STARTING, type WorkloadSettings } from "./settings.ts";
import { World } from "./world.ts";

/** Calls under way at one time. */
const ACTORS = 2;
const LONGEST_PAUSE_MS = 60;
const MARK_PAUSE_MS = 30;

export async function work(settings: WorkloadSettings): Promise<void> {
  const { seed, forMs, forEvents, sync, limits } = settings;
  const journal = new Journal(settings.journal);
  const directory = "/run/power";
  for (const each of SHARED_DIRECTORIES) mkdirSync(`${directory}/kubelet/${each}`, { recursive: true });
  const { config, log } = await prepareDisks(settings.disks, { fresh: true });
  console.log(STARTING);
  const driver = await startDriver({ directory, pools: [config] });
  const { client: csi, kubeletDirectory } = driver;
  const life = new VolumeLife({ csi: () => csi, kubeletDirectory, pool: POOL });
  const random = new Random(seed, "workload");
  const performer = new Performer({ csi, life, journal, random, sync });
  const actions = new Actions(performer, new World(limits));
  const end = performance.now() + forMs;
  const isOver = (): boolean => performance.now() > end || journal.count >= forEvents;
  const marks = log === undefined ? Promise.resolve() : mark(log, journal, isOver);
  await actions.startPair();
  console.log(AT_WORK);
  const actor = async (): Promise<void> => {
    while (!isOver()) {
      await actions.act();
      await sleep(random.between(0, LONGEST_PAUSE_MS));
    }
  };
  const actors = Array.from({ length: ACTORS }, actor);
  await Promise.all([...actors, marks]);
  await actions.stop();
  if (log !== undefined) await markLog(log, Number.MAX_SAFE_INTEGER);
  // Not stopped in order: what is not durable now never has to be.
  await driver.kill();
  journal.close();
}

/** Ties places in the log of writes to places in the journal: whatever was acknowledged before a mark lies before it. */
async function mark(log: string, journal: Journal, isOver: () => boolean): Promise<void> {
  for (let number = 1; !isOver(); number += 1) {
    journal.write({ e: "marking", mark: number });
    await markLog(log, number);
    journal.write({ e: "marked", mark: number });
    await sleep(MARK_PAUSE_MS);
  }
}

await work(settingsOf() as WorkloadSettings);
