/** What pods may ask of a volume. */
import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";

import { expectContent, mountOf, writeContent } from "../framework/content.ts";
import { claim, MOUNT_PATH, podSpec } from "../framework/manifests.ts";
import {
  applyPod,
  endPods,
  isReady,
  nodeOf,
  startPod,
  startWithClaim,
  untilRunning,
} from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import { expect } from "../framework/world.ts";

const oncePerPod: Scenario = {
  id: "read-write-once-pod",
  title: "a second pod of a ReadWriteOncePod claim is refused while the first one runs, and comes after it",
  smoke: true,
  async run(world) {
    const { ext4 } = world.classes;
    await startWithClaim(world, { name: "only", class: ext4, size: "128Mi", mode: "ReadWriteOncePod" });
    const content = await writeContent(world, "only", { mebibytes: 4 });
    await applyPod(world, { name: "second", claim: "only" });
    await world.watch<V1Pod, true>({
      get: ["pods", "--field-selector=metadata.name=second"],
      what: "the scheduler refuses the second pod because of its claim",
      judge: ([found]) =>
        found?.status?.conditions?.some(
          ({ type, status, message }) =>
            type === "PodScheduled" && status === "False" && message?.includes("ReadWriteOncePod") === true,
        ) || undefined,
    });
    await endPods(world, "only");
    await untilRunning(world, "second");
    await expectContent(world, "second", content);
  },
};

const oncePerNode: Scenario = {
  id: "read-write-once-shared",
  title: "two pods of a node share a ReadWriteOnce claim; the end of one leaves the other its volume",
  async run(world) {
    const started = await startWithClaim(world, { name: "shared", class: world.classes.ext4, size: "128Mi" });
    const second = await startPod(world, { name: "second", claim: "shared" });
    expect(nodeOf(started) === nodeOf(second), "they run on two nodes");
    const content = await writeContent(world, "shared", { mebibytes: 8 });
    await expectContent(world, "second", content);
    await endPods(world, "shared");
    await expectContent(world, "second", await writeContent(world, "second", { mebibytes: 8 }));
  },
};

const group: Scenario = {
  id: "fs-group",
  title: "a pod that is not root writes to its volume through fsGroup",
  async run(world) {
    const security = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000, runAsNonRoot: true };
    await startWithClaim(world, { name: "group", class: world.classes.xfs, size: "320Mi" }, { security });
    const owner = await world.exec("group", ["stat", "-c", "%g", MOUNT_PATH]);
    expect(owner === "2000", `the volume belongs to group ${owner}`);
    await expectContent(world, "group", await writeContent(world, "group", { mebibytes: 4 }));
  },
};

const readOnly: Scenario = {
  id: "read-only-mount",
  title: "a pod that mounts its volume read-only reads and cannot write",
  async run(world) {
    await startWithClaim(world, { name: "writes", class: world.classes.ext4, size: "128Mi" });
    const content = await writeContent(world, "writes", { mebibytes: 4 });
    await endPods(world, "writes");
    await startPod(world, { name: "reads", claim: "writes", mount: { readOnly: true } });
    await expectContent(world, "reads", content);
    const { options } = await mountOf(world, "reads");
    expect(options.includes("ro"), `mounted with ${options.join(",")}`);
    const { code, stderr } = await world.tryExec("reads", ["touch", `${MOUNT_PATH}/new`]);
    expect(code !== 0 && stderr.includes("Read-only"), `writing ended with ${code}: ${stderr}`);
  },
};

const subPath: Scenario = {
  id: "sub-path",
  title: "a pod with a subPath sees that directory of the volume alone",
  async run(world) {
    const { ext4 } = world.classes;
    await startWithClaim(
      world,
      { name: "part", class: ext4, size: "128Mi" },
      { mount: { subPath: "inner/most" } },
    );
    const content = await writeContent(world, "part", { mebibytes: 4 });
    await startPod(world, { name: "whole", claim: "part" });
    await expectContent(world, "whole", { ...content, path: `${MOUNT_PATH}/inner/most/content` });
    const seen = await world.exec("part", ["ls", "-A", MOUNT_PATH]);
    expect(seen === "content", `the subPath shows ${seen}`);
  },
};

const ephemeral: Scenario = {
  id: "generic-ephemeral",
  title: "a generic ephemeral volume comes with its pod and goes with it",
  async run(world) {
    const { spec } = claim({ name: "unused", class: world.classes.ext4, size: "128Mi" });
    expect(spec !== undefined, "a claim without a specification");
    const base = podSpec({ image: world.cluster.settings.image, claim: "unused" });
    const volumes = [{ name: "volume", ephemeral: { volumeClaimTemplate: { spec } } }];
    await world.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "brief" },
      spec: { ...base, volumes },
    });
    await untilRunning(world, "brief");
    await expectContent(world, "brief", await writeContent(world, "brief", { mebibytes: 4 }));
    await endPods(world, "brief");
    await world.watch({
      get: ["persistentvolumeclaims"],
      what: "the claim of the pod is gone",
      judge: (claims) => claims.length === 0 || undefined,
    });
  },
};

const REPLICAS = 10;

const statefulSet: Scenario = {
  id: "stateful-set-of-ten",
  title:
    "ten pods of a StatefulSet have ten volumes, on all nodes, and find them again when they are replaced",
  async run(world) {
    const name = "set";
    const labels = { app: name };
    const { spec } = claim({ name: "volume", class: world.classes.ext4, size: "64Mi" });
    const inPod = podSpec({ image: world.cluster.settings.image, claim: "unused" });
    const set: V1StatefulSet = {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name },
      spec: {
        serviceName: name,
        replicas: REPLICAS,
        podManagementPolicy: "Parallel",
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Retain" },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { ...inPod, restartPolicy: "Always", volumes: [] },
        },
        volumeClaimTemplates: [{ metadata: { name: "volume" }, ...(spec === undefined ? {} : { spec }) }],
      },
    };
    const allReady = (not: ReadonlySet<string> = new Set()) =>
      world.phase("pods start", () =>
        world.watch<V1Pod, readonly V1Pod[]>({
          get: ["pods", `--selector=app=${name}`],
          what: `${REPLICAS} pods are ready`,
          timeoutMs: 240_000,
          judge: (pods) => {
            const ready = pods.filter((pod) => isReady(pod) && !not.has(pod.metadata?.uid ?? ""));
            return ready.length === REPLICAS ? ready : undefined;
          },
        }),
      );
    await world.apply(set);
    const first = await allReady();
    const nodes = new Set(first.map(nodeOf));
    expect(nodes.size === world.cluster.nodes.length, `all of them run on ${[...nodes].join(", ")}`);
    const identity = `printf '%s' "$1" > /data/name && sync`;
    for (const each of first.map(nameOf)) await world.exec(each, ["sh", "-c", identity, "sh", each]);
    await world.delete("pods", first.map(nameOf), { wait: false });
    const second = await allReady(new Set(first.map(({ metadata }) => metadata?.uid ?? "")));
    for (const each of second.map(nameOf)) {
      const found = await world.exec(each, ["cat", `${MOUNT_PATH}/name`]);
      expect(found === each, `${each} found the volume of ${found}`);
    }
  },
};

export const PODS: readonly Scenario[] = [
  statefulSet,
  oncePerPod,
  oncePerNode,
  group,
  readOnly,
  subPath,
  ephemeral,
];
