/** Fifty claims at once: how long it takes, what it costs the API server, and the same of csi-driver-host-path where the run has its image. */
import type { V1PersistentVolume, V1Pod } from "@kubernetes/client-node";

import { callsOf, countCalls } from "../framework/api-calls.ts";
import { HOSTPATH_CLASS, installHostpath } from "../framework/hostpath.ts";
import { claim, pod } from "../framework/manifests.ts";
import { nodeCalls } from "../framework/node-calls.ts";
import { isReady, nodeOf } from "../framework/pods.ts";
import { nameOf } from "../framework/settings.ts";
import type { Scenario } from "../framework/scenario.ts";
import { expect, type World } from "../framework/world.ts";

const CLAIMS = 50;

interface Driver {
  readonly name: string;
  readonly class: string;
  /** dmthin's nodes have a log of their calls. */
  readonly ours: boolean;
  /** FlowSchemas by accounts. */
  readonly counted: ReadonlyMap<string, string>;
}

const fifty: Scenario = {
  id: "fifty-claims-at-once",
  title: "fifty claims with fifty pods, applied at once, all run; nodes ask the API server nothing",
  alone: true,
  // Four rounds, and what each leaves is deleted.
  deadlineMs: 3_600_000,
  async run(world) {
    const { hostpath, namespace } = world.cluster.settings;
    const ours: Driver = {
      name: "dmthin",
      class: world.classes.ext4,
      ours: true,
      counted: await countCalls(world, namespace),
    };
    if (hostpath === undefined) {
      await round(world, ours, "1");
      world.remarks.push("not compared with csi-driver-host-path: the run has no image of it");
      return;
    }
    await installHostpath(world, hostpath);
    const name = hostpath.split("/").at(-1) ?? hostpath;
    const counted = await countCalls(world, world.namespace);
    const theirs: Driver = { name, class: HOSTPATH_CLASS, ours: false, counted };
    for (const [index, driver] of [ours, theirs, theirs, ours].entries())
      await round(world, driver, String(index + 1));
  },
};

/** Applies, waits for all pods, says what it was, and deletes until no volume is left. `which` tells rounds apart. */
async function round(world: World, driver: Driver, which: string): Promise<void> {
  const { image } = world.cluster.settings;
  const names = Array.from({ length: CLAIMS }, (_, index) => `claim-${which}-${index}`);
  const before = await callsOf(world, driver.counted);
  const labels = { many: which };
  const began = performance.now();
  const beganAt = Date.now();
  await world.apply(
    ...names.flatMap((name) => [
      { ...claim({ name, class: driver.class, size: "64Mi" }), metadata: { name, labels } },
      pod({ name, image, claim: name, labels }),
    ]),
  );
  const applied = (performance.now() - began) / 1000;
  const pods = await world.phase("pods start", () =>
    world.watch<V1Pod, readonly V1Pod[]>({
      get: ["pods", `--selector=many=${which}`],
      what: `${CLAIMS} pods run`,
      timeoutMs: 600_000,
      judge: (found) => (found.filter(isReady).length === CLAIMS ? found : undefined),
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const calls = await callsOf(world, driver.counted);
  const volumes = (await world.kubectl.list<V1PersistentVolume>(["get", "persistentvolumes"])).filter(
    ({ spec }) => spec?.claimRef?.namespace === world.namespace,
  );
  const places = pods.map(nodeOf);
  const spread = world.cluster.nodes.map(
    ({ name }) => `${name} ${places.filter((each) => each === name).length}`,
  );
  // Full seconds: objects have no finer times.
  const after = (times: readonly (Date | undefined)[]): string =>
    `${Math.round((Math.max(...times.map((time) => new Date(time ?? 0).getTime())) - beganAt) / 1000)} s`;
  const made = after(volumes.map(({ metadata }) => metadata?.creationTimestamp));
  const placed = after(
    pods.map(
      ({ status }) => status?.conditions?.find(({ type }) => type === "PodScheduled")?.lastTransitionTime,
    ),
  );
  world.remarks.push(
    `${driver.name}: all ${CLAIMS} pods run ${seconds.toFixed(1)} s after kubectl apply: ${spread.join(", ")}`,
    `  kubectl apply took ${applied.toFixed(1)} s; the last volume was there after ${made}, the last pod had a node after ${placed}`,
  );
  if (driver.ours)
    for (const { method, count, medianMs, longestMs } of await nodeCalls(world, new Date(beganAt)))
      world.remarks.push(`  ${count} ${method}, each ${medianMs} ms (median), at most ${longestMs} ms`);
  for (const [account, count] of calls) {
    const meanwhile = count - (before.get(account) ?? 0);
    world.remarks.push(`  calls to the API server by ${account}: ${meanwhile}`);
    expect(
      !account.includes("node") || meanwhile === 0,
      `${account} has made ${meanwhile} calls: nodes make none`,
    );
  }
  await world.phase("pods end", () => world.delete("pods", pods.map(nameOf)));
  await world.delete("persistentvolumeclaims", names);
  await world.phase("clean up", () => world.untilNothingLeft());
}

export const MANY: readonly Scenario[] = [fifty];
