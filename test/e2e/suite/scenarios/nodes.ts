/** Nodes lose their kubelet, their power, and come back. */
import type { CoreV1Event, V1PersistentVolume, V1Pod } from "@kubernetes/client-node";

import { expectContent, writeContent } from "../framework/content.ts";
import { untilNodeReady } from "../framework/driver.ts";
import { DEVICE_PATH, podSpec } from "../framework/manifests.ts";
import {
  applyClaim,
  endPods,
  isReady,
  startPod,
  startWithClaim,
  untilRunning,
  volumeOf,
} from "../framework/pods.ts";
import { bedOf, cutPower, startAgain, victim } from "../framework/power.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import {
  expectRecords,
  startWriter,
  untilWritesGoOn,
  untilWritten,
  writerCommand,
  writtenBy,
} from "../framework/writer.ts";
import { expect, type World } from "../framework/world.ts";

const LONGEST_GAP_S = 30;

const kubelet: Scenario = {
  id: "kubelet-restart",
  title: "kubelet is restarted while a pod writes: no write fails, volumes come and go afterwards",
  needs: ["bed"],
  alone: true,
  async run(world) {
    const node = victim(world);
    const { ext4 } = world.classes;
    await applyClaim(world, { name: "log", class: ext4, size: "128Mi" });
    await startWriter(world, { name: "writer", claim: "log", node });
    await startWithClaim(world, { name: "raw", class: ext4, size: "128Mi", block: true }, { node });
    const content = await writeContent(world, "raw", { path: DEVICE_PATH, mebibytes: 8 });
    await world.phase("driver and nodes", () => bedOf(world).restartKubelet(node));
    await untilNodeReady(world, node);
    await startWithClaim(world, { name: "new", class: ext4, size: "128Mi" }, { node });
    const { last, longestGapS } = await untilWritesGoOn(world, "writer");
    expect(longestGapS <= LONGEST_GAP_S, `the writer stood still for ${longestGapS} s`);
    await endPods(world, "writer", "raw");
    await startPod(world, { name: "after", claim: "log" });
    await expectRecords(world, "after", last);
    await startPod(world, { name: "raw-after", claim: "raw", block: true });
    await expectContent(world, "raw-after", content);
  },
};

/** Applies a workload of one pod that Kubernetes starts again; the pod is tied to the node. */
async function startSet(world: World, name: string, node: string, block: boolean): Promise<void> {
  const { image } = world.cluster.settings;
  const command = block ? {} : { command: writerCommand() };
  const spec = { ...podSpec({ image, claim: name, block, node, ...command }), restartPolicy: "Always" };
  await applyClaim(world, { name, class: world.classes.ext4, size: "128Mi", block });
  await world.apply({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name },
    spec: {
      serviceName: name,
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
    },
  });
  await untilRunning(world, `${name}-0`);
}

const startedAt = (pod: V1Pod): string =>
  String(pod.status?.containerStatuses?.[0]?.state?.running?.startedAt ?? "");

const powerCut: Scenario = {
  id: "power-cut",
  title:
    "a node loses its power while pods write and comes back: so do its pods, with all that fsync had confirmed",
  needs: ["bed"],
  alone: true,
  smoke: true,
  async run(world) {
    const node = victim(world);
    await startSet(world, "files", node, false);
    await startSet(world, "raw", node, true);
    await untilWritten(world, "files-0", 20);
    const content = await writeContent(world, "raw-0", { path: DEVICE_PATH, mebibytes: 8 });
    const { last } = await writtenBy(world, "files-0");
    const before = new Map<string, string>();
    for (const name of ["files-0", "raw-0"])
      before.set(name, startedAt(await world.get<V1Pod>("pods", name)));
    const past = await cutPower(world, node);
    const began = performance.now();
    await startAgain(world, node, past);
    for (const [name, then] of before)
      await world.phase("pods start", () =>
        world.watch<V1Pod, true>({
          get: ["pods", `--field-selector=metadata.name=${name}`],
          what: `${name} runs again`,
          timeoutMs: 300_000,
          judge: ([pod]) =>
            (pod !== undefined && isReady(pod) && startedAt(pod) !== "" && startedAt(pod) !== then) ||
            undefined,
        }),
      );
    world.remarks.push(
      `both pods run again ${((performance.now() - began) / 1000).toFixed(1)} s after the power was back`,
    );
    await expectRecords(world, "files-0", last);
    await expectContent(world, "raw-0", content);
    await untilWritesGoOn(world, "files-0");
    await startWithClaim(world, { name: "new", class: world.classes.xfs, size: "320Mi" }, { node });
  },
};

const away: Scenario = {
  id: "node-away-during-delete",
  title: "a volume is deleted while its node is away: it is not forgotten, and goes when the node returns",
  needs: ["bed"],
  alone: true,
  async run(world) {
    const node = victim(world);
    await startWithClaim(world, { name: "doomed", class: world.classes.ext4, size: "128Mi" }, { node });
    await endPods(world, "doomed");
    const volume = nameOf(await volumeOf(world, "doomed"));
    const past = await cutPower(world, node);
    let isBack = false;
    world.atEnd(async () => {
      if (!isBack) await startAgain(world, node, past);
    });
    await world.delete("persistentvolumeclaims", ["doomed"]);
    await world.phase("other waits", () =>
      world.kubectl.watch<CoreV1Event, true>({
        get: ["events", "--all-namespaces", `--field-selector=involvedObject.name=${volume}`],
        what: "an Event of the PersistentVolume says why it is not deleted",
        judge: (events) =>
          events.some(
            ({ reason, message }) =>
              reason === "VolumeFailedDelete" && /Unavailable|DeadlineExceeded/.test(message ?? ""),
          ) || undefined,
      }),
    );
    const { status } = await world.kubectl.json<V1PersistentVolume>(["get", "persistentvolumes", volume]);
    expect(status?.phase === "Released" || status?.phase === "Failed", `the volume is ${status?.phase}`);
    await startAgain(world, node, past);
    isBack = true;
    await world.phase("other waits", () =>
      world.kubectl.run(["wait", "--for=delete", `persistentvolume/${volume}`, "--timeout=300s"], {
        timeoutMs: 310_000,
      }),
    );
  },
};

export const NODES: readonly Scenario[] = [kubelet, away, powerCut];
