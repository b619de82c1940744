/** The rest of the story: the driver is killed and comes back; then everything is deleted and nothing may be left. */
import { rm } from "node:fs/promises";
import { takeDown } from "../test/support/machine-state.ts";
import type { TestVolume } from "../test/support/volume-life.ts";
import type { Snapshot } from "./copies.ts";
import { dmthinDevices, mountPoints, poolStatus, traces } from "./machine.ts";
import type { Traces } from "./machine.ts";
import { checksum, inBlocks, startWriter } from "./scene.ts";
import type { Scene } from "./scene.ts";
import { check } from "./steps.ts";
import type { Volumes } from "./story.ts";

export async function killAndRestart(scene: Scene, { mail }: Volumes, snapshot: Snapshot): Promise<void> {
  const { steps, driver } = scene;
  steps.chapter("The driver is killed");
  const writer = await startWriter(scene, mail);
  const mounts = await mountPoints();
  const letter = await checksum(mail);
  const before = await countObjects(driver.csi);
  await steps.step(
    "SIGKILL the driver; pods go on",
    async () => {
      await driver.kill();
      const alone = writer.durable;
      return (await writer.reach(20)) - alone;
    },
    async (more) => {
      check((await checksum(mail)) === letter, "the letter changed");
      return `${more} more records written without a driver`;
    },
  );
  await steps.step(
    "start it again",
    () => driver.start(),
    async () => {
      const now = await countObjects(driver.csi);
      const same = (await mountPoints()).join() === mounts.join();
      check(
        now === before && same,
        `before: ${before}; now: ${now}; mounts ${same ? "the same" : "changed"}`,
      );
      await writer.reach(5);
      return `${now}, mounts as before`;
    },
  );
  await writer.stop();
  await steps.step(
    "ask again for the snapshot of before",
    () => driver.csi.controller.createSnapshot({ name: "monday", source_volume_id: mail.id }),
    ({ snapshot: again }) => {
      const createdAt = `${again?.creation_time?.seconds}.${again?.creation_time?.nanos}`;
      check(again?.snapshot_id === snapshot.id && createdAt === snapshot.createdAt, "it is another snapshot");
      return "same id, same creation time";
    },
  );
}

async function countObjects({ controller }: Scene["driver"]["csi"]): Promise<string> {
  const { entries: volumes } = await controller.listVolumes({});
  const { entries: snapshots } = await controller.listSnapshots({});
  return `${volumes.length} volumes, ${snapshots.length} snapshots`;
}

/** Origins before their snapshots and copies: dm-thin wants no order, so dmthin asks for none. */
export async function deleteAll(
  { steps, driver, life }: Scene,
  made: {
    readonly origins: readonly TestVolume[];
    readonly copies: readonly TestVolume[];
    readonly snapshot: string;
    readonly group: { readonly id: string; readonly members: readonly string[] };
  },
): Promise<void> {
  steps.chapter("The end");
  const used = await poolStatus(driver.poolDevice);
  await steps.step(
    "unpublish and unstage everything",
    async () => {
      for (const volume of [...made.copies, ...made.origins]) await life.release(volume);
    },
    async () => {
      const left = (await mountPoints()).filter((point) => point.startsWith(`${driver.kubeletDirectory}/`));
      const active = (await dmthinDevices()).filter((device) => device.includes("-v-"));
      check(left.length + active.length === 0, `left: ${[...left, ...active].join(", ")}`);
      return "no mount and no volume's device left";
    },
  );
  const { controller, groupController } = driver.csi;
  await steps.step(
    "delete: origins, group, copies, snapshot",
    async () => {
      await life.delete(...made.origins);
      await groupController.deleteVolumeGroupSnapshot({
        group_snapshot_id: made.group.id,
        snapshot_ids: [...made.group.members],
      });
      await life.delete(...made.copies);
      await controller.deleteSnapshot({ snapshot_id: made.snapshot });
    },
    async () => countObjects(driver.csi),
  );
  await steps.step(
    "look for what is left in the pool",
    () => poolStatus(driver.poolDevice),
    ({ usedData }) => {
      check(usedData === 0n, `${usedData} data blocks are still in use`);
      return `data in use: ${inBlocks(used.usedData)} → 0 B`;
    },
  );
}

export async function leaveNothing({ steps, driver }: Scene, before: Traces): Promise<void> {
  await steps.step(
    "stop the driver, take down the pool",
    async () => {
      await driver.stop();
      await takeDown(driver.pool, [driver.directory]);
      await rm(driver.directory, { recursive: true });
    },
    async () => {
      const now = await traces();
      for (const key of ["devices", "loops", "mounts"] as const) {
        check(now[key].join() === before[key].join(), `${key} are not as before: ${now[key].join(", ")}`);
      }
      return `as before: ${now.devices.length} dm, ${now.loops.length} loop devices, ${now.mounts.length} mounts`;
    },
  );
}
