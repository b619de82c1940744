/** In the guest, after the power cut: the verification, or only the recovery, for another cut in the middle of it. */
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { startDriver } from "../../support/driver.ts";
import { SHARED_DIRECTORIES, VolumeLife } from "../../support/volume-life.ts";
import { readJournal } from "./journal.ts";
import { modelOf, type Model } from "./model.ts";
import { prepareDisks, type ReadyDisks } from "./pool-disks.ts";
import { isLive, knownVolume } from "./repeat.ts";
import { AT_WORK, POOL, settingsOf, STARTING, VERDICT, type VerifySettings } from "./settings.ts";
import { verifyPool } from "./verify-pool.ts";

const DIRECTORY = "/run/power";

/** What the node does at its start, without end. */
async function recover(model: Model, { config }: ReadyDisks): Promise<void> {
  for (const each of SHARED_DIRECTORIES) mkdirSync(`${DIRECTORY}/kubelet/${each}`, { recursive: true });
  const { client, kubeletDirectory } = await startDriver({
    directory: DIRECTORY,
    pools: [config],
  });
  const life = new VolumeLife({ csi: () => client, kubeletDirectory, pool: POOL });
  for (const volume of [...model.volumes.values()].filter(isLive)) await life.use(knownVolume(life, volume));
  console.log(AT_WORK);
  await sleep(300_000);
}

const settings = settingsOf() as VerifySettings;
const model = modelOf(readJournal(settings.journal));
const disks = await prepareDisks(settings.disks, { fresh: false });
console.log(STARTING);
if (settings.recoverOnly) await recover(model, disks);
else {
  const verdict = await verifyPool({ model, disks, directory: DIRECTORY });
  console.log(`${VERDICT}${JSON.stringify(verdict)}`);
}
