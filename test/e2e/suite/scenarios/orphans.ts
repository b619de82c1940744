/** What nodes hold and the cluster does not know any more, and how it is deleted. */
import { setTimeout as sleep } from "node:timers/promises";

import type { V1PersistentVolume } from "@kubernetes/client-node";

import type { Outcome } from "../framework/kubectl.ts";
import { endPods, startWithClaim, volumeOf } from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import { expect, type World } from "../framework/world.ts";
import { askDmthin as dmthin } from "../framework/plugin.ts";

/** The bed's chart looks every 30 s, with a grace of a minute. */
const SETTLED_MS = 300_000;
const PAUSE_MS = 3000;

/** Asks until it is said. */
async function untilSaid(world: World, words: readonly string[], pattern: RegExp): Promise<Outcome> {
  return world.phase("other waits", async () => {
    const end = performance.now() + SETTLED_MS;
    for (;;) {
      const outcome = await dmthin(world, ...words);
      if (pattern.test(outcome.stdout)) return outcome;
      expect(
        performance.now() < end,
        `kubectl dmthin ${words.join(" ")} never said ${pattern}, but ${outcome.stdout}`,
      );
      await sleep(PAUSE_MS);
    }
  });
}

const patchVolume = (world: World, name: string, patch: object): Promise<string> =>
  world.kubectl.run(["patch", "persistentvolumes", name, "--type=merge", `--patch=${JSON.stringify(patch)}`]);

/** As somebody does who is tired of a PersistentVolume that will not go. */
async function tearOut(world: World, name: string): Promise<void> {
  world.note(`persistentvolume ${name} is torn out`);
  await world.kubectl.run(["delete", "persistentvolumes", name, "--wait=false"]);
  await patchVolume(world, name, { metadata: { finalizers: null } });
  await world.kubectl.watch<V1PersistentVolume, true>({
    get: ["persistentvolumes", `--field-selector=metadata.name=${name}`],
    what: "the PersistentVolume is gone",
    judge: (found) => found.length === 0 || undefined,
  });
}

const cleaned: Scenario = {
  id: "orphan-cleaned",
  title:
    "a volume whose PersistentVolume was torn out is refused as long as its claim is there and within its grace period, and deleted by its id after; a retained one is refused",
  needs: ["plugin", "bed"],
  deadlineMs: 900_000,
  async run(world) {
    const names = ["used", "lost", "kept"];
    for (const name of names) await startWithClaim(world, { name, class: world.classes.ext4, size: "64Mi" });
    const [used, lost, kept] = [
      await claimed(world, "used"),
      await claimed(world, "lost"),
      await claimed(world, "kept"),
    ];
    await patchVolume(world, kept.name, { spec: { persistentVolumeReclaimPolicy: "Retain" } });
    // What is released then is deleted.
    const giveBack = { spec: { persistentVolumeReclaimPolicy: "Delete" } };
    world.atEnd(() => patchVolume(world, kept.name, giveBack));
    await tearOut(world, used.name);
    const inUse = await dmthin(world, "orphans", "--clean", used.id, "--apply");
    expect(/^refused: .* it is staged on node /m.test(inUse.stdout), `of one in use it says ${inUse.stdout}`);
    await endPods(world, ...names);
    const wanted = new RegExp(`^refused: .* claim ${world.namespace}/used, for which it was made,`, "m");
    await untilSaid(world, ["orphans", "--clean", used.id, "--apply"], wanted);
    // Before it is found for the first time: its grace period is seen from its beginning.
    await tearOut(world, lost.name);
    await world.delete("persistentvolumeclaims", names);
    const clean = ["orphans", "--clean", lost.id];
    await untilSaid(world, clean, /^refused: .* it is an orphan since .*; the grace period ends with /m);
    const early = await dmthin(world, ...clean, "--apply");
    expect(early.code === 4, `within its grace period: exit code ${early.code}: ${early.stdout}`);
    expect(await isListed(world, lost.id), "a volume was deleted within its grace period");
    const plan = await untilSaid(world, clean, new RegExp(`^would be deleted +volume +${lost.id} `, "m"));
    expect(plan.code === 0 && plan.stdout.includes("Nothing was changed."), `the plan says ${plan.stdout}`);
    expect(await isListed(world, lost.id), "a volume was deleted by a plan");
    const { code, stdout } = await dmthin(world, ...clean, used.id, kept.id, "--apply");
    const expected = [
      `deleted +volume +${lost.id} `,
      `deleted +volume +${used.id} `,
      `refused: ${kept.id}: PersistentVolume ${kept.name} has it \\(Released, Retain\\)`,
    ];
    for (const line of expected) expect(new RegExp(`^${line}`, "m").test(stdout), `no ${line} in ${stdout}`);
    expect(code === 4, `one was refused: exit code ${code}`);
    for (const { id } of [lost, used]) expect(!(await isListed(world, id)), `orphan ${id} is still there`);
    expect(await isListed(world, kept.id), "the retained volume is gone");
  },
};

async function claimed(world: World, claim: string): Promise<{ readonly name: string; readonly id: string }> {
  const volume = await volumeOf(world, claim);
  return { name: nameOf(volume), id: volume.spec?.csi?.volumeHandle ?? "" };
}

async function isListed(world: World, id: string): Promise<boolean> {
  const { stdout } = await dmthin(world, "volumes", "-o", "json");
  const { volumes } = JSON.parse(stdout) as { readonly volumes: readonly { readonly id: string }[] };
  return volumes.some((volume) => volume.id === id);
}

export const ORPHANS: readonly Scenario[] = [cleaned];
