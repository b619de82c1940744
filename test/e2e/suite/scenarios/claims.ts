/** A claim becomes a volume, a pod writes to it, and what it wrote is there afterwards. */
import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";

import {
  bytesOf,
  deviceSize,
  expectContent,
  filesystemSize,
  mountOf,
  writeContent,
} from "../framework/content.ts";
import { DEVICE_PATH, storageClass } from "../framework/manifests.ts";
import {
  applyClaim,
  endPods,
  nodeOf,
  ownerOf,
  startPod,
  startWithClaim,
  untilBound,
  untilEvent,
  volumeOf,
} from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { expect, type World } from "../framework/world.ts";

type Filesystem = "ext4" | "xfs" | "btrfs";

/** Filesystems take a part of the size for themselves: at least so much is left. */
const LEAST_SHARE = { ext4: 80n, xfs: 80n, btrfs: 95n };

async function filesystemKeepsData(world: World, filesystem: Filesystem, size: string): Promise<void> {
  await startWithClaim(world, { name: "data", class: world.classes[filesystem], size });
  const { type } = await mountOf(world, "data");
  expect(type === filesystem, `a volume of class ${filesystem} is mounted as ${type}`);
  const bytes = await filesystemSize(world, "data");
  const least = (bytesOf(size) * LEAST_SHARE[filesystem]) / 100n;
  expect(bytes >= least && bytes <= bytesOf(size), `${filesystem} on ${size} has ${bytes} bytes`);
  const content = await writeContent(world, "data", { mebibytes: 24 });
  await endPods(world, "data");
  await startPod(world, { name: "again", claim: "data" });
  await expectContent(world, "again", content);
}

const onFilesystem = (filesystem: Filesystem, size: string): Scenario => ({
  id: `claim-${filesystem}`,
  title: `a claim with ${filesystem} keeps what a pod wrote with fsync, for the next pod`,
  run: (world) => filesystemKeepsData(world, filesystem, size),
});

const block: Scenario = {
  id: "claim-block",
  title: "a raw block claim has its exact size and keeps what a pod wrote",
  async run(world) {
    const [size, claimClass] = ["200Mi", world.classes.ext4];
    await startWithClaim(world, { name: "raw", class: claimClass, size, block: true });
    const bytes = await deviceSize(world, "raw");
    expect(bytes === bytesOf(size), `the device of a claim of ${size} has ${bytes} bytes`);
    const content = await writeContent(world, "raw", { path: DEVICE_PATH, mebibytes: 24 });
    await endPods(world, "raw");
    await startPod(world, { name: "again", claim: "raw", block: true });
    await expectContent(world, "again", content);
  },
};

const bothNodes: Scenario = {
  id: "both-nodes",
  title: "pods on both nodes get their volumes there; each volume is tied to its node",
  needs: ["two-nodes"],
  smoke: true,
  async run(world) {
    await Promise.all(
      [world.nodeA, world.nodeB].map(async (node, index) => {
        const name = `on-${index + 1}`;
        const started = await startWithClaim(
          world,
          { name, class: world.classes.ext4, size: "256Mi" },
          { node },
        );
        expect(nodeOf(started) === node, `${name} runs on ${nodeOf(started)}`);
        const owner = ownerOf(world, await volumeOf(world, name));
        expect(owner === node, `the volume of a pod on ${node} is tied to ${owner}`);
        const content = await writeContent(world, name);
        await endPods(world, name);
        // Where it may run is now said by the volume alone.
        const again = await startPod(world, { name: `${name}-again`, claim: name });
        expect(nodeOf(again) === node, `a second pod for a volume of ${node} runs on ${nodeOf(again)}`);
        await expectContent(world, `${name}-again`, content);
      }),
    );
  },
};

const firstConsumer: Scenario = {
  id: "wait-for-first-consumer",
  title: "a claim of mode WaitForFirstConsumer waits, says so, and goes where its pod goes",
  async run(world) {
    const node = world.cluster.nodes.at(-1)?.name ?? "";
    await applyClaim(world, { name: "waits", class: world.classes.xfs, size: "320Mi" });
    await untilEvent(world, { kind: "PersistentVolumeClaim", name: "waits" }, /WaitForFirstConsumer/);
    const { status, spec } = await world.get<V1PersistentVolumeClaim>("persistentvolumeclaims", "waits");
    expect(status?.phase === "Pending" && spec?.volumeName === undefined, "it was bound before it had a pod");
    await startPod(world, { name: "consumer", claim: "waits", node });
    const owner = ownerOf(world, await volumeOf(world, "waits"));
    expect(owner === node, `the pod runs on ${node}, its volume is on ${owner}`);
  },
};

const immediate: Scenario = {
  id: "immediate",
  title: "a claim of mode Immediate is bound without a pod; its pod follows the volume",
  async run(world) {
    await applyClaim(world, { name: "at-once", class: world.classes.immediate, size: "128Mi" });
    await untilBound(world, "at-once");
    const owner = ownerOf(world, await volumeOf(world, "at-once"));
    const started = await startPod(world, { name: "follows", claim: "at-once" });
    expect(nodeOf(started) === owner, `the volume is on ${owner}, its pod on ${nodeOf(started)}`);
    await expectContent(world, "follows", await writeContent(world, "follows"));
  },
};

const options: Scenario = {
  id: "class-options",
  title:
    "mkfs options and mount flags of a class are what the pod finds; one that is not allowed is refused with a reason",
  async run(world) {
    const { pool } = world.cluster.settings;
    const [good, bad] = [`${world.namespace}-good`, `${world.namespace}-bad`];
    const common = pool === undefined ? {} : { pool };
    const mkfsOptions = "-i 65536";
    world.atEnd(() => world.kubectl.run(["delete", "storageclasses", good, bad, "--ignore-not-found"]));
    await world.apply(
      storageClass({ name: good, filesystem: "ext4", mkfsOptions, mountOptions: ["noatime"], ...common }),
      storageClass({ name: bad, binding: "Immediate", mkfsOptions: "-L label", ...common }),
    );
    await startWithClaim(world, { name: "tuned", class: good, size: "256Mi" });
    const { options: flags } = await mountOf(world, "tuned");
    expect(flags.includes("noatime"), `mounted with ${flags.join(",")}`);
    // One inode for 64 KiB: 4096 on 256 MiB; with the defaults there would be far more.
    const inodes = (await world.exec("tuned", ["stat", "-f", "-c", "%c", "/data"])).trim();
    expect(inodes === "4096", `the filesystem has ${inodes} inodes, 4096 were asked for`);
    await applyClaim(world, { name: "refused", class: bad, size: "128Mi" });
    await untilEvent(
      world,
      { kind: "PersistentVolumeClaim", name: "refused" },
      /ProvisioningFailed.*InvalidArgument.*-L/,
    );
  },
};

const sharedModes: Scenario = {
  id: "no-shared-modes",
  title: "a claim that several nodes would write to is refused, and says why",
  async run(world) {
    const { immediate: claimClass } = world.classes;
    await applyClaim(world, { name: "shared", class: claimClass, size: "128Mi", mode: "ReadWriteMany" });
    await untilEvent(
      world,
      { kind: "PersistentVolumeClaim", name: "shared" },
      /ProvisioningFailed.*InvalidArgument/,
    );
  },
};

export const CLAIMS: readonly Scenario[] = [
  onFilesystem("ext4", "256Mi"),
  onFilesystem("xfs", "512Mi"),
  onFilesystem("btrfs", "512Mi"),
  block,
  bothNodes,
  firstConsumer,
  immediate,
  options,
  sharedModes,
];
