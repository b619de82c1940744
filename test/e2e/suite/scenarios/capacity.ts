/** Where there is room, and what happens where there is none; on the small pool, which is soon full of promises. */
import type { V1Pod } from "@kubernetes/client-node";

import { roomOn } from "../framework/capacity.ts";
import { bytesOf, expectContent, writeContent } from "../framework/content.ts";
import {
  applyClaim,
  applyPod,
  endPods,
  nodeOf,
  startWithClaim,
  untilRunning,
  volumeOf,
} from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import { expect, type World } from "../framework/world.ts";

const MEBIBYTE = 1n << 20n;
const LEFT = 64n * MEBIBYTE;
const ASKED = "256Mi";

/** A claim on that node that leaves almost nothing; its pod has ended. */
async function fill(world: World, name: string, node: string): Promise<void> {
  const room = await roomOn(world, node);
  expect(room > LEFT + bytesOf(ASKED), `the small pool on ${node} has room for ${room} bytes only`);
  const size = `${(room - LEFT) / MEBIBYTE}Mi`;
  await startWithClaim(world, { name, class: world.classes.small, size }, { node });
  await endPods(world, name);
}

const fitsOnB: Scenario = {
  id: "fits-on-one-node-only",
  title: "a claim that fits on one node only lands there",
  needs: ["two-nodes", "small-pool"],
  uses: "small-pool",
  smoke: true,
  async run(world) {
    await fill(world, "filler", world.nodeA);
    await applyClaim(world, { name: "fits", class: world.classes.small, size: ASKED });
    // Left to itself the scheduler would go for the other one.
    await applyPod(world, { name: "fits", claim: "fits", preferred: world.nodeA });
    const started = await untilRunning(world, "fits");
    expect(nodeOf(started) === world.nodeB, `it runs on ${nodeOf(started)}`);
    await expectContent(world, "fits", await writeContent(world, "fits", { mebibytes: 8 }));
  },
};

const fitsNowhere: Scenario = {
  id: "fits-nowhere-until-there-is-room",
  title: "a claim that fits nowhere says why, and is placed when there is room",
  needs: ["small-pool"],
  uses: "small-pool",
  async run(world) {
    const nodes = world.cluster.nodes.map(({ name }) => name);
    for (const [index, node] of nodes.entries()) await fill(world, `filler-${index}`, node);
    await applyClaim(world, { name: "waits", class: world.classes.small, size: ASKED });
    await applyPod(world, { name: "waits", claim: "waits" });
    await world.watch<V1Pod, true>({
      get: ["pods", "--field-selector=metadata.name=waits"],
      what: "the pod says that no node has enough free storage",
      judge: ([found]) =>
        found?.status?.conditions?.some(
          ({ type, status, message }) =>
            type === "PodScheduled" &&
            status === "False" &&
            message?.includes("enough free storage") === true,
        ) || undefined,
    });
    const volume = nameOf(await volumeOf(world, "filler-0"));
    await world.delete("persistentvolumeclaims", ["filler-0"]);
    await world.kubectl.run(["wait", "--for=delete", `persistentvolume/${volume}`, "--timeout=90s"], {
      timeoutMs: 100_000,
    });
    const started = await untilRunning(world, "waits");
    expect(nodeOf(started) === nodes[0], `it runs on ${nodeOf(started)}, there is room on ${nodes[0]}`);
  },
};

const tooLarge: Scenario = {
  id: "immediate-too-large",
  title: "an Immediate claim that no pool can hold says so on the claim",
  async run(world) {
    await applyClaim(world, { name: "vast", class: world.classes.immediate, size: "900Ti" });
    await world.watch({
      get: ["events", "--field-selector=involvedObject.kind=PersistentVolumeClaim,involvedObject.name=vast"],
      what: "an Event of the claim says that there is no room",
      judge: (events) =>
        (events as readonly { reason?: string; message?: string }[]).some(
          ({ reason, message }) =>
            reason === "ProvisioningFailed" && /ResourceExhausted|room/.test(message ?? ""),
        ) || undefined,
    });
  },
};

export const CAPACITY: readonly Scenario[] = [fitsNowhere, fitsOnB, tooLarge];
