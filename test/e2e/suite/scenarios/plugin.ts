/** The plugin of kubectl, as people call it. */
import { askDmthin as dmthin } from "../framework/plugin.ts";
import { startWithClaim, volumeOf } from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import { contentOf, takeSnapshot } from "../framework/snapshots.ts";
import { expect } from "../framework/world.ts";

interface Named {
  readonly name?: string;
  readonly namespace?: string;
}

interface ShownVolume {
  readonly id: string;
  readonly node: string;
  readonly persistentVolume?: string;
  readonly claim?: Named;
  readonly pods?: readonly string[];
}

interface ShownSnapshot {
  readonly id: string;
  readonly volumeSnapshot?: Named;
  readonly sourceClaim?: Named;
}

const answers: Scenario = {
  id: "kubectl-plugin",
  title: "kubectl dmthin shows pools, volumes with claim and pod, and snapshots, of all nodes",
  needs: ["plugin", "snapshots"],
  async run(world) {
    await startWithClaim(world, { name: "seen", class: world.classes.ext4, size: "128Mi" });
    await takeSnapshot(world, "cut", "seen");
    const volume = await volumeOf(world, "seen");
    const pools = await dmthin(world, "pools");
    for (const { name } of world.cluster.nodes)
      expect(pools.stdout.includes(name), `pools of ${name} are not shown:\n${pools.stdout}`);
    const { volumes } = JSON.parse((await dmthin(world, "volumes", "-o", "json")).stdout) as {
      readonly volumes: readonly ShownVolume[];
    };
    const shown = volumes.find(({ id }) => id === volume.spec?.csi?.volumeHandle);
    expect(
      shown?.claim?.namespace === world.namespace && shown.claim.name === "seen",
      `the volume of claim seen is shown as ${JSON.stringify(shown)}`,
    );
    expect(shown.persistentVolume === nameOf(volume), `its PersistentVolume is ${shown.persistentVolume}`);
    expect(shown.pods?.includes("seen") === true, `its pods are ${JSON.stringify(shown.pods)}`);
    const { snapshots } = JSON.parse((await dmthin(world, "snapshots", "-o", "json")).stdout) as {
      readonly snapshots: readonly ShownSnapshot[];
    };
    const handle = (await contentOf(world, "cut")).status?.snapshotHandle;
    const cut = snapshots.find(({ id }) => id === handle);
    expect(
      cut?.volumeSnapshot?.name === "cut" && cut.sourceClaim?.name === "seen",
      `the snapshot is shown as ${JSON.stringify(cut)}`,
    );
    const table = await dmthin(world, "volumes");
    expect(
      table.stdout.includes(`${world.namespace}/seen`),
      `the table has no line for it:\n${table.stdout}`,
    );
    await dmthin(world, "status");
    await dmthin(world, "doctor");
  },
};

export const PLUGIN: readonly Scenario[] = [answers];
