/** What people are shown: ThinPools, Events, and what nobody has a claim on. */
import type { CoreV1Event, V1PersistentVolume } from "@kubernetes/client-node";

import { DRIVER_NAME } from "../../../../src/core/ids.ts";
import { roomOn } from "../framework/capacity.ts";
import { bytesOf, expectContent, writeContent } from "../framework/content.ts";
import {
  applyClaim,
  endPods,
  ownerOf,
  startPod,
  startWithClaim,
  untilEvent,
  volumeOf,
} from "../framework/pods.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import { THIN_POOLS, thinPools, untilPool, type ThinPool } from "../framework/thin-pools.ts";
import { expect, type World } from "../framework/world.ts";

const MEBIBYTE = 1n << 20n;

/** The report of the pool that volumes of the suite lie in. */
async function poolOn(world: World, node: string, name: string | undefined): Promise<ThinPool> {
  const found = (await thinPools(world)).filter(
    ({ spec }) => spec.node === node && (name === undefined || spec.pool === name),
  );
  expect(found.length === 1 && found[0] !== undefined, `${found.length} ThinPools for a pool of ${node}`);
  return found[0];
}

const shown: Scenario = {
  id: "thin-pools-shown",
  title:
    "kubectl get thinpools shows each pool with its node; what is promised and written is in it, and comes back when it was deleted",
  needs: ["thinpools"],
  uses: "small-pool",
  async run(world) {
    const { settings } = world.cluster;
    const table = await world.kubectl.run(["get", THIN_POOLS]);
    const head = table.split("\n")[0] ?? "";
    for (const column of ["NODE", "POOL", "SIZE", "USED%", "PROMISED", "MODE"])
      expect(head.includes(column), `the table has no column ${column}: ${head}`);
    for (const { name } of world.cluster.nodes)
      expect(table.includes(name), `${name} has no line:\n${table}`);
    // In a pool that other scenarios leave alone meanwhile, if there is one.
    const pool = settings.smallPool ?? settings.pool;
    const claimClass = settings.smallPool === undefined ? world.classes.ext4 : world.classes.small;
    const node = world.nodeA;
    const before = await poolOn(world, node, pool);
    const promised = before.status?.promisedBytes ?? 0;
    const used = before.status?.data?.usedBytes ?? 0;
    await startWithClaim(world, { name: "seen", class: claimClass, size: "256Mi" }, { node });
    await writeContent(world, "seen", { mebibytes: 64 });
    const place = { node, pool: before.spec.pool };
    await untilPool(
      world,
      place,
      "the promise and what was written are in it",
      ({ promisedBytes = 0, data }) => {
        const more = BigInt(promisedBytes - promised) === bytesOf("256Mi");
        return (more && BigInt((data?.usedBytes ?? 0) - used) >= 64n * MEBIBYTE) || undefined;
      },
    );
    await world.kubectl.run(["delete", THIN_POOLS, nameOf(before)]);
    await untilPool(world, place, "it is there again", ({ mode }) => mode === "rw" || undefined);
    await expectContent(world, "seen", await writeContent(world, "seen", { mebibytes: 4 }));
  },
};

const low: Scenario = {
  id: "low-pool",
  title:
    "a pool that is nearly full says so in its ThinPool and by an Event, and no longer once there is room",
  needs: ["thinpools", "small-pool"],
  uses: "small-pool",
  async run(world) {
    const { smallPool = "" } = world.cluster.settings;
    const node = world.nodeA;
    const { status } = await poolOn(world, node, smallPool);
    const size = BigInt(status?.data?.bytes ?? 0);
    expect(size > 256n * MEBIBYTE, `the small pool on ${node} has ${size} bytes`);
    const holds = (type: string, wanted: string) =>
      untilPool(
        world,
        { node, pool: smallPool },
        `${type} is ${wanted}`,
        ({ conditions = [] }) =>
          conditions.some((each) => each.type === type && each.status === wanted) || undefined,
      );
    await holds("DataLow", "False");
    const mebibytes = Number((size * 85n) / 100n / MEBIBYTE);
    const room = await roomOn(world, node);
    // What the filesystem takes for itself, too.
    expect(room > (size * 90n) / 100n, `the small pool on ${node} has room for ${room} of ${size} bytes`);
    const asked = `${room / MEBIBYTE}Mi`;
    await startWithClaim(world, { name: "greedy", class: world.classes.small, size: asked }, { node });
    await world.exec(
      "greedy",
      ["dd", "if=/dev/urandom", "of=/data/much", "bs=1048576", `count=${mebibytes}`, "conv=fsync"],
      {
        timeoutMs: 200_000,
      },
    );
    await holds("DataLow", "True");
    // Who has a volume there is told, and who looks after the node.
    await untilEvent(world, { kind: "PersistentVolumeClaim", name: "greedy" }, /PoolDataLow/);
    await world.phase("other waits", () =>
      world.kubectl.watch<CoreV1Event, true>({
        get: [
          "events",
          "--all-namespaces",
          `--field-selector=involvedObject.kind=Node,involvedObject.name=${node}`,
        ],
        what: "an Event of the node says that the pool is low",
        judge: (events) =>
          events.some(
            ({ reason, message }) => reason === "PoolDataLow" && message?.includes(smallPool) === true,
          ) || undefined,
      }),
    );
    await endPods(world, "greedy");
    await world.delete("persistentvolumeclaims", ["greedy"]);
    await holds("DataLow", "False");
  },
};

const retained: Scenario = {
  id: "retained-and-taken-up-again",
  title: "a volume whose PersistentVolume was retained and deleted by hand is found again by its handle",
  async run(world) {
    const { ext4 } = world.classes;
    await startWithClaim(world, { name: "first", class: ext4, size: "128Mi" });
    const content = await writeContent(world, "first", { mebibytes: 8 });
    const volume = await volumeOf(world, "first");
    const name = nameOf(volume);
    await world.kubectl.run([
      "patch",
      "persistentvolumes",
      name,
      "--type=merge",
      `--patch=${JSON.stringify({ spec: { persistentVolumeReclaimPolicy: "Retain" } })}`,
    ]);
    await endPods(world, "first");
    await world.delete("persistentvolumeclaims", ["first"]);
    await world.kubectl.watch<V1PersistentVolume, true>({
      get: ["persistentvolumes", `--field-selector=metadata.name=${name}`],
      what: "the volume is released",
      judge: ([found]) => found?.status?.phase === "Released" || undefined,
    });
    await world.kubectl.run(["delete", "persistentvolumes", name, "--timeout=60s"], { timeoutMs: 70_000 });
    const { csi, nodeAffinity, capacity, accessModes } = volume.spec ?? {};
    const byHand: V1PersistentVolume = {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: {
        name: `${world.namespace}-by-hand`,
        annotations: { "pv.kubernetes.io/provisioned-by": DRIVER_NAME },
      },
      spec: {
        ...(capacity === undefined ? {} : { capacity }),
        ...(accessModes === undefined ? {} : { accessModes }),
        ...(nodeAffinity === undefined ? {} : { nodeAffinity }),
        csi: { driver: DRIVER_NAME, volumeHandle: csi?.volumeHandle ?? "", fsType: "ext4" },
        persistentVolumeReclaimPolicy: "Delete",
        storageClassName: ext4,
        claimRef: { namespace: world.namespace, name: "second" },
      },
    };
    await world.apply(byHand);
    await applyClaim(world, {
      name: "second",
      class: ext4,
      size: "128Mi",
      volume: `${world.namespace}-by-hand`,
    });
    await startPod(world, { name: "second", claim: "second" });
    await expectContent(world, "second", content);
    expect(ownerOf(world, volume) !== "", "the volume had no node");
  },
};

const badClass: Scenario = {
  id: "unknown-pool",
  title: "a claim of a class with a pool that nobody has says so",
  async run(world) {
    const name = `${world.namespace}-none`;
    world.atEnd(() => world.kubectl.run(["delete", "storageclasses", name, "--ignore-not-found"]));
    await world.apply({
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name },
      provisioner: DRIVER_NAME,
      parameters: { pool: "no-such-pool" },
      volumeBindingMode: "Immediate",
    } as { readonly metadata: { readonly name: string } });
    await applyClaim(world, { name: "nowhere", class: name, size: "128Mi" });
    await untilEvent(
      world,
      { kind: "PersistentVolumeClaim", name: "nowhere" },
      /ProvisioningFailed.*no-such-pool/,
    );
  },
};

export const VIEWS: readonly Scenario[] = [low, shown, retained, badClass];
