/** The disk of a pool is put into another node, as docs/guides/move-disks.md says, and its volumes go on there. */
import type {
  V1ConfigMap,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
} from "@kubernetes/client-node";
import { parse } from "yaml";

import { parseId } from "../../../../src/core/ids.ts";
import { expectContent, writeContent, type Content } from "../framework/content.ts";
import { givenValues, helmApply } from "../framework/helm.ts";
import { claim, podSpec, storageClass } from "../framework/manifests.ts";
import { nodeOf, ownerOf, startWithClaim, untilRunning, volumeOf } from "../framework/pods.ts";
import { dmthin, killedDmthin } from "../framework/plugin.ts";
import { bedOf, victim, withoutPower } from "../framework/power.ts";
import type { Scenario } from "../framework/scenario.ts";
import { nameOf } from "../framework/settings.ts";
import { SNAPSHOTS, takeSnapshot } from "../framework/snapshots.ts";
import { THIN_POOLS, thinPools, untilPool, type ThinPool } from "../framework/thin-pools.ts";
import { expect, type World } from "../framework/world.ts";

const POOL = "moving";
const CLASS = "dmthin-e2e-moving";
/** The disk of each node of the bed that no pool has. */
const DISK = "/dev/ubdd";
const SET = "kept";
const REPLICAS = 3;
const NOTE_LABEL = "dmthin.io/rehome";

type Pools = readonly object[];

interface Values {
  readonly pools: Pools;
  readonly nodes?: Readonly<Record<string, { readonly pools?: Pools }>>;
}

/** `given`, and on that node one pool more. */
function withPool(given: Values, node: string, pool: object): string {
  const own = given.nodes?.[node] ?? {};
  const nodes = { ...given.nodes, [node]: { ...own, pools: [...(own.pools ?? given.pools), pool] } };
  return JSON.stringify({ ...given, nodes });
}

const podOf = (index: number): string => `${SET}-${index}`;
const claimOf = (index: number): string => `data-${podOf(index)}`;
const indexes = Array.from({ length: REPLICAS }, (_each, index) => index);

/** Applies the StatefulSet: nothing in it says on which node it runs. */
async function applySet(world: World): Promise<void> {
  const { spec } = claim({ name: "data", class: CLASS, size: "128Mi" });
  const pod = podSpec({ image: world.cluster.settings.image, claim: "" });
  const [container] = pod.containers;
  const volumeMounts = [{ name: "data", mountPath: "/data" }];
  await world.apply({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: SET },
    spec: {
      serviceName: SET,
      replicas: REPLICAS,
      selector: { matchLabels: { app: SET } },
      template: {
        metadata: { labels: { app: SET } },
        spec: {
          ...pod,
          restartPolicy: "Always",
          volumes: [],
          containers: [{ ...container, volumeMounts }],
        },
      },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec }],
    },
  });
}

async function scale(world: World, replicas: number): Promise<void> {
  await world.patch("statefulsets.apps", SET, { spec: { replicas } });
  await world.phase("pods end", () =>
    world.watch<V1Pod, true>({
      get: ["pods", `--selector=app=${SET}`],
      what: `${SET} has no more than ${replicas} pods`,
      judge: (pods) => pods.length <= replicas || undefined,
    }),
  );
}

/** All pods of the StatefulSet run there. */
async function untilSetRuns(world: World, node: string): Promise<void> {
  for (const index of indexes) {
    const pod = await untilRunning(world, podOf(index));
    expect(nodeOf(pod) === node, `${podOf(index)} runs on ${nodeOf(pod)}, not on ${node}`);
  }
}

/** Of its open pool on that node. */
const untilOpen = (world: World, node: string): Promise<string> =>
  untilPool(world, { node, pool: POOL }, "it is open", ({ mode, uuid }) =>
    mode === "rw" ? uuid : undefined,
  );

const untilNoPool = (world: World, node: string): Promise<true> =>
  world.phase("other waits", () =>
    world.kubectl.watch<ThinPool, true>({
      get: [THIN_POOLS],
      what: `no ThinPool says that ${POOL} is on ${node}`,
      judge: (pools) => !pools.some(({ spec }) => spec.node === node && spec.pool === POOL) || undefined,
    }),
  );

interface Listed {
  readonly pools: readonly {
    readonly uuid: string;
    readonly state: string;
    readonly standing: { readonly kind: string };
  }[];
}

/** What `kubectl dmthin pool adopt` says to put into the configuration of that node, once it has looked. */
async function adopted(world: World, uuid: string, node: string): Promise<object> {
  const { stdout } = await dmthin(world, ["pool", "adopt", "-o", "json", "--node", node]);
  const { pools } = JSON.parse(stdout) as Listed;
  const found = pools.find((each) => each.uuid === uuid);
  expect(
    found?.state === "complete" && found.standing.kind === "new",
    `the pool is not found on ${node} as one to be had:\n${stdout}`,
  );
  const answer = await dmthin(world, ["pool", "adopt", uuid, "-o", "json", "--node", node]);
  const { stanza, volumes, snapshots } = JSON.parse(answer.stdout) as {
    readonly stanza: string;
    readonly volumes: number;
    readonly snapshots: number;
  };
  expect(volumes === REPLICAS && snapshots === 1, `it brings ${volumes} volumes and ${snapshots} snapshots`);
  const [pool] = parse(stanza) as readonly object[];
  expect(pool !== undefined, `nothing is to be put into the configuration:\n${answer.stdout}`);
  return pool;
}

const ofPool = async (world: World, uuid: string): Promise<readonly V1PersistentVolume[]> => {
  const volumes = await world.kubectl.list<V1PersistentVolume>(["get", "persistentvolumes"]);
  return volumes.filter(({ spec }) => parseId(spec?.csi?.volumeHandle ?? "")?.pool === uuid);
};

const notes = (world: World): readonly string[] => [
  "configmaps",
  `--namespace=${world.cluster.settings.namespace}`,
  `--selector=${NOTE_LABEL}`,
];

const rehomeWords = (uuid: string, node: string): readonly string[] => ["pool", "rehome", uuid, "--to", node];

/** Looks, is killed in the middle of it, and ends it at the second call. */
async function rehome(world: World, uuid: string, node: string): Promise<void> {
  const words = rehomeWords(uuid, node);
  const before = await ofPool(world, uuid);
  const { stdout } = await dmthin(world, words);
  expect(
    stdout.includes("nothing was changed") && before.every((each) => stdout.includes(nameOf(each))),
    `the plan is:\n${stdout}`,
  );
  const noted = world.kubectl.watch<V1ConfigMap, true>({
    get: notes(world),
    what: "a PersistentVolume is noted down",
    judge: (found) => found.length > 0 || undefined,
  });
  await killedDmthin(world, [...words, "--apply"], noted);
  const left = (await world.kubectl.list(["get", ...notes(world)])).length;
  const moved = (await ofPool(world, uuid)).filter((each) => ownerOf(world, each) === node).length;
  expect(moved < before.length || left > 0, "it was killed when all was done");
  world.remarks.push(`rehome was killed with ${moved} of ${before.length} moved and ${left} noted down`);
  await dmthin(world, [...words, "--apply"]);
  const after = await dmthin(world, words);
  expect(after.stdout === `on ${node} already: ${before.length}\n`, `a third call says:\n${after.stdout}`);
  await expectRehomed(world, before, node);
}

/** All that they were but for where, each bound to the claim that it was bound to, and nothing noted down any more. */
async function expectRehomed(
  world: World,
  before: readonly V1PersistentVolume[],
  node: string,
): Promise<void> {
  const left = await world.kubectl.list(["get", ...notes(world)]);
  expect(left.length === 0, `still noted down: ${left.map(nameOf).join(", ")}`);
  for (const index of indexes) {
    const bound = await world.get<V1PersistentVolumeClaim>("persistentvolumeclaims", claimOf(index));
    expect(bound.status?.phase === "Bound", `claim ${claimOf(index)} is ${bound.status?.phase}`);
    const after = await volumeOf(world, claimOf(index));
    const old = before.find((each) => nameOf(each) === nameOf(after));
    const facts = ({ metadata, spec }: V1PersistentVolume): string =>
      JSON.stringify([
        metadata?.finalizers?.toSorted(),
        [spec?.capacity, spec?.accessModes, spec?.csi, spec?.storageClassName, spec?.volumeMode],
        [spec?.persistentVolumeReclaimPolicy, spec?.claimRef?.uid],
      ]);
    expect(old !== undefined && facts(old) === facts(after), `${nameOf(after)} is not what it was`);
    expect(after.status?.phase === "Bound", `${nameOf(after)} is ${after.status?.phase}`);
    expect(ownerOf(world, after) === node, `${nameOf(after)} is still on ${ownerOf(world, after)}`);
  }
}

/** No object and no node says that anything of the pool were on another node than this. */
async function expectOnlyOn(world: World, uuid: string, node: string): Promise<void> {
  const reported = (await thinPools(world)).filter(
    ({ spec, status }) => spec.pool === POOL || status?.uuid === uuid,
  );
  const places = reported.map(({ spec }) => spec.node);
  expect(places.join() === node, `ThinPools have it on ${places.join(", ")}`);
  for (const each of await ofPool(world, uuid))
    expect(ownerOf(world, each) === node, `${nameOf(each)} is tied to ${ownerOf(world, each)}`);
  const { stdout } = await dmthin(world, ["volumes", "-o", "json"], new Set([0, 4]));
  const { volumes } = JSON.parse(stdout) as {
    readonly volumes: readonly { readonly id: string; readonly node: string }[];
  };
  const shown = volumes.filter(({ id }) => parseId(id)?.pool === uuid);
  expect(
    shown.length >= REPLICAS && shown.every((each) => each.node === node),
    `kubectl dmthin volumes has ${JSON.stringify(shown)}`,
  );
}

/** Takes the workload away, and waits until nothing of it is in the pool any more. */
async function deleteAll(world: World): Promise<void> {
  for (const kind of ["statefulsets.apps", "pods", SNAPSHOTS, "persistentvolumeclaims"])
    await world.kubectl.run(["delete", kind, "--all", `--namespace=${world.namespace}`, "--timeout=150s"], {
      timeoutMs: 160_000,
    });
  await world.untilNothingLeft();
}

const rehomed: Scenario = {
  id: "pool-rehomed",
  title:
    "the disk of a pool is put into another node: pool rehome, killed and called again, has its pods go on there with their data and snapshots",
  needs: ["two-nodes", "bed", "helm", "plugin", "snapshots", "thinpools"],
  alone: true,
  deadlineMs: 1_500_000,
  async run(world) {
    const [from, to] = [victim(world), world.nodeA];
    const text = await givenValues(world);
    const given = JSON.parse(text) as Values;
    const disk = { node: from, device: DISK };
    world.atEnd(async () => {
      const { code, stderr } = await bedOf(world).run(from, "blkdiscard", "--force", DISK);
      expect(code === 0, `${DISK} of ${from} is not empty again: ${stderr}`);
    });
    // An open pool is given back when its driver ends.
    world.atEnd(() =>
      withoutPower(world, [from, to], async (bed) => {
        if (disk.node !== from) await bed.moveDisk(disk.node, disk.device, from);
      }),
    );
    world.atEnd(() => helmApply(world, "upgrade", text));
    world.atEnd(() => world.kubectl.run(["delete", "storageclasses", CLASS, "--ignore-not-found"]));
    world.atEnd(() => deleteAll(world));
    const withDisk = (): string =>
      withPool(given, disk.node, { name: POOL, backing: "devices", devices: [disk.device] });
    // Where no node has the pool, nothing in it can be deleted; and what a rehome has begun, it retains until it ends.
    world.atEnd(async () => {
      if (disk.node === from) return;
      await helmApply(world, "upgrade", withDisk());
      await dmthin(world, [...rehomeWords(await untilOpen(world, disk.node), disk.node), "--apply"]);
    });

    await helmApply(world, "upgrade", withDisk());
    const uuid = await untilOpen(world, from);
    await world.apply(storageClass({ name: CLASS, pool: POOL }));
    await applySet(world);
    await untilSetRuns(world, from);
    const contents: Content[] = [];
    for (const index of indexes) contents.push(await writeContent(world, podOf(index)));
    await takeSnapshot(world, "cut", claimOf(0));
    await world.exec(podOf(0), ["touch", "/data/later"]);

    await scale(world, 0);
    await withoutPower(world, [from, to], async (bed) => {
      [disk.device, disk.node] = [await bed.moveDisk(from, DISK, to), to];
    });
    await helmApply(world, "upgrade", withPool(given, to, await adopted(world, uuid, to)));
    expect((await untilOpen(world, to)) === uuid, "another pool of its name was opened");
    await untilNoPool(world, from);
    await rehome(world, uuid, to);

    await scale(world, REPLICAS);
    await untilSetRuns(world, to);
    for (const [index, content] of contents.entries()) await expectContent(world, podOf(index), content);
    const restored = { name: "restored", class: CLASS, size: "128Mi", source: { snapshot: "cut" } };
    const restore = await startWithClaim(world, restored);
    expect(nodeOf(restore) === to, `the restore is on ${nodeOf(restore)}`);
    if (contents[0] !== undefined) await expectContent(world, "restored", contents[0]);
    const listed = await world.exec("restored", ["ls", "/data"]);
    expect(!listed.includes("later"), `the restore has what came after its snapshot: ${listed}`);
    await takeSnapshot(world, "again", claimOf(0));
    await startWithClaim(world, { name: "new", class: CLASS, size: "128Mi" });
    await expectOnlyOn(world, uuid, to);
  },
};

export const MOVES: readonly Scenario[] = [rehomed];
