/** Snapshots, and volumes that are made of them. */
import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";

import { bytesOf, deviceSize, expectContent, filesystemSize, writeContent } from "../framework/content.ts";
import type { KubeObject } from "../framework/kubectl.ts";
import { DEVICE_PATH, MOUNT_PATH, snapshot, SNAPSHOT_API, snapshotClass } from "../framework/manifests.ts";
import {
  applyClaim,
  applyPod,
  endPods,
  nodeOf,
  ownerOf,
  startPod,
  startWithClaim,
  untilRunning,
  volumeOf,
} from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import {
  CONTENTS,
  contentOf,
  SNAPSHOTS,
  SNAPSHOT_CLASSES,
  takeSnapshot,
  untilReadyToUse,
} from "../framework/snapshots.ts";
import { expectRecords, startWriter, untilWritesGoOn, untilWritten, writtenBy } from "../framework/writer.ts";
import { expect } from "../framework/world.ts";

const underWrite: Scenario = {
  id: "snapshot-under-write",
  title: "a snapshot of a volume that is written to has all that fsync had confirmed; the writer goes on",
  needs: ["snapshots"],
  smoke: true,
  async run(world) {
    const { ext4 } = world.classes;
    await applyClaim(world, { name: "log", class: ext4, size: "256Mi" });
    await startWriter(world, { name: "log", claim: "log" });
    await untilWritten(world, "log", 10);
    const { last: confirmed } = await writtenBy(world, "log");
    await takeSnapshot(world, "cut", "log");
    const { longestGapS } = await untilWritesGoOn(world, "log");
    expect(longestGapS <= 30, `the writer stood still for ${longestGapS} s`);
    await startWithClaim(world, {
      name: "restored",
      class: ext4,
      size: "256Mi",
      source: { snapshot: "cut" },
    });
    const inSnapshot = await expectRecords(world, "restored", confirmed);
    const { last } = await untilWritesGoOn(world, "log");
    expect(last > inSnapshot, "the copy has what was written after the cut");
    await endPods(world, "log");
    await startPod(world, { name: "origin", claim: "log" });
    await expectRecords(world, "origin", last);
  },
};

const ownerWins: Scenario = {
  id: "restore-on-owner",
  title:
    "a restore comes to the node of its snapshot, also when the scheduler had chosen the other one first",
  needs: ["snapshots", "two-nodes"],
  async run(world) {
    const { ext4 } = world.classes;
    await startWithClaim(world, { name: "origin", class: ext4, size: "128Mi" }, { node: world.nodeA });
    const content = await writeContent(world, "origin", { mebibytes: 8 });
    await takeSnapshot(world, "cut", "origin");
    // Without its origin's pod nothing but the preference speaks for a node.
    const chosen = world.watch<V1PersistentVolumeClaim, true>({
      get: ["persistentvolumeclaims", "--field-selector=metadata.name=restored"],
      what: `the scheduler chooses ${world.nodeB} for the restore`,
      judge: ([found]) =>
        found?.metadata?.annotations?.["volume.kubernetes.io/selected-node"] === world.nodeB || undefined,
    });
    await applyClaim(world, { name: "restored", class: ext4, size: "128Mi", source: { snapshot: "cut" } });
    await applyPod(world, { name: "restored", claim: "restored", preferred: world.nodeB });
    const [, started] = await Promise.all([chosen, untilRunning(world, "restored")]);
    expect(nodeOf(started) === world.nodeA, `the restore runs on ${nodeOf(started)}`);
    expect(ownerOf(world, await volumeOf(world, "restored")) === world.nodeA, "its volume is elsewhere");
    await expectContent(world, "restored", content);
  },
};

const larger: Scenario = {
  id: "restore-larger",
  title: "a restore that asks for more than its snapshot has a larger filesystem with the same content",
  needs: ["snapshots"],
  async run(world) {
    await startWithClaim(world, { name: "origin", class: world.classes.xfs, size: "320Mi" });
    const content = await writeContent(world, "origin", { mebibytes: 8 });
    const before = await filesystemSize(world, "origin");
    await takeSnapshot(world, "cut", "origin");
    await startWithClaim(world, {
      name: "larger",
      class: world.classes.xfs,
      size: "1Gi",
      source: { snapshot: "cut" },
    });
    await expectContent(world, "larger", content);
    const grown = (await filesystemSize(world, "larger")) - before;
    const asked = bytesOf("1Gi") - bytesOf("320Mi");
    expect(
      grown * 100n >= asked * 90n,
      `the filesystem has grown by ${grown} bytes, ${asked} were asked for`,
    );
  },
};

const block: Scenario = {
  id: "snapshot-block",
  title: "snapshot and restore of a raw block volume",
  needs: ["snapshots"],
  async run(world) {
    const asked = { class: world.classes.ext4, size: "128Mi", block: true };
    await startWithClaim(world, { name: "raw", ...asked });
    const before = await writeContent(world, "raw", { path: DEVICE_PATH, mebibytes: 8 });
    await takeSnapshot(world, "cut", "raw");
    const after = await writeContent(world, "raw", { path: DEVICE_PATH, mebibytes: 8 });
    await startWithClaim(world, { name: "restored", ...asked, source: { snapshot: "cut" } });
    await expectContent(world, "restored", before);
    expect((await deviceSize(world, "restored")) === bytesOf(asked.size), "the restore has another size");
    await expectContent(world, "raw", after);
  },
};

const originFirst: Scenario = {
  id: "origin-deleted-first",
  title: "a snapshot outlives its origin, and is restored after it is gone",
  needs: ["snapshots"],
  async run(world) {
    const { ext4 } = world.classes;
    await startWithClaim(world, { name: "origin", class: ext4, size: "128Mi" });
    const content = await writeContent(world, "origin", { mebibytes: 8 });
    await takeSnapshot(world, "cut", "origin");
    const { metadata } = await volumeOf(world, "origin");
    await endPods(world, "origin");
    await world.delete("persistentvolumeclaims", ["origin"]);
    await world.kubectl.run(["wait", "--for=delete", `persistentvolume/${metadata?.name}`, "--timeout=90s"], {
      timeoutMs: 100_000,
    });
    await startWithClaim(world, {
      name: "restored",
      class: ext4,
      size: "128Mi",
      source: { snapshot: "cut" },
    });
    await expectContent(world, "restored", content);
    await world.delete(SNAPSHOTS, ["cut"]);
    await expectContent(world, "restored", content);
  },
};

const preProvisioned: Scenario = {
  id: "pre-provisioned-content",
  title: "a snapshot that somebody kept by its handle is found again through a content made by hand",
  needs: ["snapshots"],
  async run(world) {
    const { ext4, snapshots } = world.classes;
    await startWithClaim(world, { name: "origin", class: ext4, size: "128Mi" });
    const content = await writeContent(world, "origin", { mebibytes: 8 });
    // Its snapshot goes, and what it stands for stays.
    const retaining = `${world.namespace}-retain`;
    world.atEnd(() => world.kubectl.run(["delete", SNAPSHOT_CLASSES, retaining, "--ignore-not-found"]));
    await world.apply({ ...snapshotClass(retaining), deletionPolicy: "Retain" } as KubeObject);
    await world.apply(snapshot("cut", retaining, { persistentVolumeClaimName: "origin" }));
    await untilReadyToUse(world, "cut");
    const made = await contentOf(world, "cut");
    const handle = made.status?.snapshotHandle;
    expect(handle !== undefined, "the content has no handle");
    await world.delete(SNAPSHOTS, ["cut"]);
    await world.kubectl.run(["delete", CONTENTS, nameOf(made)]);
    const byHand = `${world.namespace}-by-hand`;
    await world.apply({
      apiVersion: SNAPSHOT_API,
      kind: "VolumeSnapshotContent",
      metadata: { name: byHand },
      spec: {
        deletionPolicy: "Delete",
        driver: "csi.dmthin.io",
        source: { snapshotHandle: handle },
        sourceVolumeMode: "Filesystem",
        volumeSnapshotClassName: snapshots,
        volumeSnapshotRef: { name: "found", namespace: world.namespace },
      },
    });
    await world.apply(snapshot("found", snapshots, { volumeSnapshotContentName: byHand }));
    await untilReadyToUse(world, "found");
    await startWithClaim(world, {
      name: "restored",
      class: ext4,
      size: "128Mi",
      source: { snapshot: "found" },
    });
    await expectContent(world, "restored", content);
  },
};

const clone: Scenario = {
  id: "clone",
  title: "a clone of a volume in use has what was confirmed, and goes its own way",
  smoke: true,
  async run(world) {
    const { ext4 } = world.classes;
    await startWithClaim(world, { name: "origin", class: ext4, size: "256Mi" });
    const content = await writeContent(world, "origin", { mebibytes: 16 });
    await startWithClaim(world, { name: "clone", class: ext4, size: "256Mi", source: { claim: "origin" } });
    await expectContent(world, "clone", content);
    const own = await writeContent(world, "clone", { mebibytes: 16 });
    await expectContent(world, "origin", content);
    await endPods(world, "origin");
    await world.delete("persistentvolumeclaims", ["origin"]);
    await expectContent(world, "clone", own);
  },
};

const btrfs: Scenario = {
  id: "copies-of-btrfs-and-xfs",
  title:
    "origin, clone and restore of btrfs and of xfs are mounted on one node at once, where names of filesystems would clash",
  needs: ["snapshots"],
  async run(world) {
    await Promise.all(
      (["btrfs", "xfs"] as const).map(async (filesystem) => {
        const asked = { class: world.classes[filesystem], size: "512Mi" };
        await startWithClaim(world, { name: filesystem, ...asked });
        const content = await writeContent(world, filesystem, { mebibytes: 8 });
        await takeSnapshot(world, filesystem, filesystem);
        await startWithClaim(world, { name: `${filesystem}-clone`, ...asked, source: { claim: filesystem } });
        await startWithClaim(world, {
          name: `${filesystem}-restored`,
          ...asked,
          source: { snapshot: filesystem },
        });
        for (const copy of [`${filesystem}-clone`, `${filesystem}-restored`]) {
          await expectContent(world, copy, content);
          await writeContent(world, copy, { path: `${MOUNT_PATH}/own`, mebibytes: 2 });
        }
        await expectContent(world, filesystem, content);
      }),
    );
  },
};

export const SNAPSHOTS_AND_COPIES: readonly Scenario[] = [
  underWrite,
  btrfs,
  preProvisioned,
  originFirst,
  larger,
  ownerWins,
  block,
  clone,
];
