/**
 * `make demo`: the main job of dmthin on a real kernel, over its real socket. Each line is one step with its time and a
 * measured proof. Writes demo/out/latest.json; exits with 1 if any step failed, after cleaning up.
 */
import { mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { run, takeDown } from "../test/support/machine-state.ts";
import { VolumeLife } from "../test/support/volume-life.ts";
import { snapshotAndCopy, snapshotGroup } from "./copies.ts";
import { DemoDriver } from "./driver.ts";
import { deleteAll, killAndRestart, leaveNothing } from "./ending.ts";
import type { Traces } from "./machine.ts";
import { dmthinDevices, traces } from "./machine.ts";
import type { Scene } from "./scene.ts";
import { StepFailedError, Steps } from "./steps.ts";
import { growOnline, makeVolumes, openPool, useRawBlock, writeAndMeasure } from "./story.ts";

const OUT = fileURLToPath(new URL("out/latest.json", import.meta.url));
const POOL = "demo";

const terminal = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
const steps = new Steps({ colours: terminal, print: (line) => console.log(line) });

async function tell(scene: Scene, before: Traces): Promise<void> {
  await openPool(scene);
  const volumes = await makeVolumes(scene);
  await writeAndMeasure(scene, volumes);
  const snapshot = await snapshotAndCopy(scene, volumes);
  const group = await snapshotGroup(scene, volumes);
  await growOnline(scene, volumes);
  await useRawBlock(scene, volumes);
  await killAndRestart(scene, volumes, snapshot);
  await deleteAll(scene, {
    origins: Object.values(volumes),
    copies: [...snapshot.copies, ...group.copies],
    snapshot: snapshot.id,
    group,
  });
  await leaveNothing(scene, before);
}

/** After a failure: says what the driver said, and leaves the machine clean all the same. */
async function giveUp({ driver, writers }: Scene): Promise<void> {
  console.log(`\nlast lines of the driver's log:\n${driver.lastWords()}`);
  try {
    // Resumes whatever is suspended, so that the writers can end.
    await driver.stop();
    // What they met is not the first thing that went wrong.
    await Promise.allSettled(writers.map((writer) => writer.stop()));
    await takeDown(POOL, [driver.directory]);
    await rm(driver.directory, { recursive: true });
  } catch (error) {
    console.log(`cleaning up failed: ${String(error)}`);
  }
}

async function main(): Promise<boolean> {
  const scratch = process.env["DMTHIN_SCRATCH"];
  if (scratch === undefined) throw new Error("DMTHIN_SCRATCH is not set: run `make demo`");
  const leftover = (await dmthinDevices()).filter((device) => device.startsWith(`dmthin-${POOL}-`));
  if (leftover.length > 0) throw new Error(`another demo runs, or one was killed: ${leftover.join(", ")}`);
  const directory = `${scratch}/demo`;
  await mkdir(directory, { recursive: true });
  console.log(
    `dmthin on Linux ${await run("uname", "-r")}, ${await deviceMapper()}, Node ${process.versions.node}.`,
  );
  console.log(
    "Each line: what is asked over the CSI socket, how long it takes, what the machine shows then.",
  );
  const before = await traces();
  const driver = new DemoDriver(directory, POOL, "8GiB");
  const { kubeletDirectory } = driver;
  const life = new VolumeLife({ csi: () => driver.csi, kubeletDirectory, pool: POOL });
  const scene: Scene = { steps, driver, life, writers: [] };
  try {
    await tell(scene, before);
  } catch (error) {
    if (!(error instanceof StepFailedError)) console.log(`\nthe demo itself failed: ${String(error)}`);
    await giveUp(scene);
    steps.conclude(OUT, false);
    return false;
  }
  steps.conclude(OUT, true);
  return true;
}

async function deviceMapper(): Promise<string> {
  return `device-mapper ${/Driver version:\s*(\S+)/.exec(await run("dmsetup", "version"))?.[1] ?? "?"}`;
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => steps.interrupt(`ended by ${signal}`));
process.exitCode = (await main()) ? 0 : 1;
