/** Pods of the driver come and go; volumes do not mind. */
import { setTimeout as sleep } from "node:timers/promises";

import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";

import {
  controllerPods,
  handOver,
  leaderOf,
  nodePodOn,
  replaceDriverPods,
  untilDriverReady,
} from "../framework/driver.ts";
import { claim } from "../framework/manifests.ts";
import { applyClaim, endPods, startPod, startWithClaim, untilBound } from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import { takeSnapshot } from "../framework/snapshots.ts";
import { expectRecords, startWriter, untilWritesGoOn } from "../framework/writer.ts";
import { expect, World } from "../framework/world.ts";
import { CLAIMS } from "./claims.ts";
import { GROWTH } from "./growth.ts";
import { PODS } from "./pods.ts";
import { SNAPSHOTS_AND_COPIES } from "./snapshots.ts";

const LONGEST_GAP_S = 30;

const deletedUnderWrite: Scenario = {
  id: "driver-deleted-under-write",
  title:
    "the driver's pod on a node is deleted while pods write: no write fails, and the next driver knows the volumes",
  alone: true,
  smoke: true,
  async run(world) {
    const node = world.nodeA;
    const { ext4 } = world.classes;
    const kinds = [
      { name: "files", block: false },
      { name: "blocks", block: true },
    ];
    for (const { name, block } of kinds) {
      await applyClaim(world, { name, class: ext4, size: "128Mi", block });
      await startWriter(world, { name, claim: name, block, node });
    }
    await replaceDriverPods(world, [await nodePodOn(world, node)]);
    for (const { name, block } of kinds) {
      const { last, longestGapS } = await untilWritesGoOn(world, name);
      expect(longestGapS <= LONGEST_GAP_S, `the writer of ${name} stood still for ${longestGapS} s`);
      await endPods(world, name);
      await startPod(world, { name: `${name}-after`, claim: name, block });
      await expectRecords(world, `${name}-after`, last, { block });
    }
  },
};

/** Of each kind of scenario some, run while the driver's pods are deleted again and again. */
const MEANWHILE = [
  "claim-ext4",
  "claim-block",
  "claim-btrfs",
  "snapshot-under-write",
  "clone",
  "grow-xfs",
  "grow-block",
  "origin-deleted-first",
  "sub-path",
];
const PAUSE_MS = 5000;

const deletedDuringAll: Scenario = {
  id: "driver-deleted-during-all",
  title:
    "claims, snapshots, clones and growth while pods of the driver are deleted one after the other: all come to their end",
  needs: ["snapshots"],
  alone: true,
  deadlineMs: 1_500_000,
  async run(world) {
    const all = [...CLAIMS, ...PODS, ...SNAPSHOTS_AND_COPIES, ...GROWTH];
    const waiting = all.filter(({ id }) => MEANWHILE.includes(id));
    expect(waiting.length === MEANWHILE.length, "a scenario that is to be repeated is missing");
    const failures: string[] = [];
    const over = new AbortController();
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const inner = new World(`${world.id}-${next.id}`, world);
        try {
          await inner.open();
          await next.run(inner);
          await inner.close();
        } catch (error) {
          failures.push(`${next.id}: ${String(error)}`);
        }
        world.note(`${next.id} has ended`);
      }
    };
    let replaced = 0;
    const killer = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const nodes = world.cluster.nodes.map(({ name }) => name);
        const node = nodes[replaced % nodes.length] ?? "";
        const leader = (await controllerPods(world)).slice(0, 1);
        await replaceDriverPods(world, replaced % 3 === 2 ? leader : [await nodePodOn(world, node)]);
        replaced += 1;
        await sleep(PAUSE_MS);
      }
    };
    const killing = killer();
    await Promise.all([lane(), lane(), lane()]);
    over.abort();
    await killing;
    world.remarks.push(
      `${MEANWHILE.length} scenarios while pods of the driver were deleted ${replaced} times`,
    );
    expect(failures.length === 0, failures.join("\n"));
    expect(replaced >= 3, `pods of the driver were deleted ${replaced} times only`);
  },
};

const COUNT = 10;

const failover: Scenario = {
  id: "router-failover",
  title:
    "the controller pod that leads is deleted while claims are made: each is bound once, and nothing is left over",
  alone: true,
  async run(world) {
    const leader = await leaderOf(world, "provisioner");
    const pod = (await controllerPods(world)).find((each) => nameOf(each) === leader);
    expect(pod !== undefined, `${leader} leads and is no controller pod`);
    const names = Array.from({ length: COUNT }, (_, index) => `claim-${index}`);
    const { immediate } = world.classes;
    await world.apply(...names.map((name) => claim({ name, class: immediate, size: "64Mi" })));
    await replaceDriverPods(world, [pod]);
    for (const name of names) await untilBound(world, name);
    const claims = await world.list<V1PersistentVolumeClaim>("persistentvolumeclaims");
    const volumes = new Set(claims.map(({ spec }) => spec?.volumeName));
    expect(volumes.size === COUNT, `${COUNT} claims have ${volumes.size} volumes`);
    const next = await leaderOf(world, "provisioner", leader);
    world.note(`${next} leads after ${leader}`);
    await startPod(world, { name: "uses", claim: "claim-0" });
  },
};

const leadersApart: Scenario = {
  id: "leaders-in-different-pods",
  title: "provisioner and snapshotter lead in different controller pods, and both do their work",
  needs: ["snapshots"],
  alone: true,
  async run(world) {
    const [provisioner, before] = [
      await leaderOf(world, "provisioner"),
      await leaderOf(world, "snapshotter"),
    ];
    const other = (await controllerPods(world)).map(nameOf).find((name) => name !== provisioner);
    expect(other !== undefined, "there is one controller pod only");
    if (before === provisioner) {
      await handOver(world, "snapshotter", other);
      // A sidecar that lost its Lease ends and is started again.
      await untilDriverReady(world);
    }
    const after = await leaderOf(world, "snapshotter", provisioner);
    expect(after === other, `${after} leads the snapshotter`);
    await startWithClaim(world, { name: "origin", class: world.classes.ext4, size: "128Mi" });
    await takeSnapshot(world, "cut", "origin");
    const source = { snapshot: "cut" };
    await startWithClaim(world, { name: "restored", class: world.classes.ext4, size: "128Mi", source });
    const [one, two] = [await leaderOf(world, "provisioner"), await leaderOf(world, "snapshotter")];
    expect(one !== two, `both lead in ${one}`);
    world.remarks.push(`provisioner in ${one}, snapshotter in ${two}`);
  },
};

export const DRIVER: readonly Scenario[] = [deletedUnderWrite, failover, leadersApart, deletedDuringAll];
